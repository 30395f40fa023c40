#include "bus/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/file_descriptor.h"
#include "base/random.h"

namespace starling::bus {

namespace {

// Below those that the kernel gives to outgoing connections. Among them a client that dials a
// server which is not there (yet) can come to talk to itself, and then holds the server's port.
constexpr std::uint16_t kFirstPort = 20'000;
constexpr std::uint16_t kLastPort = 32'000;
constexpr int kAttempts = 100;

socklen_t fill(sockaddr_storage& storage, const ListenAddress& address) {
  const std::string ip = address.ip.to_string();
  if (address.ip.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    ::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  ::inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr);
  return sizeof v6;
}

}  // namespace

std::optional<ListenAddress> ListenAddress::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto ip = IpAddress::parse(host);
  // Without brackets the last colon of an IPv6 address may be one of its own.
  if (!ip || bracketed != host.contains(':')) return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), port);
  if (error != std::errc() || end != digits.end() || port == 0) return std::nullopt;
  return ListenAddress{*ip, port};
}

std::string ListenAddress::to_string() const {
  const std::string host = ip.to_string();
  return (ip.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

Result<> can_listen(const ListenAddress& address) {
  sockaddr_storage storage{};
  const socklen_t size = fill(storage, address);
  const FileDescriptor socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) {
    return fail(Errc::unavailable, std::string("cannot open a socket: ") + std::strerror(errno));
  }
  const int on = 1;  // as servers do: connections of the last one may linger
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0 &&
      ::listen(socket.get(), 1) == 0) {
    return {};
  }
  const Errc code = errno == EADDRINUSE ? Errc::exists : Errc::unavailable;
  return fail(code, "cannot listen on " + address.to_string() + ": " +
                        (code == Errc::exists ? "another program does" : std::strerror(errno)));
}

Result<std::uint16_t> free_port(const IpAddress& ip) {
  Result<> last;
  for (int i = 0; i < kAttempts; ++i) {
    const auto port =
        static_cast<std::uint16_t>(kFirstPort + random_u64() % (kLastPort - kFirstPort));
    last = can_listen({ip, port});
    if (last) return port;
    if (last.error().code != Errc::exists) break;
  }
  return std::unexpected(last.error());
}

}  // namespace starling::bus
