// Options: what the operator may tell the modules. Plain values, set before the Server is made and
// never changed afterwards: any thread may read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "xmpp/jid.h"

namespace starling::core {

// XEP-0198.
struct StreamManagementOptions {
  std::chrono::seconds resume_timeout{300};        // for clients that name none
  std::chrono::seconds max_resume_timeout{3'600};  // the most that a client may ask for
  std::uint32_t max_unacked_stanzas = 5'000;       // of one session; then it is given up
  std::string location;                            // where to resume, "host:port"; "" says nothing
};

// XEP-0313. 0: no limit.
struct ArchiveOptions {
  std::uint32_t expire_after_days = 365;
  std::uint32_t max_messages = 1'000'000;  // of one account
};

// XEP-0077.
struct RegistrationOptions {
  bool enabled = false;  // whether anybody may make an account
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

struct Options {
  std::vector<xmpp::Jid> admins;  // bare JIDs
  StreamManagementOptions stream_management;
  ArchiveOptions archive;
  RegistrationOptions registration;
  ContactOptions contact;

  [[nodiscard]] bool is_admin(const xmpp::Jid& jid) const {
    for (const auto& admin : admins) {
      if (admin.full() == jid.bare()) return true;
    }
    return false;
  }
};

}  // namespace starling::core
