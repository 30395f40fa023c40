// host_config, ACLs, access rules and shapers as an operator writes them.
#include <gmock/gmock.h>

#include <set>

#include "config/show.h"
#include "config/test_config.h"

namespace starling::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

bool allows(const Access& access, const char* rule, const char* jid) {
  const auto parsed = *xmpp::Jid::parse(jid);
  return access.allows(rule, {&parsed, std::nullopt});
}

std::string shaper(const Access& access, const char* rule, const char* jid) {
  const auto parsed = *xmpp::Jid::parse(jid);
  return std::string(access.shaper_value(rule, {&parsed, std::nullopt}).value_or("-"));
}

TEST(HostConfig, StandsOnWhatIsAtTheTop) {
  const Config config = good(R"(
hosts: [example.org, public.example]
host_config:
  Public.Example:
    admins: [eve@public.example]
    acl: { more: { user: zoe } }
    modules: { register: { enabled: true }, archive: { max_messages: 7 } }
admins: [alice@example.org]
acl: { staff: { user: bob } }
modules: { archive: { expire_after_days: 9 } }
)");
  const HostOptions& usual = config.of_host("example.org");
  const HostOptions& own = config.of_host("public.example");
  EXPECT_FALSE(usual.registration.enabled);
  EXPECT_TRUE(own.registration.enabled);
  EXPECT_EQ(own.archive.expire_after_days, 9U) << "of the top";
  EXPECT_EQ(own.archive.max_messages, 7U);
  EXPECT_TRUE(own.access.acls.contains("staff") && own.access.acls.contains("more"));
  EXPECT_FALSE(usual.access.acls.contains("more"));
  EXPECT_TRUE(usual.is_admin(*xmpp::Jid::parse("alice@example.org")));
  EXPECT_FALSE(own.is_admin(*xmpp::Jid::parse("alice@example.org")));
  EXPECT_TRUE(own.is_admin(*xmpp::Jid::parse("eve@public.example")));
  const Config again = good(dump(config));
  EXPECT_EQ(dump(again), dump(config));
  EXPECT_TRUE(changes(config, again).empty());
  EXPECT_EQ(again.of_host("public.example").access, own.access);
}

TEST(HostConfig, WhatOnlyAHostSays_IsShown) {
  const Config config = good(
      "host_config: { localhost: { admins: [eve@localhost], acl: { more: { user: zoe } }, "
      "access_rules: { r: { allow: more } } } }");
  EXPECT_THAT(dump(config), HasSubstr(R"(host_config:
  localhost:
    admins: [eve@localhost]
    acl:
      more:
        user: [zoe]
    access_rules:
      r:
        - allow: more
)"));
  EXPECT_TRUE(changes(config, good(dump(config))).empty());
  EXPECT_FALSE(changes(good(""), config).empty());
}

TEST(HostConfig, NameThatReplacesOneAtTheTop_IsShownWhole) {
  const Config config = good(
      "acl: { x: { user: bob, ip: 192.0.2.1 }, y: { user: eve } }\n"
      "host_config: { localhost: { acl: { x: { ip: 192.0.2.1 }, y: {} } } }");
  const Config again = good(dump(config));
  EXPECT_EQ(again.of_host("localhost").access, config.of_host("localhost").access);
  EXPECT_EQ(dump(again), dump(config));
}

TEST(HostConfig, OfNoHostOrWithAnOptionOfTheNode_IsRefused) {
  EXPECT_EQ(
      mistake("hosts: [example.org]\nhost_config:\n  exmaple.org: {}"),
      "3:3: host_config: the host exmaple.org is not in `hosts`: did you mean 'example.org'?");
  EXPECT_THAT(mistake("host_config: { localhost: { workers: 1 } }"),
              StartsWith("1:29: host_config: localhost: unknown option 'workers'"));
  EXPECT_THAT(mistake("host_config: { localhost: { modules: { fail2ban: {} } } }"),
              HasSubstr("unknown option 'fail2ban'"));
  EXPECT_EQ(mistake("host_config: { localhost: { access_rules: { x: { allow: y } } } }"),
            "1:48: host_config: localhost: access_rules: x: there is no ACL 'y'");
  good("host_config:");
}

// Forms of ejabberd's that its own ejabberd.yml, and so ejabberd_import_test, does not have.
constexpr const char* kForms = R"(
hosts: [localhost]
admins: [root@localhost]
acl:
  loopback: { ip: 127.0.0.0/8 }
  admin:
    user:
      - alice@localhost
      - bob: localhost
  blocked:
    - user: mallory@localhost
    - user: [trudy]
    - server: spam.example
access_rules:
  c2s: { deny: blocked, allow: all }
  listed:
    - deny: blocked
    - allow: { acl: admin }
    - allow:
      - acl: local
      - acl: loopback
    - deny
  open: allow
shaper:
  normal: { rate: 3000 }
  fast: 100000
shaper_rules:
  listed:
    - fast: [admin]
    - infinity: local
    - none
  alone: fast
)";

TEST(Access, FormsOfEjabberd_AreUnderstood) {
  const Config config = good(kForms);
  const Access& access = config.options.access;
  EXPECT_TRUE(allows(access, "c2s", "x@localhost"));
  EXPECT_FALSE(allows(access, "c2s", "mallory@localhost"));
  EXPECT_FALSE(allows(access, "c2s", "trudy@any.example"));
  EXPECT_FALSE(allows(access, "c2s", "x@spam.example"));
  for (const char* admin : {"alice@localhost", "bob@localhost", "root@localhost"}) {
    EXPECT_TRUE(allows(access, "configure", admin)) << admin;
    EXPECT_TRUE(allows(access, "listed", admin)) << admin;
  }
  EXPECT_FALSE(allows(access, "listed", "x@localhost")) << "not from loopback";
  EXPECT_FALSE(allows(access, "configure", "x@localhost"));
  EXPECT_TRUE(allows(access, "open", "x@localhost"));

  EXPECT_EQ(config.shapers.at("fast").rate, 100'000U);
  EXPECT_EQ(shaper(access, "listed", "alice@localhost"), "fast");
  EXPECT_EQ(shaper(access, "listed", "x@localhost"), "infinity");
  EXPECT_EQ(shaper(access, "listed", "x@elsewhere.example"), "none");
  EXPECT_EQ(shaper(access, "alone", "x@localhost"), "fast");
}

TEST(Access, WhatIsThereWithoutBeingDefined) {
  const Config config = good("hosts: [a.example]\nadmins: [eve@a.example]");
  const Access& access = config.options.access;
  EXPECT_TRUE(allows(access, "configure", "eve@a.example"));
  EXPECT_FALSE(allows(access, "configure", "x@a.example"));
  EXPECT_TRUE(allows(access, "local", "x@a.example"));
  EXPECT_FALSE(allows(access, "local", "x@b.example"));
}

TEST(Access, NamesThatNothingDefines_AreRefused) {
  const std::pair<const char*, const char*> table[] = {
      {"acl: {friends: {user: a}}\naccess_rules: {x: {allow: firends}}",
       "2:19: access_rules: x: there is no ACL 'firends': did you mean 'friends'?"},
      {"shaper_rules: {c2s_shaper: slow}",
       "1:28: shaper_rules: c2s_shaper: there is no shaper 'slow'"},
      {"shaper_rules: {max_user_sessions: {10: a}}",
       "1:35: shaper_rules: max_user_sessions: there is no ACL 'a'"},
      {"acl: {x: {group: staff}}", "1:10: acl: x: there is no group 'staff'"},
      {"listen: [{access: c2s}]", "1:19: listen: access: there is no access rule 'c2s'"},
      {"listen: [{shaper: normla}]\nshaper: {normal: 10}",
       "1:19: listen: shaper: there is no shaper rule or shaper 'normla': did you mean 'normal'?"},
      {"modules: {register: {access: x}}",
       "1:30: modules: register: access: there is no access rule 'x'"},
      {"modules: {fail2ban: {access: x}}",
       "1:30: modules: fail2ban: access: there is no access rule 'x'"},
  };
  for (const auto& [yaml, message] : table) EXPECT_EQ(mistake(yaml), message) << yaml;
  good("listen: [{shaper: normal}]\nshaper: {normal: 10}");
  good("listen: [{access: friends}]\nacl: {friends: {user: a}}");
}

TEST(Access, FormsThatAreNone_AreRefused) {
  const std::pair<const char*, const char*> table[] = {
      {"acl: [a]", "1:6: acl: a map of ACL: conditions is a map of option: value"},
      {"acl: {a: b}", "1:10: acl: a: an ACL is a map of option: value"},
      {"acl: {a: {usre: b}}", "1:11: acl: a: unknown option 'usre': did you mean 'user'?"},
      {"acl: {a: {user: a@b/c}}",
       "1:17: acl: a: user: expected an account's address or its name alone, or a list of them"},
      {"acl: {a: {ip: 1.2.3.4/99}}",
       "1:15: acl: a: ip: expected an IP address or a range of them, such as 192.0.2.0/24"},
      {"access_rules: {a: {alow: all}}", "1:20: access_rules: a: expected allow or deny"},
      {"access_rules: {a: {allow: [[all]]}}",
       "1:28: access_rules: a: allow: expected the name of an ACL"},
      {"access_rules: {a: {allow: {ip: 127.0.0.1}}}",
       "1:28: access_rules: a: allow: expected the name of an ACL: put 'ip' into `acl`"},
      {"access_rules: {a: {allow: all, allow: none}}",
       "1:32: access_rules: a: 'allow' stands here twice"},
      {"access_rules: {a: }", "1:19: access_rules: a: expected a rule, such as allow: all"},
      {"shaper_rules: {a: -5}",
       "1:19: shaper_rules: a: expected a shaper, none, infinity, or a number from 0 to "
       "4294967295"},
      {"shaper: {a: [5]}", "1:13: shaper: a: a shaper is a map of option: value"},
      {"groups: {a: [b]}",
       "1:14: groups: a: expected an account's address, such as admin@example.org"},
  };
  for (const auto& [yaml, message] : table) EXPECT_EQ(mistake(yaml), message) << yaml;
}

TEST(Dump, CanBeReadAgain) {
  const Config config = good(std::string(kForms) + R"(
groups: { staff: [sam@localhost] }
listen: [{ port: 1, trusted_proxies: [10.0.0.0/8], max_connections: 7, max_queued_bytes: 1 MiB }]
tls_min_version: 1.3
log_levels: { net: debug }
dns_servers: ["192.0.2.1", "[::1]:5353"]
host_config: { localhost: { max_sessions: 3, modules: { archive: { max_messages: 7 } } } }
modules: { ping: { interval: 61 }, contact: { abuse: ["mailto:a@b"] } }
)");
  const Config again = good(dump(config));
  EXPECT_EQ(dump(again), dump(config));
  EXPECT_TRUE(changes(config, again).empty());
  EXPECT_EQ(again.of_host("localhost").archive.max_messages, 7U);
  EXPECT_EQ(again.options.access, config.options.access);
  EXPECT_EQ(again.listen, config.listen);
  EXPECT_THAT(dump(config), HasSubstr("expire_after_days: 365\n")) << "defaults are shown";
}

TEST(Changes, AreNamedWithWhatTheyNeed) {
  const Config before = good("hosts: [a.example, b.example]");
  const Config after = good(
      "hosts: [a.example, b.example]\nworkers: 3\nloglevel: debug\n"
      "modules: { archive: { max_messages: 5 } }\n"
      "host_config: { b.example: { max_sessions: 9 } }");
  std::vector<std::string> found;
  for (const auto& change : changes(before, after)) {
    found.push_back(change.name + ": " + change.before + " -> " + change.after +
                    (change.restart ? " (restart)" : ""));
  }
  EXPECT_THAT(found, testing::ElementsAre("loglevel: info -> debug", "workers: 0 -> 3 (restart)",
                                          "modules.archive.max_messages: 1000000 -> 5",
                                          "host_config.b.example.max_sessions: infinity -> 9"));
  EXPECT_TRUE(changes(after, after).empty());
}

std::vector<std::string> in_words(const Config& before, const Config& after) {
  std::vector<std::string> found;
  for (const auto& change : changes(before, after)) {
    found.push_back(change.name + ": " + change.before + " -> " + change.after);
  }
  return found;
}

TEST(Changes, OfAListener_NameItsOption) {
  const Config before = good("listen: [{ port: 1 }, { port: 2 }]");
  EXPECT_THAT(in_words(before, good("listen: [{ port: 1 }, { port: 2, max_connections: 5 }]")),
              testing::ElementsAre("listen.1.max_connections: infinity -> 5"));
  EXPECT_THAT(in_words(before, good("listen: [{ port: 1 }]")),
              testing::ElementsAre(StartsWith("listen: [")));
}

// What a reload does not apply is exactly what the table says.
TEST(Restart, OptionsThatNeedOne_AreKept) {
  const Config before = good("");
  Config after = good(
      "data_dir: /d\nctl_socket: /s\nworkers: 3\ncore_dumps: true\ndns_servers: [192.0.2.1]\n"
      "database: postgresql:///d\ncluster: { port: 1 }\ncloud: { provider: aws }\njournal: { size: "
      "1 }\n"
      "loglevel: debug");
  std::set<std::string> changed;
  for (const auto& change : changes(before, after)) {
    // An option of a section needs it if the section does.
    if (change.restart) changed.insert(change.name.substr(0, change.name.find('.')));
  }
  std::set<std::string> marked;
  for (const auto& option : table().inside) {
    if (option.words.restart) marked.insert(option.words.name);
    for (const auto& inside : option.inside) EXPECT_FALSE(inside.words.restart);
  }
  EXPECT_EQ(changed, marked) << "this test misses an option";
  keep_until_restart(after, before);
  EXPECT_THAT(in_words(before, after), testing::ElementsAre("loglevel: info -> debug"));
}

TEST(Database, PasswordsAreNotShown) {
  const auto shown = [](const std::string& url) { return dump(good("database: " + url)); };
  EXPECT_THAT(shown("postgresql://u:sesame@h/d?sslmode=require"),
              testing::HasSubstr("postgresql://u:(hidden)@h/d?sslmode=require"));
  EXPECT_THAT(shown("postgresql://h/d?user=u&password=sesame&sslpassword=open"),
              testing::HasSubstr("user=u&password=(hidden)&sslpassword=(hidden)"));
  EXPECT_THAT(shown("postgresql://u@h/d"), testing::HasSubstr("postgresql://u@h/d"));
  EXPECT_THAT(mistake("database: mysql://h/d"), testing::HasSubstr("postgresql://"));
}

}  // namespace
}  // namespace starling::config
