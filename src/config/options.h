// What an operator may tell each host and its modules, as plain values with their defaults.
//
// The table of config/table.h names, explains, reads and documents every one of them. Values are
// set before they are used and never changed afterwards (a reload makes new ones): any thread may
// read them. Everything here may differ from host to host (host_config).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/access.h"
#include "xmpp/jid.h"

namespace starling::config {

// XEP-0198.
struct StreamManagementOptions {
  std::chrono::seconds resume_timeout{300};        // for clients that name none
  std::chrono::seconds max_resume_timeout{3'600};  // the most that a client may ask for
  std::uint32_t max_unacked_stanzas = 5'000;       // of one session; then it is given up
  std::uint64_t max_unacked_bytes = 16 * 1024 * 1024;
  std::string location;  // where to resume, "host:port"; "" says nothing
};

// XEP-0313. 0: no limit.
struct ArchiveOptions {
  std::uint32_t expire_after_days = 365;
  std::uint32_t max_messages = 1'000'000;  // of one account
};

// XEP-0077.
struct RegistrationOptions {
  bool enabled = false;           // whether anybody may make an account
  std::string access = "all";     // access rule for the new account's address
  std::string ip_access = "all";  // access rule for where it is made from
};

// XEP-0157: URIs such as mailto:abuse@example.org, by purpose.
struct ContactOptions {
  std::vector<std::string> abuse;
  std::vector<std::string> admin;
  std::vector<std::string> feedback;
  std::vector<std::string> sales;
  std::vector<std::string> security;
  std::vector<std::string> status;
  std::vector<std::string> support;
};

// RFC 6121 section 2.
struct RosterOptions {
  std::uint32_t max_items = 5'000;  // of one account, requests that wait included
};

// How a node lets go of its sessions when it stops.
struct DrainOptions {
  std::uint32_t rate = 500;           // sessions a second
  std::chrono::seconds linger{0};     // so long newcomers are served, before the last batch
  std::chrono::seconds deadline{30};  // after which those that are left end
};

// How a node with more sessions than its share lets some of them go to others.
enum class BalanceMode : std::uint8_t { off, gentle, eager };
struct BalanceOptions {
  BalanceMode mode = BalanceMode::gentle;
  std::uint32_t rate = 5;  // sessions a second; eager: twenty times as many
  bool readiness = false;  // /health says 503 while there is a surplus
};

// What a node can do at most, where that is not what its size tells. 0: by its size.
struct CapacityOptions {
  std::uint32_t sessions = 0;
  std::uint32_t stanzas = 0;  // a second, from clients
};

// What the node remembers of messages, for `starlingctl why` (core/journal.h).
struct JournalOptions {
  std::uint32_t size = 50'000;  // entries, of 256 bytes; 0: none
};

// XEP-0199, from the server to silent clients.
struct PingOptions {
  std::chrono::seconds interval{300};    // silence after which the server asks
  std::chrono::seconds ack_timeout{60};  // further silence after which the stream is given up
};

// XEP-0050, XEP-0133.
struct AdminCommandsOptions {
  std::string access = "configure";  // access rule: who may use the commands of XEP-0133
};

struct HostOptions {
  std::vector<xmpp::Jid> admins;   // bare JIDs
  Access access;                   // the ACL "admin" has the members of `admins`, too
  std::uint32_t max_sessions = 0;  // of the host, bound at once; 0: no limit
  std::vector<std::string> disable_sasl_mechanisms;
  // Whether a client that cannot bind a channel after it has tried is let in (docs/adr/0005).
  bool allow_unbound_after_plus = true;

  StreamManagementOptions stream_management;
  ArchiveOptions archive;
  RegistrationOptions registration;
  ContactOptions contact;
  RosterOptions roster;
  PingOptions ping;
  AdminCommandsOptions admin_commands;

  // True if this account may use the commands of XEP-0133: it is one of `admins`, or the access
  // rule of admin_commands says so.
  [[nodiscard]] bool is_admin(const xmpp::Jid& jid) const {
    for (const auto& admin : admins) {
      if (admin.full() == jid.bare()) return true;
    }
    return access.allows(admin_commands.access, {&jid, std::nullopt});
  }
};

}  // namespace starling::config
