#include "base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace starling {

namespace {
// ::ffff:0:0/96 (RFC 4291 section 2.5.5.2)
constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() > INET6_ADDRSTRLEN) return std::nullopt;
  const std::string name(text);
  IpAddress address;
  if (::inet_pton(AF_INET, name.c_str(), address.bytes_.data()) == 1) return address;
  address.is_v4_ = false;
  if (::inet_pton(AF_INET6, name.c_str(), address.bytes_.data()) != 1) return std::nullopt;
  if (std::equal(kMapped.begin(), kMapped.end(), address.bytes_.begin())) {
    IpAddress plain;
    std::copy(address.bytes_.begin() + kMapped.size(), address.bytes_.end(), plain.bytes_.begin());
    return plain;
  }
  return address;
}

IpAddress IpAddress::masked(unsigned prefix_length) const {
  IpAddress result = *this;
  for (unsigned i = 0; i < result.bytes_.size(); ++i) {
    const unsigned before = i * 8;
    const unsigned kept = prefix_length > before ? std::min(8U, prefix_length - before) : 0;
    result.bytes_[i] = static_cast<unsigned char>(result.bytes_[i] & (0xff00U >> kept));
  }
  return result;
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(is_v4_ ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

}  // namespace starling
