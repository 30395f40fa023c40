#include "net/proxy_header.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace starling::net {

namespace ip = boost::asio::ip;

using std::operator""sv;

namespace {

constexpr std::string_view kStart1 = "PROXY ";
constexpr std::string_view kStart2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kFixed2 = 16;  // signature, version and command, family, length

// The next word up to `separator`, taken from the front of `line`; nullopt if there is none.
std::optional<std::string_view> take_word(std::string_view& line, char separator) {
  const auto end = line.find(separator);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end + 1);
  return word;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (error != std::errc() || end != text.data() + text.size() || leading_zero) return std::nullopt;
  return port;
}

std::optional<ip::address> address_of(std::string_view text, bool v6) {
  // A zone ("%eth0") means something on one machine only.
  if (text.find('%') != std::string_view::npos) return std::nullopt;
  boost::system::error_code error;
  const ip::address address = ip::make_address(std::string(text), error);
  if (error || address.is_v6() != v6) return std::nullopt;
  return address;
}

}  // namespace

ProxyHeader::Status ProxyHeader::feed(std::string_view& input) {
  while (status_ == Status::need_more && !input.empty()) {
    bytes_ += input.front();
    input.remove_prefix(1);
    status_ = step();
  }
  return status_;
}

// The last of bytes_ is new.
ProxyHeader::Status ProxyHeader::step() {
  return bytes_.front() == kStart1.front() ? step_version_1() : step_version_2();
}

ProxyHeader::Status ProxyHeader::step_version_1() {
  const std::size_t size = bytes_.size();
  if (size <= kStart1.size() && bytes_.back() != kStart1[size - 1]) {
    return refuse("not a PROXY header");
  }
  if (bytes_.back() != '\n') {
    return size < kMaxVersion1Bytes ? Status::need_more : refuse("its line is too long");
  }
  if (bytes_[size - 2] != '\r') return refuse("its line does not end in CRLF");
  return read_line(std::string_view(bytes_).substr(kStart1.size(), size - kStart1.size() - 2));
}

// "TCP4 192.0.2.1 198.51.100.1 56324 5222": family, source, destination, and their ports.
ProxyHeader::Status ProxyHeader::read_line(std::string_view line) {
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return Status::complete;
  const bool v6 = line.starts_with("TCP6 ");
  if (!v6 && !line.starts_with("TCP4 ")) return refuse("its protocol is not TCP4 or TCP6");
  line.remove_prefix(5);
  const auto source = take_word(line, ' ');
  const auto destination = take_word(line, ' ');
  const auto source_port = take_word(line, ' ');
  if (!source || !destination || !source_port) return refuse("its line is incomplete");
  const auto address = address_of(*source, v6);
  const auto port = port_of(*source_port);
  if (!address || !address_of(*destination, v6)) return refuse("not an address of its family");
  if (!port || !port_of(line)) return refuse("not a port");
  client_.emplace(*address, *port);
  return Status::complete;
}

ProxyHeader::Status ProxyHeader::step_version_2() {
  constexpr unsigned kLocal = 0x20;
  constexpr unsigned kProxy = 0x21;
  const std::size_t size = bytes_.size();
  if (size <= kStart2.size()) {
    return bytes_.back() == kStart2[size - 1] ? Status::need_more : refuse("not a PROXY header");
  }
  if (size < kFixed2) return Status::need_more;
  const std::size_t length = kFixed2 + number(14);
  if (size == kFixed2) {
    if (byte(12) != kLocal && byte(12) != kProxy) return refuse("unknown version or command");
    if (length > kMaxBytes) return refuse("it is too long");
  }
  if (size < length) return Status::need_more;
  return byte(12) == kLocal ? Status::complete : read_addresses();
}

// What follows the addresses (TLVs) is of no use here.
ProxyHeader::Status ProxyHeader::read_addresses() {
  constexpr unsigned kUnspecified = 0x00;
  constexpr unsigned kTcp4 = 0x11;
  constexpr unsigned kTcp6 = 0x21;
  constexpr unsigned kUnixStream = 0x31;
  const auto fill = [this](auto& address) {
    std::ranges::copy_n(bytes_.begin() + kFixed2, address.size(), address.begin());
  };
  switch (byte(13)) {
    case kUnspecified:
    case kUnixStream:
      return Status::complete;
    case kTcp4: {
      if (bytes_.size() < kFixed2 + 12) return refuse("too short for its addresses");
      ip::address_v4::bytes_type address;
      fill(address);
      client_.emplace(ip::address_v4(address), number(kFixed2 + 8));
      return Status::complete;
    }
    case kTcp6: {
      if (bytes_.size() < kFixed2 + 36) return refuse("too short for its addresses");
      ip::address_v6::bytes_type address;
      fill(address);
      client_.emplace(ip::address_v6(address), number(kFixed2 + 32));
      return Status::complete;
    }
    default:
      return refuse("its protocol is not TCP");
  }
}

unsigned ProxyHeader::byte(std::size_t at) const {
  return static_cast<unsigned char>(bytes_[at]);
}

// Big-endian.
std::uint16_t ProxyHeader::number(std::size_t at) const {
  return static_cast<std::uint16_t>((byte(at) << 8U) | byte(at + 1));
}

ProxyHeader::Status ProxyHeader::refuse(std::string_view error) {
  error_ = error;
  return Status::invalid;
}

}  // namespace starling::net
