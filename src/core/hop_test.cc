#include "core/hop.h"

#include "core/test_server.h"

namespace starling::core {
namespace {

class HopTest : public testing::Test {
 protected:
  // Asks from worker 0.
  std::optional<int> hop_to(std::size_t worker) {
    std::move_only_function<Task<int>()> work = []() -> Task<int> { co_return 5; };
    return server_.wait(hop(server_.server().worker(worker), std::move(work)));
  }

  TestServer server_{2};
};

TEST_F(HopTest, ResultOfAnotherWorker_ComesBack) {
  EXPECT_EQ(hop_to(1), 5);
  EXPECT_EQ(hop_to(0), 5);
}

// Another worker may stop a moment earlier than the caller's, whose gate waits for the answer.
TEST_F(HopTest, WorkerThatHasStopped_IsNotWaitedFor) {
  server_.server().worker(1).gate().close([] {});
  EXPECT_EQ(hop_to(1), std::nullopt);
}

}  // namespace
}  // namespace starling::core
