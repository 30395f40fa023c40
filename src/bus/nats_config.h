// The configuration of a nats-server that links one node to the others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bus/listen_address.h"

namespace starling::bus {

struct NatsConfig {
  std::string name;  // of the server: unique in the cluster, or the others refuse it
  std::string cluster;
  std::uint16_t client_port = 0;  // on 127.0.0.1
  std::string user;
  std::string password;
  std::string system_password;
  ListenAddress routes_at;  // where other servers connect to
  std::string secret;       // [A-Za-z0-9_-] only: it stands in URLs
  std::string certificate_file;
  std::string key_file;
  std::string authority_file;
  std::vector<ListenAddress> routes;
};

[[nodiscard]] std::string to_text(const NatsConfig& config);

}  // namespace starling::bus
