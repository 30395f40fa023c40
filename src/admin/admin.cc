#include "admin/admin.h"

#include <algorithm>
#include <array>

#include "admin/audit.h"
#include "base/log.h"

namespace starling::admin {

namespace {

using commands::Type;

constexpr const char* kProcedure = "admin_command";

}  // namespace

void Audience::leave() {
  tell_ = nullptr;
  if (std::exchange(left_, true) || !when_left_) return;
  std::exchange(when_left_, nullptr)(true);
}

Task<void> Audience::gone() {
  if (left_) co_return;
  Completion<bool> left([this](auto resume) { when_left_ = std::move(resume); });
  co_await left;
}

std::span<const std::span<const Handler>> all_handlers() {
  static const std::array kAll{
      server_handlers(),       cluster_handlers(),      advise_handlers(),
      why_handlers(),          where_handlers(),        trace_handlers(),
      log_handlers(),          account_handlers(),      ban_handlers(),
      session_handlers(),      roster_handlers(),       profile_handlers(),
      message_handlers(),      doctor_handlers(),       overview_handlers(),
      account_page_handlers(), session_page_handlers(), configuration_handlers(),
      log_line_handlers(),     api_handlers()};
  return kAll;
}

const Handler* find_handler(std::string_view command) {
  for (const auto handlers : all_handlers()) {
    const auto found = std::ranges::find(handlers, command, &Handler::command);
    if (found != handlers.end()) return &*found;
  }
  return nullptr;
}

Result<const commands::Command*> Admin::look_up(const std::string& command,
                                                std::vector<std::string>& arguments) const {
  const commands::Command* known = commands::find(command);
  if (known == nullptr) return fail(Errc::invalid, "no such command: " + command);
  if (known->local) return fail(Errc::invalid, "starlingctl does this itself: " + command);
  while (arguments.size() > known->required() && arguments.back().empty()) arguments.pop_back();
  if (auto good = commands::check(*known, arguments); !good) return std::unexpected(good.error());
  if (auto good = check_addresses(*known, arguments); !good) return std::unexpected(good.error());
  return known;
}

Result<> Admin::check(const std::string& command, std::vector<std::string> arguments) const {
  if (auto known = look_up(command, arguments); !known) return std::unexpected(known.error());
  return {};
}

Task<Result<Json>> Admin::run(std::string command, std::vector<std::string> arguments,
                              std::shared_ptr<Audience> audience, Caller caller) {
  const auto known = look_up(command, arguments);
  if (!known) co_return std::unexpected(known.error());
  if (!(*known)->changes) {
    co_return co_await carry_out(std::move(command), std::move(arguments), std::move(audience),
                                 std::move(caller));
  }
  AuditRecord record{.who = caller.who,
                     .from = caller.from,
                     .command = command,
                     .arguments = harmless_arguments(**known, arguments)};
  auto result = co_await carry_out(std::move(command), std::move(arguments), std::move(audience),
                                   std::move(caller));
  record.result = result ? "done" : result.error().message;
  co_await write_audit(server_.store().logs(), std::move(record));
  co_return result;
}

Task<Result<Json>> Admin::carry_out(std::string command, std::vector<std::string> arguments,
                                    std::shared_ptr<Audience> audience, Caller caller) {
  const auto known = look_up(command, arguments);
  if (!known) co_return std::unexpected(known.error());
  const Handler* handler = find_handler(command);
  if (handler == nullptr) {
    co_return fail(Errc::internal, "the command is listed but does nothing: " + command);
  }
  if (handler->of_account) {
    const auto account = *xmpp::Jid::make(arguments[0], arguments[1]);
    if (const auto node = core::other_place(server_, account); node != 0) {
      co_return co_await run_at(node, std::move(command), std::move(arguments), std::move(caller));
    }
  }
  // The page asks again and again.
  log::write((*known)->changes ? log::Level::info : log::Level::debug, "admin_command",
             {{"command", command},
              {"arguments", in_a_line(harmless_arguments(**known, arguments))},
              {"who", caller.who},
              {"from", caller.from}});
  Call call{server_, hooks_, std::move(arguments), std::move(audience), std::move(caller)};
  if (handler->of_account) {
    const auto there = co_await check_account(call.account());
    if (!there) co_return std::unexpected(there.error());
  }
  auto result = co_await handler->run(std::move(call));
  if (!result) {
    log::info("admin_command_failed", {{"command", command}, {"error", result.error().message}});
  }
  co_return result;
}

// What concerns an account is done where the account is.
Task<Result<Json>> Admin::run_at(bus::NodeId node, std::string command,
                                 std::vector<std::string> arguments, Caller caller) {
  const Json call = {{"command", std::move(command)},
                     {"arguments", std::move(arguments)},
                     {"who", std::move(caller.who)},
                     {"from", std::move(caller.from)}};
  const auto answer = co_await core::call_node(server_, node, kProcedure, call.dump());
  if (!answer) co_return std::unexpected(answer.error());
  auto result = Json::parse(*answer, nullptr, false);
  if (result.is_discarded()) co_return fail(Errc::internal, "the account's node answers nonsense");
  co_return result;
}

Task<Result<std::string>> Admin::run_for(core::Server& server, std::string call) {
  const auto asked = Json::parse(call, nullptr, false);
  if (!asked.is_object() || !asked.contains("command") || !asked.contains("arguments")) {
    co_return fail(Errc::invalid, "not a command");
  }
  Admin here(server, {});
  Caller caller{.who = asked.value("who", "another node"), .from = asked.value("from", "")};
  // The node that was asked records it.
  const auto result = co_await here.carry_out(asked["command"].get<std::string>(),
                                              asked["arguments"].get<std::vector<std::string>>(),
                                              nullptr, std::move(caller));
  if (!result) co_return std::unexpected(result.error());
  co_return result->dump();
}

void Admin::add_procedures(core::Procedures& procedures, Monitor* monitor) {
  procedures[kProcedure] = run_for;
  add_ban_procedures(procedures);
  add_cluster_procedures(procedures);
  add_overview_procedures(procedures, monitor);
  add_account_page_procedures(procedures);
  add_session_page_procedures(procedures);
  add_log_line_procedures(procedures);
  add_why_procedures(procedures);
  add_trace_procedures(procedures);
  add_where_procedures(procedures);
}

Result<> Admin::check_addresses(const commands::Command& command,
                                std::vector<std::string>& arguments) const {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string& argument = arguments[i];
    switch (command.arguments[i].type) {
      case Type::host: {
        const auto domain = xmpp::prepare_domain(argument);
        if (!domain || server_.host(*domain) == nullptr) {
          return fail(Errc::invalid, "this server does not serve the host " + argument);
        }
        argument = *domain;
        break;
      }
      case Type::user: {
        const auto jid = xmpp::Jid::make(argument, arguments[i + 1]);
        if (!jid || jid->local().empty()) {
          return fail(Errc::invalid, "not a valid address: " + argument + "@" + arguments[i + 1]);
        }
        break;
      }
      case Type::domain:
        if (!xmpp::prepare_domain(argument)) {
          return fail(Errc::invalid, "not a valid domain: " + argument);
        }
        break;
      case Type::jid:
        if (!xmpp::Jid::parse(argument)) {
          return fail(Errc::invalid, "not a valid address: " + argument);
        }
        break;
      default:
        break;
    }
  }
  return {};
}

Task<Result<>> Admin::check_account(xmpp::Jid account) {
  const auto found = co_await server_.store().accounts().find(std::string(account.domain()),
                                                              std::string(account.local()));
  if (found) co_return Result<>{};
  if (found.error().code != Errc::not_found) co_return std::unexpected(found.error());
  co_return fail(Errc::not_found, "there is no account " + account.str());
}

}  // namespace starling::admin
