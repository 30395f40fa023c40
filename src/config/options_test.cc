#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/load.h"

namespace starling::config {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

HostOptions good(const std::string& yaml) {
  auto config = parse_config(yaml, "/s.yml", {});
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(Config{}).options;
}

std::string mistake(const std::string& yaml) {
  const auto config = parse_config(yaml, "/s.yml", {});
  EXPECT_FALSE(config) << "accepted: " << yaml;
  return config ? "" : config.error().message;
}

TEST(ModuleOptions, Unsaid_HaveTheDefaults) {
  for (const char* yaml : {"", "admins:\nmodules:\n",
                           "admins: []\nmodules: {archive: , contact: {}, register: ~,"
                           " stream_management: }"}) {
    const HostOptions options = good(yaml);
    EXPECT_THAT(options.admins, IsEmpty());
    EXPECT_EQ(options.stream_management.resume_timeout, seconds(300));
    EXPECT_EQ(options.stream_management.max_resume_timeout, seconds(3'600));
    EXPECT_EQ(options.stream_management.max_unacked_stanzas, 5'000U);
    EXPECT_EQ(options.stream_management.location, "");
    EXPECT_EQ(options.archive.expire_after_days, 365U);
    EXPECT_EQ(options.archive.max_messages, 1'000'000U);
    EXPECT_FALSE(options.registration.enabled);
    EXPECT_THAT(options.contact.abuse, IsEmpty());
  }
}

TEST(ModuleOptions, EveryOption_IsRead) {
  const HostOptions options = good(R"(
admins: [Admin@Example.ORG, root@example.net]
modules:
  stream_management:
    resume_timeout: 0
    max_resume_timeout: 604800
    max_unacked_stanzas: 7
    location: "[2001:db8::1]:5222"
  archive: { expire_after_days: 0, max_messages: 4294967295 }
  register: { enabled: true }
  contact:
    abuse: ["mailto:abuse@example.org", "xmpp:abuse@example.org"]
    admin: ["a:1"]
    feedback: ["a:2"]
    sales: ["a:3"]
    security: ["a:4"]
    status: ["a:5"]
    support: ["a:6"]
)");
  ASSERT_EQ(options.admins.size(), 2U);
  EXPECT_EQ(options.admins[0].full(), "admin@example.org");
  EXPECT_EQ(options.stream_management.resume_timeout, seconds(0));
  EXPECT_EQ(options.stream_management.max_resume_timeout, seconds(604'800));
  EXPECT_EQ(options.stream_management.max_unacked_stanzas, 7U);
  EXPECT_EQ(options.stream_management.location, "[2001:db8::1]:5222");
  EXPECT_EQ(options.archive.expire_after_days, 0U);
  EXPECT_EQ(options.archive.max_messages, 4'294'967'295U);
  EXPECT_TRUE(options.registration.enabled);
  EXPECT_THAT(options.contact.abuse,
              ElementsAre("mailto:abuse@example.org", "xmpp:abuse@example.org"));
  EXPECT_THAT(options.contact.admin, ElementsAre("a:1"));
  EXPECT_THAT(options.contact.feedback, ElementsAre("a:2"));
  EXPECT_THAT(options.contact.sales, ElementsAre("a:3"));
  EXPECT_THAT(options.contact.security, ElementsAre("a:4"));
  EXPECT_THAT(options.contact.status, ElementsAre("a:5"));
  EXPECT_THAT(options.contact.support, ElementsAre("a:6"));
}

TEST(ModuleOptions, Admins_AreKnownByTheirBareJid) {
  const HostOptions options = good("admins: [admin@example.org]");
  EXPECT_TRUE(options.is_admin(*xmpp::Jid::parse("admin@example.org/phone")));
  EXPECT_TRUE(options.is_admin(*xmpp::Jid::parse("admin@example.org")));
  EXPECT_FALSE(options.is_admin(*xmpp::Jid::parse("alice@example.org")));
  EXPECT_FALSE(options.is_admin(*xmpp::Jid::parse("example.org/admin@example.org")));
}

TEST(ModuleOptions, Mistakes_AreNamedWithTheirPlace) {
  const std::string list = "admins: expected a list of addresses, such as [admin@example.org]";
  const std::string address = "admins: expected an account's address, such as admin@example.org";
  const std::string uri = "expected a URI, such as mailto:admin@example.org";
  const std::pair<std::string, std::string> table[] = {
      {"admins: a@b", "1:9: " + list},
      {"admins: [a@b, b]", "1:15: " + address},
      {"admins: [a@b/c]", "1:10: " + address},
      {"admins: [[a@b]]", "1:10: " + address},
      {"modules: {archive: 1}",
       "1:20: modules: archive: a section of options is a map of option: value"},
      {"modules: {archive: {days: 1}}",
       "1:21: modules: archive: unknown option 'days' (known here: expire_after_days, "
       "max_messages)"},
      {"modules: {archive: {max_messages: 4294967296}}",
       "1:35: modules: archive: max_messages: expected a number of messages from 0 to "
       "4294967295, or infinity"},
      {"modules: {archive: {expire_after_days: 4294967295}}",
       "1:40: modules: archive: expire_after_days: expected a number of days from 0 to 36500, or "
       "infinity"},
      {"modules:\n  stream_management:\n    resume_timeout: 604801",
       "3:21: modules: stream_management: resume_timeout: expected a number of seconds, or a time "
       "such as \"5 minutes\", from 0 to 7 days"},
      {"modules: {stream_management: {resume_timeout: 10, max_resume_timeout: 9}}",
       "1:30: modules: stream_management: resume_timeout is longer than max_resume_timeout"},
      {"modules: {stream_management: {location: [a]}}",
       "1:41: modules: stream_management: location: expected host:port"},
      {"modules: {contact: {abuse: 'mailto:a@b'}}",
       "1:28: modules: contact: abuse: expected a list of URIs"},
      {"modules: {contact: {abuse: [a@b]}}", "1:29: modules: contact: abuse: " + uri},
      {"modules: {contact: {abuse: [':a']}}", "1:29: modules: contact: abuse: " + uri},
      {"modules: {contact: {abuse: ['a: b']}}", "1:29: modules: contact: abuse: " + uri},
      {"modules: {register: {enabled: 1}}",
       "1:31: modules: register: enabled: expected true or false"},
  };
  for (const auto& [yaml, message] : table) EXPECT_EQ(mistake(yaml), "/s.yml:" + message) << yaml;
}

}  // namespace
}  // namespace starling::config
