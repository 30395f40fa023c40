#include "admin/audit.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace starling::admin {

namespace {

constexpr int kMostTries = 100;  // at ids that others took in the same microsecond

std::string encode(const AuditRecord& record) {
  const Json json = {{"who", record.who},
                     {"from", record.from},
                     {"command", record.command},
                     {"arguments", record.arguments},
                     {"result", record.result}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

AuditRecord decode(const store::LogEntry& entry) {
  AuditRecord record{.time_us = static_cast<std::int64_t>(entry.id)};
  const Json json = Json::parse(entry.value, nullptr, false);
  if (!json.is_object()) return record;
  record.who = json.value("who", "");
  record.from = json.value("from", "");
  record.command = json.value("command", "");
  record.arguments = json.value("arguments", Json::object());
  record.result = json.value("result", "");
  return record;
}

}  // namespace

Json harmless_arguments(const commands::Command& command,
                        const std::vector<std::string>& arguments) {
  Json harmless = Json::object();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const commands::Argument& argument = command.arguments[i];
    std::string name(argument.name);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    harmless[name] = argument.secret() || argument.written ? "***" : arguments[i];
  }
  return harmless;
}

std::string in_a_line(const Json& harmless_arguments) {
  std::string line;
  for (const auto& value : harmless_arguments) {
    if (!line.empty()) line += ' ';
    line += value.get<std::string>();
  }
  return line;
}

Task<void> write_audit(store::Logs& logs, AuditRecord record) {
  // The id is the time: it orders the records of all nodes.
  auto id = static_cast<std::uint64_t>(wall_clock_us());
  const std::string value = encode(record);
  for (int i = 0; i < kMostTries; ++i, ++id) {
    store::LogEntry entry{.id = id, .peer = record.who, .value = value};
    const auto done = co_await logs.append("", kAuditLog, std::move(entry));
    if (done) co_return;
    if (done.error().code == Errc::exists) continue;
    log::error("audit_not_written", {{"record", value}, {"error", done.error().message}});
    co_return;
  }
}

void record_changes_of_clients(core::Server& server) {
  server.set_recorder([&server](core::ChangeRecord change) {
    AuditRecord record{.who = std::move(change.who),
                       .from = "xmpp",
                       .command = std::move(change.command),
                       .arguments = Json::object(),
                       .result = std::move(change.result)};
    for (auto& [name, value] : change.arguments) record.arguments[name] = std::move(value);
    log::info("admin_command", {{"command", record.command},
                                {"arguments", in_a_line(record.arguments)},
                                {"who", record.who},
                                {"from", record.from},
                                {"result", record.result}});
    return write_audit(server.store().logs(), std::move(record));
  });
}

Task<Result<AuditPage>> read_audit(store::Logs& logs, std::uint64_t after, std::uint32_t limit) {
  store::LogFilter filter;
  if (after != 0) filter.before = std::min(after, store::LogFilter::kNoLimit);
  const auto page = co_await logs.read("", kAuditLog, filter, limit, true);
  if (!page) co_return std::unexpected(page.error());
  AuditPage found;
  for (const auto& entry : page->entries) found.records.push_back(decode(entry));
  std::ranges::reverse(found.records);
  if (!page->complete && !page->entries.empty()) found.next = page->entries.front().id;
  co_return found;
}

}  // namespace starling::admin
