#include "net/unix_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>
#include <future>
#include <string>

#include "net/test_support.h"

namespace starling::net {
namespace {

using testing::HasSubstr;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int connect_to(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(path);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

class UnixListenerTest : public testing::Test {
 protected:
  static void ignore(const std::shared_ptr<SocketConnection>& connection, uid_t) {
    connection->abort();
  }
  void close(UnixListener& listener) {
    worker_.run([&] { listener.close(); });
    worker_.finish_turn();
  }
  TemporaryFolder folder_;
  std::string path_ = folder_ / "ctl.sock";
  test::LoopThread worker_;
};

TEST_F(UnixListenerTest, Caller_IsNamedByTheKernel) {
  std::promise<uid_t> caller;
  test::Recorder recorder;
  const auto listener = UnixListener::open(
      worker_.loop(), path_, [&](std::shared_ptr<SocketConnection> connection, uid_t uid) {
        connection->set_handler(&recorder);
        connection->start(nullptr);
        caller.set_value(uid);
      });
  ASSERT_TRUE(listener.has_value());
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);

  test::PeerSocket peer(connect_to(path_));
  EXPECT_EQ(caller.get_future().get(), ::geteuid());
  ASSERT_TRUE(peer.send("hello"));
  EXPECT_EQ(recorder.wait_for_data(5), "hello");
  peer.close();
  EXPECT_EQ(recorder.wait_for_end(), CloseReason::closed_by_peer);
  close(**listener);
}

TEST_F(UnixListenerTest, StaleSocket_IsReplaced) {
  const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(path_);
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(dead);
  ASSERT_EQ(connect_to(path_), -1);

  const auto listener = UnixListener::open(worker_.loop(), path_, ignore);
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  const test::PeerSocket peer(connect_to(path_));
  EXPECT_EQ(peer.receive(), "");
  close(**listener);
}

TEST_F(UnixListenerTest, LiveSocket_IsRefusedAndLeftAlone) {
  const auto first = UnixListener::open(worker_.loop(), path_, ignore);
  ASSERT_TRUE(first.has_value());
  const auto second = UnixListener::open(worker_.loop(), path_, ignore);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().message, path_ + ": another process answers there already");
  const test::PeerSocket peer(connect_to(path_));
  EXPECT_GE(peer.fd(), 0);
  close(**first);
}

TEST_F(UnixListenerTest, FileThatIsNoSocket_IsLeftAlone) {
  std::ofstream(path_) << "precious";
  const auto listener = UnixListener::open(worker_.loop(), path_, ignore);
  ASSERT_FALSE(listener.has_value());
  EXPECT_THAT(listener.error().message, HasSubstr("cannot listen there"));
  std::string text;
  std::ifstream(path_) >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(UnixListenerTest, LongPath_SaysHowLongItMayBe) {
  const auto listener = UnixListener::open(worker_.loop(), folder_ / std::string(120, 'x'), ignore);
  ASSERT_FALSE(listener.has_value());
  EXPECT_THAT(listener.error().message, HasSubstr("107 bytes at most"));
}

TEST_F(UnixListenerTest, Destruction_RemovesTheFile) {
  {
    const auto listener = UnixListener::open(worker_.loop(), path_, ignore);
    ASSERT_TRUE(listener.has_value());
    close(**listener);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace starling::net
