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

TEST(EjabberdImport, TypicalConfiguration_BecomesOurs) {
  const Imported done = imported(
      *read_file(std::string(STARLING_SOURCE_DIR) + "/fuzz/seeds/import_config/typical.yml"));
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
       {"/e.yml:25: listen: port 5269: ejabberd_s2s_in is not there yet",
        "s2s_use_starttls: not there yet", "/e.yml:69: modules: mod_muc: not there",
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

TEST(EjabberdImport, Mistakes_AreNamedWithTheirFileAndLine) {
  const FileReader files = [](const std::string& path) -> Result<std::string> {
    if (path == "/bad.yml") return "hosts: [a]\nloglevel: [x\n- y\n";
    return path == "/good.yml" ? Result<std::string>("loglevel: 4\n") : no_file(path);
  };
  const auto mistake = [&](const std::string& yaml) {
    const auto done = import_ejabberd(yaml, "/e.yml", files);
    return done ? "" : done.error().message;
  };
  EXPECT_THAT(mistake("hosts: [b]\ninclude_config_file: bad.yml"),
              testing::StartsWith("/bad.yml:4: not valid YAML"));
  EXPECT_EQ(mistake("include_config_file: [good.yml, no.yml]"),
            "/e.yml: include_config_file: /no.yml: cannot be read");
  EXPECT_EQ(mistake("include_config_file: good.yml\ndefine_macro: {A: A}\nhosts: [A]"),
            "/e.yml:2: too large, or too deep (a macro in itself?)");
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
