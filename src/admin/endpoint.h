// The address and the port in what a session says of where it comes from (Outbox::remote).
#pragma once

#include <charconv>
#include <string>

namespace starling::admin {

struct Endpoint {
  std::string ip;
  int port = 0;
};

// Of "203.0.113.7:5222" or "[2001:db8::1]:5222"; empty for anything else.
inline Endpoint endpoint_of(const std::string& remote) {
  Endpoint endpoint;
  const auto colon = remote.rfind(':');
  if (colon == std::string::npos) return endpoint;
  const char* const end = remote.data() + remote.size();
  const auto parsed = std::from_chars(remote.data() + colon + 1, end, endpoint.port);
  if (parsed.ec != std::errc() || parsed.ptr != end) return {};
  endpoint.ip = remote.substr(0, colon);
  if (endpoint.ip.starts_with('[')) endpoint.ip = endpoint.ip.substr(1, endpoint.ip.size() - 2);
  return endpoint;
}

}  // namespace starling::admin
