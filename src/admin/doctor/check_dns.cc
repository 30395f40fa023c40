#include <algorithm>

#include "admin/doctor/checks.h"

namespace starling::admin::doctor {

namespace {

constexpr std::uint16_t kClientPort = 5222;  // RFC 6120 section 3.2.1: where there is no SRV record
constexpr std::uint16_t kDirectTlsPort = 5223;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// One of the two ways in, of one host.
struct Way {
  const HostRecords& host;
  const net::DnsAnswer& answer;
  std::string service;  // "_xmpp-client._tcp"
  bool tls = false;
  std::uint16_t usual_port = 0;

  [[nodiscard]] std::string record() const { return service + "." + host.name; }
};

class DnsCheck {
 public:
  DnsCheck(const Facts& facts, Findings& findings) : facts_(facts), report_(findings, "dns") {}

  void check(const HostRecords& host) {
    if (host.name.empty()) {
      return report_.ok(host.host + " is no name of the public DNS: nothing to look up");
    }
    const Way ways[] = {
        {host, host.starttls, "_xmpp-client._tcp", false, kClientPort},
        {host, host.direct_tls, "_xmpps-client._tcp", true, kDirectTlsPort},
    };
    for (const auto& way : ways) {
      if (!way.answer.error.empty()) {
        report_.warning(way.record() + ": not known: " + way.answer.error,
                        "check resolv.conf, or the option dns_servers, and ask again");
      } else if (way.answer.services.empty()) {
        check_without_record(way);
      } else {
        for (const auto& service : way.answer.services) check_record(way, service);
      }
    }
  }

 private:
  [[nodiscard]] bool listens(std::uint16_t port, bool tls) const {
    return std::ranges::any_of(facts_.listeners, [&](const ListenerFacts& listener) {
      return listener.port == port && listener.tls == tls;
    });
  }

  [[nodiscard]] bool offers(const Way& way) const {
    return std::ranges::any_of(
        facts_.listeners, [&](const ListenerFacts& listener) { return listener.tls == way.tls; });
  }

  [[nodiscard]] std::string advice_to_add(const Way& way) const {
    const auto listener = std::ranges::find(facts_.listeners, way.tls, &ListenerFacts::tls);
    const auto port = listener == facts_.listeners.end() ? way.usual_port : listener->port;
    return "add to the zone: " + way.record() + ". 3600 IN SRV 5 0 " + std::to_string(port) + " " +
           way.host.name + ".";
  }

  void check_without_record(const Way& way) {
    const bool offered = offers(way);
    if (way.tls) {
      if (!offered) return report_.ok(way.record() + ": no record, and no port with direct TLS");
      return report_.warning(way.record() + ": no record: clients do not find direct TLS",
                             advice_to_add(way));
    }
    if (!offered) {
      return report_.warning(way.record() + ": no record, and no port with STARTTLS",
                             "add a listener without tls; some clients know no direct TLS");
    }
    // Clients go to the host itself, at the usual port.
    if (!listens(kClientPort, false)) {
      return report_.error(way.record() + ": no record, and nothing listens on port " +
                               std::to_string(kClientPort) + ", where clients go then",
                           advice_to_add(way));
    }
    if (leads_here(way.host.name, way.host.host)) {
      report_.ok(way.record() + ": no record; clients find " + way.host.name + " and port " +
                 std::to_string(kClientPort));
    }
  }

  void check_record(const Way& way, const net::SrvRecord& service) {
    const std::string port = std::to_string(service.port);
    const std::string what = way.record() + " -> " + service.target + " port " + port;
    if (service.target.empty()) {
      if (!offers(way)) {
        return report_.ok(way.record() + ": not offered, as the record says");
      }
      return report_.error(way.record() + ": the record says that there is no such service",
                           advice_to_add(way) + " (in its place)");
    }
    if (!leads_here(service.target, what)) return;
    if (listens(service.port, way.tls)) return report_.ok(what + ": this node");
    report_.error(what + ": no listener of this node with tls: " + (way.tls ? "true" : "false") +
                      " has this port",
                  "change the record, or the ports in listen");
  }

  // Whether the name leads to this machine; says so if it does not.
  bool leads_here(const std::string& name, const std::string& what) {
    const auto found = facts_.dns.addresses.find(name);
    const Addresses addresses = found == facts_.dns.addresses.end() ? Addresses{} : found->second;
    if (!addresses.own.empty()) return true;
    if (!addresses.foreign.empty()) {
      report_.warning(what + ": " + joined(addresses.foreign) + " is not of this machine",
                      "nothing to do if a router or proxy in front passes connections on; else "
                      "change the A and AAAA records of " +
                          name);
    } else if (!addresses.error.empty()) {
      report_.warning(what + ": the address of " + name + " is not known: " + addresses.error,
                      "check resolv.conf, or the option dns_servers, and ask again");
    } else {
      report_.error(what + ": " + name + " has no address",
                    "add an A or AAAA record for " + name + " to its zone");
    }
    return false;
  }

  const Facts& facts_;
  Report report_;
};

}  // namespace

void check_dns(const Facts& facts, Findings& findings) {
  if (!facts.dns.error.empty()) {
    Report(findings, "dns")
        .warning("nothing could be asked: " + facts.dns.error,
                 "check resolv.conf, or the option dns_servers");
    return;
  }
  DnsCheck check(facts, findings);
  for (const auto& host : facts.dns.hosts) check.check(host);
}

}  // namespace starling::admin::doctor
