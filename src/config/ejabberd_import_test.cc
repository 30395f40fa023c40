#include "config/ejabberd_import.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "config/test_config.h"

namespace starling::config {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

Result<std::string> no_file(const std::string& path) {
  return fail(Errc::unavailable, path + ": cannot be read");
}

Imported imported(const std::string& yaml, const FileReader& files = no_file) {
  auto done = import_ejabberd(yaml, "/e.yml", files);
  EXPECT_TRUE(done) << done.error().message;
  return done.value_or(Imported{});
}

constexpr const char* kTypical = R"(
define_macro:
  HOST: example.org
  LIMIT: 10
hosts:
  - HOST
  - "chat.@HOST@"
loglevel: 4
certfiles:
  - /etc/ejabberd/example.org.pem
  - /etc/letsencrypt/live/*/*.pem
listen:
  - port: 5222
    ip: "::"
    module: ejabberd_c2s
    max_stanza_size: 262144
    shaper: c2s_shaper
    access: c2s
    starttls_required: true
  - port: 5223
    module: ejabberd_c2s
    tls: true
    max_stanza_size: 262144
    shaper: c2s_shaper
    access: c2s
  - port: 5269
    module: ejabberd_s2s_in
s2s_use_starttls: optional
acl:
  local:
    user_regexp: ""
  loopback:
    ip:
      - 127.0.0.0/8
      - ::1/128
  admin:
    user:
      - "alice@example.org"
access_rules:
  local:
    allow: local
  c2s:
    deny: blocked
    allow: all
  register:
    allow: all
  trusted_network:
    allow: loopback
  announce:
    allow: admin
shaper:
  normal:
    rate: 3000
    burst_size: 20000
  fast: 100000
shaper_rules:
  max_user_sessions: LIMIT
  max_user_offline_messages:
    5000: admin
    100: all
  c2s_shaper:
    none: admin
    normal: all
  s2s_shaper: fast
disable_sasl_mechanisms: [digest-md5, plain]
modules:
  mod_adhoc: {}
  mod_mam:
    default: always
  mod_muc:
    access:
      - allow
  mod_ping:
    send_pings: true
    ping_interval: 4 minutes
  mod_register:
    ip_access: trusted_network
  mod_stream_mgmt:
    resend_on_timeout: if_offline
    resume_timeout: 10 min
    max_ack_queue: 500
host_config:
  chat.example.org:
    loglevel: 5
    modules:
      mod_register: {}
)";

TEST(EjabberdImport, TypicalConfiguration_BecomesOurs) {
  const Imported done = imported(kTypical);
  const Config config = good(done.yaml);
  EXPECT_THAT(config.hosts, testing::ElementsAre("example.org", "chat.example.org"));
  EXPECT_EQ(config.loglevel, log::Level::info);
  EXPECT_THAT(config.certfiles, testing::ElementsAre("/etc/ejabberd/example.org.pem"));
  ASSERT_EQ(config.listen.size(), 2U);
  EXPECT_EQ(config.listen[0].access, "c2s");
  EXPECT_TRUE(config.listen[1].tls);
  EXPECT_EQ(config.options.stream_management.resume_timeout, std::chrono::minutes(10));
  EXPECT_EQ(config.options.stream_management.max_unacked_stanzas, 500U);
  EXPECT_EQ(config.options.ping.interval, std::chrono::minutes(4));
  EXPECT_TRUE(config.options.registration.enabled);
  EXPECT_EQ(config.options.registration.ip_access, "trusted_network");
  EXPECT_EQ(config.shapers.at("normal").burst_size, 20'000U);
  EXPECT_THAT(config.options.disable_sasl_mechanisms, testing::ElementsAre("PLAIN"));
  const auto jid = *xmpp::Jid::parse("x@example.org");
  EXPECT_EQ(config.options.access.limit("max_user_sessions", {&jid, std::nullopt}), 10U);
  EXPECT_TRUE(config.options.access.allows("local", {&jid, std::nullopt}));

  for (const char* remark :
       {"/e.yml:26: listen: port 5269: ejabberd_s2s_in is not there yet",
        "s2s_use_starttls: not there yet", "/e.yml:70: modules: mod_muc: not there",
        "modules: mod_adhoc: always on here, without a section",
        "disable_sasl_mechanisms: DIGEST-MD5 is not there anyway",
        "acl: blocked: nothing defines it: it is empty",
        "host_config: chat.example.org: loglevel: cannot differ from host to host"}) {
    EXPECT_THAT(done.remarks, Contains(HasSubstr(remark)));
  }
}

TEST(EjabberdImport, NameThatNothingDefines_IsToBeMendedByHand) {
  EXPECT_THAT(imported("listen: [{module: ejabberd_c2s, access: c2s}]").remarks,
              Contains(HasSubstr("to be mended by hand: the result:")));
}

TEST(EjabberdImport, IncludedFiles_AreRead) {
  const FileReader files = [](const std::string& path) {
    return path == "/more.yml" ? Result<std::string>("loglevel: debug\n") : no_file(path);
  };
  EXPECT_EQ(imported("hosts: [a.example]\ninclude_config_file: more.yml", files).yaml,
            "hosts: [a.example]\nloglevel: debug\n");
  EXPECT_THAT(import_ejabberd("include_config_file: other.yml", "/e.yml", files).error().message,
              HasSubstr("/other.yml: cannot be read"));
}

TEST(EjabberdImport, WhatNeverEnds_IsRefused) {
  for (const char* yaml :
       {"define_macro: {A: [A, A]}\nhosts: A", "define_macro: {A: B, B: A}\nhosts: A", "a: &x [*x]",
        "hosts: [a", "- a"}) {
    EXPECT_FALSE(import_ejabberd(yaml, "/e.yml", no_file)) << yaml;
  }
  const FileReader itself = [](const std::string&) {
    return Result<std::string>("include_config_file: e.yml");
  };
  EXPECT_FALSE(import_ejabberd("include_config_file: e.yml", "/e.yml", itself));
}

TEST(EjabberdImport, NothingAtAll_BecomesTheDefaults) {
  EXPECT_EQ(imported("").yaml, "{}\n");
  good(imported("modules:").yaml);
}

TEST(EjabberdImport, InstalledConfiguration_BecomesOurs) {
  const std::string path = "/etc/ejabberd/ejabberd.yml";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) GTEST_SKIP() << "ejabberd is not installed";
  const auto text = read_file(path);
  if (!text) GTEST_SKIP() << text.error().message;
  const auto done = import_ejabberd(*text, path, read_file);
  ASSERT_TRUE(done) << done.error().message;
  good(done->yaml);
}

}  // namespace
}  // namespace starling::config
