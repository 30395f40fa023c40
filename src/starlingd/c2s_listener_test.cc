#include "starlingd/c2s_listener.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>

namespace starling::starlingd {
namespace {

using boost::asio::ip::make_address;
using std::chrono::seconds;

std::shared_ptr<config::Config> with_shapers() {
  auto made = std::make_shared<config::Config>();
  made->shapers["slow"] = {.rate = 1'000};
  made->shapers["fast"] = {.rate = 100'000};
  auto& access = made->host_options["example.org"].access;
  access.acls["local"].addresses.push_back(*config::IpRange::parse("192.0.2.0/24"));
  access.shaper_rules["c2s_shaper"] = {{"none", {"local"}}, {"fast", {"all"}}};
  return made;
}

// The rate at which that user is read, from that address; 0: any.
std::uint64_t rate(const stream::C2sOptions& options, std::string_view jid,
                   std::string_view address) {
  const auto user = *xmpp::Jid::parse(jid);
  const auto shaper = options.shaper({&user, IpAddress::parse(address)});
  return shaper ? shaper->rate : 0;
}

TEST(C2sOptions, Shaper_IsChosenByTheRuleOfTheUsersHost) {
  const auto options = c2s_options(with_shapers(), {.shaper = "c2s_shaper"}, nullptr);
  EXPECT_EQ(rate(options, "a@example.org", "198.51.100.1"), 100'000U);
  EXPECT_EQ(rate(options, "a@example.org", "192.0.2.7"), 0U);
  EXPECT_EQ(rate(options, "a@other.example", "198.51.100.1"), 0U);  // has no such rule
}

TEST(C2sOptions, Shaper_MayBeNamedItself) {
  const auto options = c2s_options(with_shapers(), {.shaper = "slow"}, nullptr);
  EXPECT_EQ(rate(options, "a@example.org", "192.0.2.7"), 1'000U);
  EXPECT_EQ(rate(options, "a@other.example", "192.0.2.7"), 1'000U);
  const auto none = c2s_options(with_shapers(), {.shaper = "none"}, nullptr);
  EXPECT_EQ(rate(none, "a@example.org", "192.0.2.7"), 0U);
}

TEST(C2sOptions, Limits_AreTheListeners) {
  config::ListenOptions listen;
  listen.max_stanza_size = 100'000;
  listen.max_stanza_size_before_auth = 12'000;
  listen.max_depth = 70'000;
  listen.max_attributes = 7;
  listen.max_elements = 8;
  listen.negotiation_timeout = seconds(9);
  listen.max_queued_bytes = 10;
  listen.max_auth_failures = 11;
  const auto options = c2s_options(std::make_shared<config::Config>(), listen, nullptr);
  EXPECT_EQ(options.limits.max_stanza_bytes, 100'000U);
  EXPECT_EQ(options.limits.max_depth, 65'535U);
  EXPECT_EQ(options.limits.max_attributes, 7U);
  EXPECT_EQ(options.limits.max_elements, 8U);
  EXPECT_EQ(options.limits_before_auth.max_stanza_bytes, 12'000U);
  EXPECT_EQ(options.negotiation_timeout, seconds(9));
  EXPECT_EQ(options.max_queued_bytes, 10U);
  EXPECT_EQ(options.max_auth_failures, 11);
}

TEST(ListenerOptions, Proxies_AreTrustedByTheirAddress) {
  config::Config config;
  config.reserved_files = 99;
  config::ListenOptions listen;
  listen.max_connections = 1'000;
  listen.max_connections_per_address = 10;
  listen.use_proxy_protocol = true;
  EXPECT_FALSE(listener_options(config, listen).trusts_proxy);  // nobody is named: anybody
  listen.trusted_proxies = {*config::IpRange::parse("192.0.2.0/24"),
                            *config::IpRange::parse("::1")};
  const auto options = listener_options(config, listen);
  EXPECT_EQ(options.connections.connections, 1'000U);
  EXPECT_EQ(options.connections.per_address, 10U);
  EXPECT_EQ(options.reserved_files, 99U);
  EXPECT_TRUE(options.proxy_protocol);
  EXPECT_TRUE(options.trusts_proxy(make_address("192.0.2.200")));
  EXPECT_TRUE(options.trusts_proxy(make_address("::1")));
  EXPECT_FALSE(options.trusts_proxy(make_address("198.51.100.1")));
}

}  // namespace
}  // namespace starling::starlingd
