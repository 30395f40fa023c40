// A stream goes to the home worker of its account once that is known: with two workers, first on
// loops driven by hand, then on real ones in threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/directory.h"
#include "stream/test_client.h"

namespace starling::stream {
namespace {

using test::TestClient;
using testing::HasSubstr;
using testing::StartsWith;

class C2sMove : public testing::Test {
 protected:
  C2sMove() { options_->starttls_required = false; }
  [[nodiscard]] std::size_t home() { return node_.server().home_of("alice@example.org"); }
  [[nodiscard]] std::size_t elsewhere() { return 1 - home(); }

  ThreadPool pool_{1, "test"};
  test::TestNode node_{pool_, 2, {}};
  std::shared_ptr<C2sOptions> options_ = std::make_shared<C2sOptions>();
};

TEST_F(C2sMove, LogIn_EndsOnTheHomeWorker) {
  for (const std::size_t worker : {home(), elsewhere()}) {
    TestClient client(node_, options_, worker);
    EXPECT_THAT(client.log_in("r" + std::to_string(worker)), HasSubstr("<jid>"));
    EXPECT_EQ(&client.connection().loop(), &node_.loop(home()));
    EXPECT_EQ(node_.server().worker(home()).directory().session_count(), 1U);
    EXPECT_THAT(
        client.say("<message id='self' to='alice@example.org/r" + std::to_string(worker) + "'/>"),
        HasSubstr("id='self'"));
  }
}

TEST_F(C2sMove, InputOnTheWay_IsNotLost) {
  TestClient client(node_, options_, elsewhere());
  client.open();
  // The next stream and more come before the connection has arrived.
  node_.loop(elsewhere()).inside([&] {
    client.connection().peer_sends(
        TestClient::sasl("auth", "n,,n=alice,r=x", " mechanism='SCRAM-SHA-1'"));
  });
  node_.settle();
  const std::string challenge = TestClient::content_of(client.take());
  const xmpp::sasl::test::ScramClient scram(xmpp::sasl::ScramHash::sha1, test::kPassword,
                                            test::kSalt, 1);
  const std::string final_message = scram.client_final(
      "n=alice,r=x", challenge, "c=biws," + challenge.substr(0, challenge.find(',')));
  client.on_loop([&] {
    client.connection().peer_sends(TestClient::sasl("response", final_message) +
                                   TestClient::header());
    client.connection().peer_sends(
        "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
        "<resource>r</resource></bind></iq>");
  });
  const std::string answer = client.take();
  EXPECT_THAT(answer, StartsWith("<success"));
  EXPECT_THAT(answer, HasSubstr("<jid>alice@example.org/r</jid>"));
  EXPECT_FALSE(client.reader().broken());
}

TEST_F(C2sMove, ServerStopsMeanwhile_TheStreamIsTurnedAwayOnArrival) {
  TestClient client(node_, options_, elsewhere());
  client.open();
  bool done = false;
  // All of it before the home worker runs again.
  node_.loop(home()).inside([&] { node_.service(home()).shut_down([&] { done = true; }); });
  EXPECT_TRUE(done);
  client.scram({});
  EXPECT_EQ(client.reader().stream_error(), "system-shutdown");
  EXPECT_TRUE(client.ended());
}

}  // namespace
}  // namespace starling::stream
