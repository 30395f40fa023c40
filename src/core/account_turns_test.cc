#include "core/account_turns.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace starling::core {
namespace {

class AccountTurnsTest : public testing::Test {
 protected:
  // A step that notes its beginning, waits until go_on(), and notes its end.
  static Task<void> waits(AccountTurnsTest* test, std::string name) {
    test->log_ += "(" + name;
    Completion<bool> done([test](auto resume) { test->waiting_.push_back(std::move(resume)); });
    co_await done;
    test->log_ += name + ")";
  }
  AccountTurns::Step waiting_step(std::string name) {
    return [this, name = std::move(name)] { return waits(this, name); };
  }
  AccountTurns::Step step(std::string name) {
    return [this, name = std::move(name)] {
      log_ += name;
      return completed();
    };
  }
  void go_on() {
    auto resume = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    resume(true);
  }

  Gate gate_;
  AccountTurns turns_{gate_};
  std::string log_;
  std::vector<Completion<bool>::Resume> waiting_;
};

TEST_F(AccountTurnsTest, Idle_RunsAtOnceAndStaysIdle) {
  turns_.run("a@x", step("1"));
  EXPECT_EQ(log_, "1");
  EXPECT_FALSE(turns_.busy("a@x"));
  EXPECT_EQ(gate_.count(), 0);
}

TEST_F(AccountTurnsTest, GateIsClosed_NobodyWaitsForAStepThatIsNeverTaken) {
  gate_.close([] {});
  turns_.run("a@x", step("1"));
  EXPECT_EQ(log_, "");
  EXPECT_FALSE(turns_.busy("a@x"));
}

TEST_F(AccountTurnsTest, Suspended_LaterStepsWaitInOrder) {
  turns_.run("a@x", waiting_step("1"));
  turns_.run("a@x", step("2"));
  turns_.run("a@x", waiting_step("3"));
  turns_.run("a@x", step("4"));
  EXPECT_TRUE(turns_.busy("a@x"));
  EXPECT_EQ(turns_.waiting("a@x"), 3U);
  EXPECT_EQ(log_, "(1");
  go_on();
  EXPECT_EQ(log_, "(11)2(3");
  EXPECT_EQ(turns_.waiting("a@x"), 1U);
  go_on();
  EXPECT_EQ(log_, "(11)2(33)4");
  EXPECT_FALSE(turns_.busy("a@x"));
}

TEST_F(AccountTurnsTest, OtherAccounts_AreNotAffected) {
  turns_.run("a@x", waiting_step("1"));
  turns_.run("b@x", step("2"));
  turns_.run("b@x", waiting_step("3"));
  EXPECT_EQ(log_, "(12(3");
  EXPECT_FALSE(turns_.busy("c@x"));
  go_on();
  EXPECT_FALSE(turns_.busy("a@x"));
  EXPECT_TRUE(turns_.busy("b@x"));
  go_on();
}

TEST_F(AccountTurnsTest, StepThatAddsASteps_RunsItAfterThoseThatWait) {
  turns_.run("a@x", waiting_step("1"));
  turns_.run("a@x", [this] {
    turns_.run("a@x", step("4"));
    log_ += "2";
    return completed();
  });
  turns_.run("a@x", step("3"));
  go_on();
  EXPECT_EQ(log_, "(11)234");
}

TEST_F(AccountTurnsTest, ManyImmediateSteps_DoNotDeepenTheStack) {
  turns_.run("a@x", waiting_step(""));
  int ran = 0;
  for (int i = 0; i < 200'000; ++i) {
    turns_.run("a@x", [&ran] {
      ++ran;
      return completed();
    });
  }
  go_on();
  EXPECT_EQ(ran, 200'000);
}

TEST_F(AccountTurnsTest, ClosedGate_WaitsForWhatIsUnderWay) {
  turns_.run("a@x", waiting_step("1"));
  turns_.run("a@x", step("2"));
  bool empty = false;
  gate_.close([&empty] { empty = true; });
  EXPECT_FALSE(empty);
  go_on();
  EXPECT_TRUE(empty);
  EXPECT_EQ(log_, "(11)2");
  turns_.run("a@x", step("3"));
  EXPECT_EQ(log_, "(11)2");
}

}  // namespace
}  // namespace starling::core
