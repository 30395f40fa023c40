#include "bus/nats_server.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/log.h"
#include "bus/child_process.h"
#include "bus/listen_address.h"
#include "bus/test_mesh.h"

namespace starling::bus {
namespace {

using test::BusUser;
using test::eventually;
using test::is_running;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kNodeFolder = "STARLING_TEST_NODE_FOLDER";

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

mode_t mode_of(const std::string& path) {
  struct stat facts{};
  EXPECT_EQ(::stat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 07777;
}

// Listens at some port until it goes.
struct Squatter {
  explicit Squatter(const char* ip) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, ip, &address.sin_addr);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket.get(), 1), 0);
    EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
  FileDescriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;
};

class NatsServerTest : public ::testing::Test {
 protected:
  NatsServerOptions options(const std::string& name, const std::string& ip = "127.0.0.1") {
    return test::server_options(secrets_, folder_ / name, ip);
  }

  TemporaryFolder folder_;
  net::test::LoopThread loop_;
  test::Secrets secrets_;
};

// What it logs is in a file.
class LoggedServerTest : public NatsServerTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(log::configure({.level = log::Level::debug, .file = folder_ / "log"}));
  }
  void TearDown() override { log::configure(log::Level::info, log::Format::text); }
};

TEST_F(NatsServerTest, StopLeavesNoProcess) {
  NatsServer server(options("a"));
  ASSERT_TRUE(server.start());
  const pid_t pid = server.pid();
  ASSERT_TRUE(is_running(pid));
  server.stop();
  EXPECT_FALSE(is_running(pid));
  EXPECT_EQ(server.pid(), 0);
  server.stop();
}

TEST_F(NatsServerTest, StopKillsWhatHangs) {
  NatsServer server(options("a"));
  ASSERT_TRUE(server.start());
  const pid_t pid = server.pid();
  ::kill(pid, SIGSTOP);
  server.stop();
  EXPECT_FALSE(is_running(pid));
}

TEST_F(NatsServerTest, ItsFilesAreClosedToOthers) {
  std::filesystem::create_directory(folder_ / "a");
  std::filesystem::permissions(folder_ / "a", std::filesystem::perms::all);
  NatsServer server(options("a"));
  ASSERT_TRUE(server.start());
  EXPECT_EQ(mode_of(folder_ / "a"), 0700U);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "a")) {
    EXPECT_EQ(mode_of(entry.path()), 0600U) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 4);
  EXPECT_THAT(read_file(folder_ / "a/nats-server.conf"), HasSubstr(secrets_.secret));
  EXPECT_THAT(read_file("/proc/" + std::to_string(server.pid()) + "/cmdline"),
              ::testing::Not(HasSubstr(secrets_.secret)));
}

TEST_F(NatsServerTest, RoutePortThatIsTakenIsSaidClearly) {
  const Squatter squatter("127.0.0.1");
  auto taken = options("a");
  taken.route_port = squatter.port;
  NatsServer server(taken);
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::exists);
  EXPECT_EQ(started.error().message, "cannot listen on 127.0.0.1:" + std::to_string(squatter.port) +
                                         ": another program does");
  EXPECT_EQ(server.pid(), 0);
}

TEST_F(NatsServerTest, AddressOfAnotherMachineIsRefused) {
  NatsServer server(options("a", "192.0.2.1"));
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("cannot listen on 192.0.2.1:"));
}

TEST_F(NatsServerTest, FailedStartTellsTheLastLine) {
  auto broken = options("a");
  broken.key = "no key";
  NatsServer server(broken);
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("does not start: exit code 1: "));
  EXPECT_THAT(started.error().message, HasSubstr("PEM"));
}

TEST_F(NatsServerTest, ProgramThatIsNoneIsToldOf) {
  auto broken = options("a");
  broken.program = "/nonexistent/nats-server";
  NatsServer server(broken);
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("No such file or directory"));
}

TEST_F(NatsServerTest, SecretThatDoesNotFitAUrlIsRefused) {
  auto odd = options("a");
  odd.secret = "a\" b";
  NatsServer server(odd);
  EXPECT_EQ(server.start().error().code, Errc::invalid);
}

TEST_F(NatsServerTest, ServesAtAnIpv6Address) {
  if (!can_listen({*IpAddress::parse("::1"), 20'001})) GTEST_SKIP() << "no IPv6 here";
  NatsServer a(options("a", "::1"));
  NatsServer b(options("b", "::1"));
  ASSERT_TRUE(a.start());
  EXPECT_THAT(a.route_address(), ::testing::StartsWith("[::1]:"));
  b.set_routes({a.route_address()});
  ASSERT_TRUE(b.start());
  BusUser on_a(loop_, 1, a);
  BusUser on_b(loop_, 2, b);
  EXPECT_TRUE(test::reaches(on_a, on_b));
}

TEST_F(LoggedServerTest, ConfigurationChangesOnlyWithTheRoutes) {
  auto hasty = options("a");
  hasty.quiet = std::chrono::milliseconds(0);
  NatsServer server(hasty);
  ASSERT_TRUE(server.start());
  const std::string path = folder_ / "a/nats-server.conf";
  const std::string before = read_file(path);
  server.set_routes({server.route_address(), "no address", "127.0.0.1:6222 \"x\""});
  server.set_routes({"127.0.0.9:6222", server.route_address(), "127.0.0.9:6222"});
  ASSERT_TRUE(eventually([&] { return read_file(path) != before; }));
  EXPECT_THAT(read_file(path), HasSubstr("@127.0.0.9:6222\"\n  ]"));
  ASSERT_TRUE(eventually([&] { return read_file(folder_ / "log").contains("routes_changed"); }));
  server.set_routes({"127.0.0.9:6222"});
  server.set_routes({});
  ASSERT_TRUE(eventually([&] { return read_file(path) == before; }));
  server.stop();
  int changes = 0;
  const std::string lines = read_file(folder_ / "log");
  for (std::size_t at = 0; (at = lines.find("bus_routes_changed", at)) != std::string::npos; ++at) {
    ++changes;
  }
  EXPECT_EQ(changes, 2);
}

TEST_F(NatsServerTest, NewRoutesKeepTheClientConnected) {
  auto hasty = options("a");
  hasty.quiet = std::chrono::milliseconds(0);
  NatsServer server(hasty);
  NatsServer other(options("b", "127.0.0.2"));
  ASSERT_TRUE(server.start());
  ASSERT_TRUE(other.start());
  BusUser first(loop_, 1, server);
  BusUser second(loop_, 2, server);
  BusUser third(loop_, 3, other);
  ASSERT_TRUE(test::reaches(first, second));
  ASSERT_TRUE(eventually([&] { return third.connected(); }));
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    server.set_routes({"127.0.0.9:" + std::to_string(6'222 + i)});
    for (int k = 0; k < 20; ++k) {
      expected.push_back("n" + std::to_string(expected.size()));
      first.send(2, expected.back());
    }
    ASSERT_TRUE(second.frames().wait_for(expected.back()));
  }
  server.set_routes({other.route_address()});
  ASSERT_TRUE(test::reaches(third, second));
  ASSERT_TRUE(test::reaches(first, third));
  EXPECT_EQ(second.frames().like("n"), expected);
}

TEST_F(NatsServerTest, MovesWhenItsPortIsTakenMeanwhile) {
  NatsServer server(options("a"));
  ASSERT_TRUE(server.start());
  const std::string before = server.url();
  BusUser first(loop_, 1, server);
  server.on_moved([&](const std::string& url) { first.bus().move_to({url}); });
  ASSERT_TRUE(eventually([&] { return first.connected(); }));
  // In the place of the child for a moment: as soon as it is dead.
  ASSERT_EQ(::kill(server.pid(), SIGKILL), 0);
  const auto address = ListenAddress::parse(before.substr(7)).value();
  const FileDescriptor squatter(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(squatter.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in there{};
  there.sin_family = AF_INET;
  there.sin_port = htons(address.port);
  there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_TRUE(eventually([&] {
    return ::bind(squatter.get(), reinterpret_cast<sockaddr*>(&there), sizeof there) == 0 &&
           ::listen(squatter.get(), 8) == 0;
  }));
  ASSERT_TRUE(eventually([&] { return server.url() != before && server.pid() != 0; }));
  BusUser second(loop_, 2, server);
  EXPECT_TRUE(test::reaches(second, first));
  server.on_moved(nullptr);
}

class RefusedNode : public LoggedServerTest {
 protected:
  // True if a server of the members' refuses this one and they hear nothing of it.
  void expect_refused(const NatsServerOptions& intruder_options, const std::string& complaint) {
    NatsServer a(options("a", "127.0.0.1"));
    NatsServer b(options("b", "127.0.0.2"));
    NatsServer intruder(intruder_options);
    ASSERT_TRUE(a.start());
    b.set_routes({a.route_address()});
    ASSERT_TRUE(b.start());
    intruder.set_routes({a.route_address(), b.route_address()});
    ASSERT_TRUE(intruder.start());
    BusUser on_a(loop_, 1, a);
    BusUser on_b(loop_, 2, b);
    BusUser on_intruder(loop_, 3, intruder);
    BusUser beside(loop_, 4, intruder);
    ASSERT_TRUE(test::reaches(on_a, on_b));
    ASSERT_TRUE(test::reaches(on_intruder, beside));
    // Its attempts are repeated every second.
    EXPECT_TRUE(eventually([&] { return read_file(folder_ / "log").contains(complaint); }));
    on_intruder.broadcast("intruder");
    on_intruder.send(1, "intruder");
    on_a.broadcast("secret");
    on_a.send(4, "secret");
    ASSERT_TRUE(beside.frames().wait_for("intruder"));
    ASSERT_TRUE(test::reaches(on_a, on_b));
    EXPECT_THAT(on_a.frames().like("intruder"), IsEmpty());
    EXPECT_THAT(on_b.frames().like("intruder"), IsEmpty());
    EXPECT_THAT(beside.frames().like("secret"), IsEmpty());
    EXPECT_FALSE(read_file(folder_ / "log").contains(secrets_.secret));
  }
};

TEST_F(RefusedNode, WithAnotherSecret) {
  auto other = options("c", "127.0.0.3");
  other.secret = "another-secret";
  expect_refused(other, "Authorization Violation");
}

TEST_F(RefusedNode, WithACertificateOfAnotherAuthority) {
  test::Secrets others;
  others.secret = secrets_.secret;
  // It trusts the members' authority, so that it is they who refuse it.
  auto other = test::server_options(others, folder_ / "c", "127.0.0.3");
  other.authority = secrets_.authority.certificate;
  expect_refused(other, "TLS route handshake error");
}

TEST_F(RefusedNode, WithACertificateForAnotherAddress) {
  auto other = options("c", "127.0.0.3");
  NatsServer a(options("a", "127.0.0.1"));
  const auto foreign = make_certificate(secrets_.authority, "127.0.0.7").value();
  other.certificate = foreign.certificate;
  other.key = foreign.key;
  NatsServer c(other);
  ASSERT_TRUE(c.start());
  a.set_routes({c.route_address()});  // whoever dials checks whom it has reached
  ASSERT_TRUE(a.start());
  EXPECT_TRUE(eventually(
      [&] { return read_file(folder_ / "log").contains("certificate is valid for 127.0.0.7"); }));
}

// A process of its own, in the next test; nothing otherwise.
TEST_F(NatsServerTest, NodeThatDies) {
  const char* folder = std::getenv(kNodeFolder);
  if (folder == nullptr) return;
  NatsServer server(test::server_options(secrets_, folder, "127.0.0.1"));
  ASSERT_TRUE(server.start());
  const std::string line = "\nserver " + std::to_string(server.pid()) + "\n";
  ASSERT_EQ(::write(STDOUT_FILENO, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  ::raise(SIGKILL);
}

TEST_F(NatsServerTest, ChildDoesNotOutliveTheNode) {
  auto node =
      ChildProcess::start("/usr/bin/env", {std::string(kNodeFolder) + "=" + folder_ / "a",
                                           std::filesystem::read_symlink("/proc/self/exe").string(),
                                           "--gtest_filter=NatsServerTest.NodeThatDies"});
  ASSERT_TRUE(node);
  pid_t pid = 0;
  while (pid == 0 && node->output() >= 0) {
    pollfd ready{.fd = node->output(), .events = POLLIN};
    ::poll(&ready, 1, -1);
    node->read_lines([&](std::string_view line) {
      if (line.starts_with("server ")) pid = std::stoi(std::string(line.substr(7)));
    });
  }
  ASSERT_GT(pid, 0);
  EXPECT_EQ(node->reap(), "signal 9");
  // Until whoever inherits it has reaped it, it may remain as a zombie.
  EXPECT_TRUE(eventually([&] {
    return !is_running(pid) || read_file("/proc/" + std::to_string(pid) + "/stat").contains(") Z ");
  }));
}

}  // namespace
}  // namespace starling::bus
