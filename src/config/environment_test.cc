#include <gmock/gmock.h>

#include "config/show.h"
#include "config/test_config.h"

namespace starling::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Environment, Variables_WinOverTheFile) {
  const Config config =
      good("loglevel: error\nmodules: { archive: { max_messages: 5, expire_after_days: 7 } }",
           with({{"STARLING_LOGLEVEL", "debug"},
                 {"STARLING_MODULES__ARCHIVE__EXPIRE_AFTER_DAYS", "30"},
                 {"STARLING_HOSTS", "[a.example, b.example]"},
                 {"STARLING_ACL__BOTS__USER_GLOB", "bot-*"},
                 {"PATH", "/bin"}}));
  EXPECT_EQ(config.loglevel, log::Level::debug);
  EXPECT_EQ(config.options.archive.expire_after_days, 30U);
  EXPECT_EQ(config.options.archive.max_messages, 5U);
  EXPECT_THAT(config.hosts, ElementsAre("a.example", "b.example"));
  EXPECT_EQ(config.of_host("b.example").archive.expire_after_days, 30U);
  EXPECT_THAT(config.options.access.acls.at("bots").local_globs, ElementsAre("bot-*"));
}

TEST(Environment, WhereAnOptionWasSet_IsTold) {
  const Config config = good("loglevel: error\nmodules:\n  archive: { max_messages: 1000000 }\n",
                             with({{"STARLING_LOGLEVEL", "debug"},
                                   {"STARLING_MODULES__ARCHIVE__EXPIRE_AFTER_DAYS", "30"}}));
  std::map<std::string, std::string> places;
  for (const Described& option : describe(config)) places[option.name] = option.place;
  EXPECT_EQ(places["loglevel"], "environment variable STARLING_LOGLEVEL");
  EXPECT_EQ(places["modules.archive.expire_after_days"],
            "environment variable STARLING_MODULES__ARCHIVE__EXPIRE_AFTER_DAYS");
  // As the default is, but set.
  EXPECT_THAT(places["modules.archive.max_messages"], ::testing::EndsWith(":3:28"));
  EXPECT_EQ(places["workers"], "");
}

TEST(Environment, Mistakes_NameTheVariable) {
  EXPECT_EQ(mistake("", with({{"STARLING_LOGLVEL", "debug"}})),
            "environment variable STARLING_LOGLVEL: unknown option 'loglvel': did you mean "
            "'loglevel'?");
  EXPECT_EQ(mistake("", with({{"STARLING_WORKERS", "many"}})),
            "environment variable STARLING_WORKERS: workers: expected a number of threads from 0 "
            "to 256");
  EXPECT_THAT(mistake("", with({{"STARLING_HOSTS", "[a"}})),
              HasSubstr("environment variable STARLING_HOSTS: not valid YAML: "));
  EXPECT_THAT(mistake("", with({{"STARLING_", "x"}})), HasSubstr("environment variable STARLING_"));
  EXPECT_THAT(mistake("", with({{"STARLING_MODULES__", "x"}})), HasSubstr("STARLING_MODULES__"));
  EXPECT_EQ(mistake("", with({{"STARLING_LISTEN", "[{access: nobody}]"}})),
            "environment variable STARLING_LISTEN: listen: access: there is no access rule "
            "'nobody'");
}

TEST(Environment, VariablesOfOthers_AreLeftAlone) {
  good("", with({{"STARLING_CTL_SOCKET", "/x"},
                 {"STARLING_COMPLETION_TIMEOUT", "3"},
                 {"STARLING_BUILD", "build/asan"},
                 {"STARLING_TEST_TIMEOUT", "5"}}));
  EXPECT_EQ(good("", with({{"STARLING_CTL_SOCKET_FILE", "/x"}})).ctl_socket, "/etc/secret of /x");
  EXPECT_THAT(mistake("", with({{"STARLING_BUILDS", "x"}})), HasSubstr("unknown option 'builds'"));
  EXPECT_THAT(mistake("", with({{"STARLING_BENCHES", "x"}})), HasSubstr("unknown option"));
}

TEST(Environment, VariablesOfOneName_AddUp) {
  const Config config = good(
      "hosts: [a.example, localhost]\n"
      "host_config: { localhost: { disable_sasl_mechanisms: [PLAIN] } }\n"
      "shaper: { normal: { rate: 10, burst_size: 20 }, fast: 5 }\n"
      "acl: { x: { user: bob, ip: 192.0.2.1 } }\n"
      "access_rules: { r: { deny: x, allow: all } }",
      with({{"STARLING_HOST_CONFIG", "{a.example: {max_sessions: 2}}"},
            {"STARLING_HOST_CONFIG__LOCALHOST__MAX_SESSIONS", "3"},
            {"STARLING_HOST_CONFIG__LOCALHOST__ALLOW_UNBOUND_AFTER_PLUS", "false"},
            {"STARLING_SHAPER__NORMAL__RATE", "7"},
            {"STARLING_SHAPER__FAST__BURST_SIZE", "6"},
            {"STARLING_ACL__X__USER", "eve"},
            {"STARLING_ACCESS_RULES__R", "{allow: x}"}}));
  EXPECT_EQ(config.of_host("a.example").max_sessions, 2U);
  const HostOptions& local = config.of_host("localhost");
  EXPECT_EQ(local.max_sessions, 3U);
  EXPECT_FALSE(local.allow_unbound_after_plus);
  EXPECT_THAT(local.disable_sasl_mechanisms, ElementsAre("PLAIN"));
  EXPECT_EQ(config.shapers.at("normal"), (Shaper{.rate = 7, .burst_size = 20}));
  EXPECT_EQ(config.shapers.at("fast"), (Shaper{.rate = 5, .burst_size = 6}));
  const Acl& acl = config.options.access.acls.at("x");
  EXPECT_THAT(acl.local_parts, ElementsAre("eve"));
  EXPECT_EQ(acl.addresses.size(), 1U);
  EXPECT_EQ(config.options.access.access_rules.at("r").size(), 1U) << "a rule counts as a whole";
  EXPECT_EQ(mistake("host_config: { localhost: { max_sessions: 1 } }",
                    with({{"STARLING_HOST_CONFIG__LOCALHOST__MAX_SESSIONS", "x"}})),
            "environment variable STARLING_HOST_CONFIG__LOCALHOST__MAX_SESSIONS: host_config: "
            "localhost: max_sessions: expected a number of sessions from 0 to 100000000, or "
            "infinity");
}

TEST(Environment, HostConfig_MayComeFromThere) {
  const Config config = good("hosts: [a.example]\nhost_config: { a.example: { max_sessions: 1 } }",
                             with({{"STARLING_HOST_CONFIG", "{a.example: {max_sessions: 2}}"}}));
  EXPECT_EQ(config.of_host("a.example").max_sessions, 2U);
}

TEST(Secrets, ComeFromFiles) {
  const Config config = good("data_dir: !file rel/dir\ncertfiles: [!file /c, /d]",
                             with({{"STARLING_TLS_CIPHERS_FILE", "/run/ciphers"},
                                   {"STARLING_LOG_FILE", "/var/log/x"},
                                   {"STARLING_LOG_FILE_FILE", "/run/name"}}));
  EXPECT_EQ(config.data_dir, "/etc/secret of /etc/rel/dir");
  EXPECT_THAT(config.certfiles, ElementsAre("/etc/secret of /c", "/d"));
  EXPECT_EQ(config.tls_ciphers, "secret of /run/ciphers");
  EXPECT_EQ(config.log_file, "/etc/secret of /run/name");
}

TEST(Secrets, AreHidden) {
  const Config config = good(
      "hosts: [a.b]\nmodules: { contact: { abuse: [\"a:b\"]} }\ncertfiles: [/a, !file x]\n"
      "host_config: { a.b: { modules: { stream_management: { location: !file y } } } }",
      with({{"STARLING_TLS_CIPHERS_FILE", "/run/ciphers"}}));
  const std::string shown = dump(config);
  EXPECT_THAT(shown, Not(HasSubstr("secret")));
  EXPECT_THAT(shown, HasSubstr("tls_ciphers: \"(hidden)\""));
  EXPECT_THAT(shown, HasSubstr("abuse: [\"a:b\"]"));
  for (const auto& change : changes(good("hosts: [a.b]"), config)) {
    EXPECT_THAT(change.after, Not(HasSubstr("secret"))) << change.name;
  }
}

// An environment whose files hold this word, as what their names ask for.
Environment holding(const std::string& word) {
  return {.read_file = [word](const std::string& path) -> Result<std::string> {
    if (path.ends_with("host")) return word + ".example";
    return path.ends_with("admin") ? word + "@localhost" : "/" + word;
  }};
}

TEST(Secrets, ThatOthersFollowFrom_AreHiddenThereToo) {
  const std::string yaml =
      "hosts: [localhost, !file host]\nadmins: [!file admin]\ndata_dir: !file dir\n"
      "host_config: { localhost: { max_sessions: 5 } }";
  const Config before = good(yaml, holding("secret1"));
  const Config after = good(yaml, holding("secret2"));
  EXPECT_THAT(dump(after), Not(HasSubstr("secret")));
  std::vector<std::string> names;
  for (const auto& change : changes(before, after)) {
    EXPECT_THAT(change.before + change.after, Not(HasSubstr("secret"))) << change.name;
    names.push_back(change.name);
  }
  EXPECT_THAT(names, ElementsAre("hosts", "data_dir", "ctl_socket", "admins", "acl"));
}

TEST(Secrets, OfAHostWhoseNameBeginsLikeAnother_AreHidden) {
  const std::string dumped =
      dump(good("hosts: [example, example.org]\nhost_config:\n"
                "  example: { modules: { stream_management: { location: plain } } }\n"
                "  example.org: { modules: { stream_management: { location: !file y } } }",
                with({})));
  EXPECT_THAT(dumped, Not(HasSubstr("secret")));
  EXPECT_THAT(dumped, HasSubstr("location: plain"));
}

TEST(Secrets, FileThatCannotBeRead_IsNamedWithItsPlace) {
  EXPECT_EQ(mistake("loglevel: info\ndata_dir: !file /missing", with({})),
            "2:11: data_dir: /missing: cannot be read");
  EXPECT_EQ(mistake("", with({{"STARLING_DATA_DIR_FILE", "/missing"}})),
            "environment variable STARLING_DATA_DIR_FILE: data_dir: /missing: cannot be read");
  EXPECT_THAT(mistake("workers: !file /x", with({})),
              testing::AllOf(HasSubstr("expected a number of threads"), Not(HasSubstr("secret"))));
}

}  // namespace
}  // namespace starling::config
