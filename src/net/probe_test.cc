#include "net/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <thread>

#include "net/dns_lookup.h"

namespace starling::net {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using ::testing::HasSubstr;

constexpr auto kLong = 60s;
constexpr auto kShort = 20ms;

// Somebody who listens. The kernel takes the connection and what is sent; nothing answers.
struct ProbeTest : ::testing::Test {
  boost::asio::io_context context;
  tcp::acceptor door{context, tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 0)};
  Probe what{.ip = "127.0.0.1", .port = door.local_endpoint().port()};
};

TEST_F(ProbeTest, OpenPort_IsFoundOpen) {
  EXPECT_TRUE(probe(what, kLong));
}

TEST_F(ProbeTest, ClosedPort_IsFoundClosed) {
  door.close();
  const auto result = probe(what, kLong);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::unavailable);
  EXPECT_THAT(result.error().message, HasSubstr("refused"));
}

TEST_F(ProbeTest, NoAnswer_TakesNoLongerThanTheBound) {
  what.word = "hello";
  what.answer = "hello";
  const auto plain = probe(what, kShort);
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code, Errc::timeout);
  what.tls = true;
  const auto tls = probe(what, kShort);
  ASSERT_FALSE(tls);
  EXPECT_EQ(tls.error().code, Errc::timeout);
}

TEST_F(ProbeTest, ConnectionThatEnds_IsTold) {
  what.answer = "hello";
  door.async_accept([](const boost::system::error_code&, tcp::socket socket) { socket.close(); });
  std::thread server([&] { context.run(); });
  const auto result = probe(what, kLong);
  server.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::unavailable);
}

TEST(OwnAddressTest, OwnAddresses_AreKnown) {
  EXPECT_TRUE(is_own_address("127.0.0.1"));
  EXPECT_FALSE(is_own_address("192.0.2.1"));  // RFC 5737: nobody's
  EXPECT_FALSE(is_own_address("example.org"));
}

// What a name server says is tested with one, in tests/daemon/test_doctor.py.
TEST_F(ProbeTest, NameServer_ThatIsNotThereIsTold) {
  const std::string nobody = "127.0.0.1:" + std::to_string(what.port);  // TCP only
  const auto answers = ask_dns({nobody}, {{DnsType::a, "example.org"}}, kLong);
  ASSERT_TRUE(answers);
  ASSERT_EQ(answers->size(), 1U);
  EXPECT_TRUE(answers->front().empty());
  EXPECT_NE(answers->front().error, "");
}

TEST(DnsLookupTest, ListOfServersThatIsNone_IsRefused) {
  const auto answers = ask_dns({"nonsense"}, {}, kLong);
  ASSERT_FALSE(answers);
  EXPECT_EQ(answers.error().code, Errc::invalid);
}

}  // namespace
}  // namespace starling::net
