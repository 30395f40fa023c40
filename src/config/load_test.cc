#include "config/load.h"
#include "base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace starling::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kPath = "/etc/starling/starling.yml";

Config good(const std::string& yaml) {
  auto config = parse_config(yaml, kPath, {});
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(Config{});
}

std::string mistake(const std::string& yaml) {
  const auto config = parse_config(yaml, kPath, {});
  EXPECT_FALSE(config) << "accepted: " << yaml;
  return config ? "" : config.error().message;
}

std::string at(int line, int column) {
  return std::string(kPath) + ":" + std::to_string(line) + ":" + std::to_string(column) + ": ";
}

TEST(Config, WithoutAnyOption_HasTheDefaults) {
  for (const std::string yaml : {"", "# only a comment\n", "---\n...\n", "~"}) {
    const Config config = good(yaml);
    EXPECT_THAT(config.hosts, ElementsAre("localhost"));
    ASSERT_EQ(config.listen.size(), 2U);
    EXPECT_EQ(config.listen[0].ip, "::");
    EXPECT_EQ(config.listen[0].port, 5222);
    EXPECT_EQ(config.listen[0].module, "c2s");
    EXPECT_FALSE(config.listen[0].tls);
    EXPECT_TRUE(config.listen[0].starttls_required);
    EXPECT_EQ(config.listen[1].port, 5223);
    EXPECT_TRUE(config.listen[1].tls);
    EXPECT_TRUE(config.certfiles.empty());
    EXPECT_EQ(config.data_dir, "/etc/starling/data");
    EXPECT_EQ(config.ctl_socket, "/etc/starling/data/ctl.sock");
    EXPECT_EQ(config.loglevel, log::Level::info);
    EXPECT_EQ(config.log_format, log::Format::text);
    EXPECT_EQ(config.workers, 0U);
  }
}

TEST(Config, EveryOption_IsRead) {
  const Config config = good(R"(
hosts: [Example.ORG, chat.example.org]
listen:
  - { module: c2s, ip: 127.0.0.1, port: 0, tls: true }
  - module: c2s
    ip: "::1"
    port: 65535
    starttls_required: no
certfiles:
  - /etc/ssl/a.pem
  - b.pem
data_dir: /var/lib/starling
ctl_socket: /run/starling/ctl.sock
loglevel: debug
log_format: json
workers: 256
modules:
)");
  EXPECT_THAT(config.hosts, ElementsAre("example.org", "chat.example.org"));
  ASSERT_EQ(config.listen.size(), 2U);
  EXPECT_EQ(config.listen[0].ip, "127.0.0.1");
  EXPECT_EQ(config.listen[0].port, 0);
  EXPECT_TRUE(config.listen[0].tls);
  EXPECT_EQ(config.listen[1].ip, "::1");
  EXPECT_EQ(config.listen[1].port, 65535);
  EXPECT_FALSE(config.listen[1].starttls_required);
  EXPECT_THAT(config.certfiles, ElementsAre("/etc/ssl/a.pem", "/etc/starling/b.pem"));
  EXPECT_EQ(config.data_dir, "/var/lib/starling");
  EXPECT_EQ(config.ctl_socket, "/run/starling/ctl.sock");
  EXPECT_EQ(config.loglevel, log::Level::debug);
  EXPECT_EQ(config.log_format, log::Format::json);
  EXPECT_EQ(config.workers, 256U);
}

TEST(Config, EveryChoice_IsUnderstood) {
  EXPECT_EQ(good("loglevel: info").loglevel, log::Level::info);
  EXPECT_EQ(good("loglevel: warning").loglevel, log::Level::warning);
  EXPECT_EQ(good("loglevel: error").loglevel, log::Level::error);
  EXPECT_EQ(good("log_format: text").log_format, log::Format::text);
}

TEST(Config, RelativePaths_StartAtItsOwnFolder) {
  const Config config = good("data_dir: ../lib/data/\nctl_socket: ./run/s\ncertfiles: [../x.pem]");
  EXPECT_EQ(config.data_dir, "/etc/lib/data");
  EXPECT_EQ(config.ctl_socket, "/etc/starling/run/s");
  EXPECT_THAT(config.certfiles, ElementsAre("/etc/x.pem"));
  EXPECT_EQ(good("data_dir: d").ctl_socket, "/etc/starling/d/ctl.sock");
}

TEST(Config, UnknownOption_IsNamedWithItsPlaceAndTheNearest) {
  EXPECT_EQ(mistake("hosts: [a]\n  \nlog_level: info\n"),
            at(3, 1) + "unknown option 'log_level': did you mean 'loglevel'?");
  EXPECT_EQ(mistake("listen:\n  - port: 5222\n    prot: 1\n"),
            at(3, 5) + "listen: unknown option 'prot': did you mean 'port'?");
  EXPECT_EQ(mistake("modules: { acrhive: {} }"),
            at(1, 12) + "modules: unknown option 'acrhive': did you mean 'archive'?");
  EXPECT_THAT(mistake("modules: { ping: { quux: 1 } }"),
              HasSubstr("unknown option 'quux' (known here: interval, ack_timeout)"));
  EXPECT_EQ(mistake("modules: { mod_mam: {} }"),
            at(1, 12) +
                "modules: unknown option 'mod_mam' (ejabberd's mod_mam is "
                "'modules.archive' here)");
  EXPECT_THAT(mistake("[a, b]: 1"), StartsWith(at(1, 1) + "expected a name before the colon"));
  EXPECT_THAT(mistake("<<: {workers: 1}"), HasSubstr("unknown option '<<'"));
}

TEST(Config, OptionGivenTwice_IsRefused) {
  EXPECT_EQ(mistake("workers: 1\nhosts: [a]\nworkers: 2\n"),
            at(3, 1) + "'workers' stands here twice");
  EXPECT_EQ(mistake("listen:\n  - { port: 1, port: 2 }"),
            at(2, 16) + "listen: 'port' stands here twice");
}

TEST(Config, ValueOfAnotherKind_IsRefusedWithWhatWasExpected) {
  struct Row {
    const char* yaml;
    const char* message;
  };
  const std::vector<Row> table{
      {"hosts: example.org", "hosts: expected a list of domains"},
      {"hosts: []", "hosts: expected a list of domains"},
      {"hosts:", "hosts: expected a list of domains"},
      {"hosts: [[a]]", "hosts: expected a domain"},
      {"listen: 5222", "listen: expected a list of listeners"},
      {"listen: []", "listen: expected a list of listeners"},
      {"listen: [5222]", "listen: a listener is a map of option: value"},
      {"listen: [{ip: localhost}]", "listen: ip: expected an IP address"},
      {"listen: [{ip: [a]}]", "listen: ip: expected an IP address"},
      {"listen: [{module: s2s}]", "listen: module: expected one of: c2s"},
      {"listen: [{tls: maybe}]", "listen: tls: expected true or false"},
      {"listen: [{tls: }]", "listen: tls: expected true or false"},
      {"certfiles: a.pem", "certfiles: expected a list of PEM files"},
      {"certfiles: [{a: b}]", "certfiles: expected the path of a PEM file"},
      {"certfiles: ['']", "certfiles: expected the path of a PEM file"},
      {"data_dir:", "data_dir: expected the path of a folder"},
      {"data_dir: ''", "data_dir: expected the path of a folder"},
      {"data_dir: [a]", "data_dir: expected the path of a folder"},
      {"data_dir: \"a\\0b\"", "data_dir: expected the path of a folder"},
      {"ctl_socket: {}", "ctl_socket: expected the path of a Unix socket"},
      {"loglevel: verbose", "loglevel: expected one of: debug, info, warning, error"},
      {"loglevel: [info]", "loglevel: expected one of: debug, info, warning, error"},
      {"log_format: xml", "log_format: expected one of: text, json"},
      {"modules: [a]", "modules: a section of options is a map of option: value"},
      {"- a", "the configuration is a map of option: value"},
      {"just words", "the configuration is a map of option: value"},
  };
  for (const auto& row : table) {
    EXPECT_THAT(mistake(row.yaml), AllOf(StartsWith(std::string(kPath) + ":1:"),
                                         HasSubstr(std::string(": ") + row.message)))
        << row.yaml;
  }
}

TEST(Config, NumbersOutOfRange_AreRefused) {
  for (const std::string port : {"-1", "70000", "65536", "5222x", "0x10", "5.0", "''", "+5",
                                 "99999999999999999999", "five", "[5]"}) {
    EXPECT_THAT(mistake("listen:\n  - port: " + port),
                StartsWith(at(2, 11) + "listen: port: expected a number from 0 to 65535"))
        << port;
  }
  EXPECT_EQ(mistake("workers: 257"),
            at(1, 10) + "workers: expected a number of threads from 0 to 256");
  EXPECT_EQ(mistake("workers: -1"),
            at(1, 10) + "workers: expected a number of threads from 0 to 256");
}

TEST(Config, MaxMemory_IsNoneOrEnough) {
  EXPECT_EQ(good("max_memory: 0").max_memory, 0U);
  EXPECT_EQ(good("max_memory: 64 MiB").max_memory, 64U << 20U);
  for (const std::string little : {"1", "2 MiB", "67108863"}) {
    EXPECT_THAT(
        mistake("max_memory: " + little),
        HasSubstr("max_memory: expected a number of bytes, or a size such as \"4 MiB\", from "
                  "64 MiB to 16384 GiB, or 0"));
  }
}

TEST(Config, Numbers_AreDecimal) {
  EXPECT_EQ(good("workers: 010").workers, 10U);
}

TEST(Config, HostThatIsNoDomain_IsRefused) {
  EXPECT_EQ(mistake("hosts: [example.org, 'a b']"),
            at(1, 22) + "hosts: expected a domain, such as example.org");
  mistake("hosts: ['']");
  mistake("hosts: [alice@example.org]");
  mistake("hosts: [example.org/x]");
}

TEST(Config, HostListedTwice_IsRefusedInAnySpelling) {
  EXPECT_EQ(mistake("hosts:\n  - example.org\n  - EXAMPLE.org\n"),
            at(3, 5) + "hosts: the host example.org is listed twice");
}

TEST(Config, ListenersInEachOthersWay_AreRefused) {
  EXPECT_EQ(mistake("listen:\n  - {port: 5222}\n  - {port: 5222, tls: true}"),
            at(3, 5) + "listen: port 5222 of :: is taken by the listener on :: above");
  mistake("listen: [{ip: 127.0.0.1, port: 1}, {ip: '::', port: 1}]");
  mistake("listen: [{ip: 0.0.0.0, port: 1}, {ip: 127.0.0.1, port: 1}]");
  EXPECT_EQ(good("listen: [{ip: 127.0.0.1, port: 1}, {ip: 127.0.0.2, port: 1}, {ip: '::1', "
                 "port: 1}, {port: 2}, {port: 0}, {port: 0}]")
                .listen.size(),
            6U);
}

TEST(Config, YamlThatIsNone_IsRefusedWithItsPlace) {
  EXPECT_THAT(mistake("hosts: [a\nworkers: 1\n"), StartsWith(std::string(kPath) + ":"));
  EXPECT_THAT(mistake("hosts:\n\t- a\n"), StartsWith(std::string(kPath) + ":2:"));
  EXPECT_THAT(mistake("a: b: c\n"), StartsWith(at(1, 5) + "not valid YAML: "));
  EXPECT_THAT(mistake("data_dir: *unknown"), HasSubstr(":1:"));
  EXPECT_THAT(mistake("workers: 1\n---\nworkers: 2\n"), HasSubstr("a second YAML document"));
  mistake(",y[x\n] hos|sz *a");  // which yaml-cpp would read for ever
}

TEST(Config, YamlBomb_CostsNoMoreThanItsText) {
  std::string yaml = "certfiles: [&a0 [x]";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    yaml += ", &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) yaml += "," + before;
    yaml += "]";
  }
  EXPECT_THAT(mistake(yaml + "]"), HasSubstr("certfiles: expected the path of a PEM file"));
  EXPECT_EQ(good("certfiles: [&a x, *a, *a]").certfiles.size(), 3U);
}

TEST(Config, DeepNesting_IsRefused) {
  mistake("hosts: " + std::string(100'000, '['));
  mistake("hosts: " + std::string(400, '[') + std::string(400, ']'));
}

TEST(Config, SocketPathTooLongForTheSystem_IsRefused) {
  const std::string longest = "/" + std::string(106, 'x');
  EXPECT_EQ(good("ctl_socket: " + longest).ctl_socket, longest);
  EXPECT_THAT(mistake("ctl_socket: " + longest + "x"), HasSubstr("108 bytes, 107 at most"));
  EXPECT_THAT(mistake("data_dir: /" + std::string(100, 'x')),
              AllOf(StartsWith(std::string(kPath) + ": ctl_socket: "),
                    HasSubstr("set ctl_socket to a shorter path")));
}

TEST(LoadConfig, File_IsRead) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "s.yml";
  std::ofstream(path) << "hosts: [a.example]\n";
  const auto config = load_config(path, {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->hosts, ElementsAre("a.example"));
  EXPECT_EQ(config->data_dir, folder.path() / "data");
}

TEST(LoadConfig, WhatCannotBeRead_SaysWhy) {
  const TemporaryFolder folder;
  const auto missing = load_config(folder.path() / "no.yml", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::unavailable);
  EXPECT_THAT(missing.error().message, HasSubstr("no.yml: cannot be read: No such file"));
  const auto directory = load_config(folder.path(), {});
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr("cannot be read: Is a directory"));
}

TEST(LoadConfig, EndlessFile_IsRefused) {
  const auto config = load_config("/dev/zero", {});
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("larger than 1 MiB"));
}

}  // namespace
}  // namespace starling::config
