// Config: what the operator wrote, checked and with defaults filled in.
//
// The table of config/table.h is the one source of every option. Values are plain; a reload makes
// a new Config and compares.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "config/api_options.h"
#include "config/options.h"

namespace starling::config {

// How fast a stream is read (XEP-0478 tells the client). 0: not limited.
struct Shaper {
  std::uint64_t rate = 0;          // bytes a second, on average
  std::uint64_t burst_size = 0;    // bytes that may come at once; 0: as many as `rate`
  std::uint32_t stanza_rate = 0;   // stanzas a second, on average
  std::uint32_t stanza_burst = 0;  // stanzas that may come at once; 0: as many as the rate
  friend bool operator==(const Shaper&, const Shaper&) = default;
};

struct ListenOptions {
  std::string ip = "::";      // "::" takes IPv4 as well
  std::uint16_t port = 5222;  // 0: any free port, which the log names
  std::string module = "c2s";
  bool tls = false;  // TLS from the first byte (XEP-0368)
  bool starttls_required = true;
  bool use_proxy_protocol = false;       // every connection begins with a PROXY header, v1 or v2
  std::vector<IpRange> trusted_proxies;  // who may send one; empty: anybody
  std::string access = "all";            // access rule: who may log in here
  std::string shaper = "c2s_shaper";     // shaper rule, or shaper
  std::uint32_t max_connections = 0;     // to this listener at once; 0: no limit
  std::uint32_t max_connections_per_address = 0;  // an IPv6 address counts by its /64
  std::uint32_t max_stanza_size = 262'144;        // bytes
  std::uint32_t max_stanza_size_before_auth = 16'384;
  std::uint32_t max_depth = 64;                      // elements
  std::uint32_t max_attributes = 64;                 // of one element
  std::uint32_t max_elements = 8'192;                // of one stanza
  std::chrono::seconds negotiation_timeout{60};      // from accept to a bound resource
  std::uint64_t max_queued_bytes = 4 * 1024 * 1024;  // unread by a slow client; then it is dropped
  std::uint32_t max_auth_failures = 5;               // wrong passwords on one stream; then it ends
  std::vector<std::string> services;                 // of HTTP; empty: all
  std::uint64_t max_body = 1024 * 1024;              // of one HTTP request, in bytes
  friend bool operator==(const ListenOptions&, const ListenOptions&) = default;
};

// Log-in failures of one address or of one account, on all streams together: answered more and more
// slowly, then refused for a while.
struct Fail2banOptions {
  std::uint32_t slow_after = 3;        // failures within `window`; then answers take longer
  std::chrono::seconds max_delay{10};  // the longest that an answer is held back
  std::uint32_t max_failures_per_address = 20;  // within `window`; then the address is refused
  std::uint32_t max_failures_per_account = 50;  // within `window`; then the account is refused
  std::chrono::seconds window{600};
  std::chrono::seconds ban_lifetime{3'600};  // how long it is refused
  std::string access = "none";               // access rule: who is never refused
};

// The nodes that share a PostgreSQL database. The times are the lease's: see docs/cluster.md.
struct ClusterOptions {
  std::string name;            // for people; "": the machine's
  std::string address;         // where other nodes reach this one; "": as towards the database
  std::uint16_t port = 6'222;  // of the own nats-server, for other nodes; 0: a free one
  std::string bus;             // the URL of NATS servers that are there; "": one of our own
  std::string client_address;  // "host:port" where clients reach this node; "": not directly
  std::string nats_server;     // the program; "": where programs usually are
  std::chrono::seconds renew{2};
  std::chrono::seconds suspect{6};
  std::chrono::seconds fence{10};
  std::chrono::seconds dead{15};
};

// Who started the machine, and what it is told.
enum class CloudProvider : std::uint8_t { none, aws, kubernetes };
struct CloudOptions {
  CloudProvider provider = CloudProvider::none;
  std::string launch_hook = "starling-launch";        // of the Auto Scaling group
  std::string terminate_hook = "starling-terminate";  // the same
  std::chrono::seconds metrics_interval{10};
  std::string metrics_namespace = "Starling";
};

struct Config {
  std::vector<std::string> hosts{"localhost"};  // prepared domains
  std::vector<ListenOptions> listen{{}, {.port = 5223, .tls = true}};
  std::vector<std::string> certfiles;   // PEM: chain and key in one file
  std::string tls_min_version = "1.2";  // or "1.3"
  std::string tls_ciphers;              // OpenSSL's words, for TLS 1.2; "": ours
  std::string data_dir = "data";
  std::string database;    // a PostgreSQL URL; "": SQLite in data_dir
  std::string ctl_socket;  // default: data_dir/ctl.sock
  log::Level loglevel = log::Level::info;
  std::map<std::string, log::Level> log_levels;  // by subsystem, where it differs
  log::Format log_format = log::Format::text;
  std::string log_file;       // "": standard error
  std::uint32_t workers = 0;  // 0: one per processor
  bool core_dumps = false;
  std::uint64_t max_memory = 0;          // bytes; 0: 80 % of what the system lets it have
  std::uint32_t reserved_files = 64;     // file descriptors that no client can take
  std::vector<std::string> dns_servers;  // address or address:port; empty: the system's
  std::map<std::string, Shaper, std::less<>> shapers;
  Fail2banOptions fail2ban;
  ClusterOptions cluster;
  CloudOptions cloud;
  ApiOptions api;
  DrainOptions drain;
  BalanceOptions balance;
  CapacityOptions capacity;
  JournalOptions journal;
  bool trace_bodies = false;
  HostOptions options;  // what stands at the top, for every host that host_config says nothing of
  // By host, complete: what stands at the top, with what host_config says of the host on top.
  std::map<std::string, HostOptions, std::less<>> host_options;

  std::set<std::string> secrets;  // names of options whose values came from a file of their own
  // Where what was set was set, by the names of options: "FILE:LINE:COLUMN" or "environment
  // variable NAME".
  std::map<std::string, std::string> places;

  [[nodiscard]] const HostOptions& of_host(std::string_view host) const {
    const auto found = host_options.find(host);
    return found == host_options.end() ? options : found->second;
  }
};

}  // namespace starling::config
