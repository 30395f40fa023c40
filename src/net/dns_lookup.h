// DNS questions for people who look after a server: what do the records say, whatever this system's
// hosts file says?
//
// By c-ares, on sockets of its own. Blocking, within a bound: for a thread of a pool, never for a
// worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace starling::net {

enum class DnsType : std::uint8_t { a, aaaa, srv };

struct DnsQuestion {
  DnsType type = DnsType::a;
  std::string name;  // a whole domain, in ASCII
};

// RFC 2782.
struct SrvRecord {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string target;  // without the last dot; "": the service is not offered here
  friend bool operator==(const SrvRecord&, const SrvRecord&) = default;
};

// The records of one name and type: one of the lists, or none at all.
struct DnsAnswer {
  std::vector<SrvRecord> services;     // in the order of their priority
  std::vector<std::string> addresses;  // of an A or AAAA question
  std::string error;                   // why nothing is known; "": what is above is all there is

  [[nodiscard]] bool empty() const { return services.empty() && addresses.empty(); }
};

// Asks all the questions at once; the answers are in the order of the questions. `servers` are
// addresses with or without a port (192.0.2.53, 192.0.2.53:5353, [2001:db8::53]:53); if there are
// none, those of resolv.conf are asked. What is not answered within `bound` has an error. invalid:
// the list of servers is none.
Result<std::vector<DnsAnswer>> ask_dns(const std::vector<std::string>& servers,
                                       const std::vector<DnsQuestion>& questions,
                                       std::chrono::milliseconds bound);

}  // namespace starling::net
