// Probe: is somebody at the door? Connects to a listener as a client would, says a word and waits
// for the answer. Blocking, within a bound: for a thread of a pool, never for a worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace starling::net {

struct Probe {
  std::string ip;
  std::uint16_t port = 0;
  std::string before_tls;   // sent as it is, first of all
  bool tls = false;         // TLS then, with whatever certificate there is
  std::string server_name;  // SNI
  std::string alpn;         // "": none
  std::string word;         // sent then
  std::string answer;       // what must come back, somewhere
};

// Errors say how far it came: unavailable (nobody there, TLS fails, the connection ends) and
// timeout.
Result<> probe(const Probe& what, std::chrono::milliseconds bound);

// True if this machine has the address: packets for it arrive here.
bool is_own_address(const std::string& ip);

}  // namespace starling::net
