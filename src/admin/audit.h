// Audit: the record of who changed what, through whichever door: starlingctl, the API, the page, an
// administrator's client (XEP-0133).
//
// Kept in the store (the server's own log "audit"), so that every node shows the same, and so that
// it outlives the nodes. Passwords and what people write never come into it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admin/call.h"
#include "base/result.h"
#include "base/task.h"
#include "commands/commands.h"
#include "store/store.h"

namespace starling::admin {

inline constexpr const char* kAuditLog = "audit";

struct AuditRecord {
  std::int64_t time_us = 0;  // wall clock; of its writing
  std::string who{};         // as Caller has it
  std::string from{};
  std::string command{};
  Json arguments = Json::object();  // by name, without secrets
  std::string result{};             // "done", or why not
};

// What was asked, by name in lower case: *** in the place of passwords and of what people write.
[[nodiscard]] Json harmless_arguments(const commands::Command& command,
                                      const std::vector<std::string>& arguments);
// Their values, in their order, for the log.
[[nodiscard]] std::string in_a_line(const Json& harmless_arguments);

// Durable when it ends. If that fails the log of the node says so, with the record.
Task<void> write_audit(store::Logs& logs, AuditRecord record);

// Records what administrators change from their clients, too. Before the server's loops run.
void record_changes_of_clients(core::Server& server);

struct AuditPage {
  std::vector<AuditRecord> records;   // the latest first
  std::optional<std::uint64_t> next;  // where it goes on
};
// What is older than `after`, or the latest if that is 0. Errors: unavailable.
Task<Result<AuditPage>> read_audit(store::Logs& logs, std::uint64_t after, std::uint32_t limit);

}  // namespace starling::admin
