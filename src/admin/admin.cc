#include "admin/admin.h"

#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/version.h"
#include "commands/commands.h"
#include "core/account_removal.h"
#include "core/operations.h"

namespace starling::admin {

namespace {

std::string usage(const commands::Command& command) {
  std::string text = "usage: " + std::string(command.name);
  for (const auto& argument : command.arguments) text += " " + std::string(argument.name);
  return text;
}

// What was asked, for the log: everything but passwords.
std::string for_log(const commands::Command& command, const std::vector<std::string>& arguments) {
  std::string text;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (i != 0) text += ' ';
    text += command.arguments[i].name == commands::kPassword ? "***" : arguments[i];
  }
  return text;
}

}  // namespace

Task<Result<Json>> Admin::run(std::string command, std::vector<std::string> arguments) {
  const commands::Command* known = commands::find(command);
  if (known == nullptr) co_return fail(Errc::invalid, "no such command: " + command);
  if (arguments.size() != known->arguments.size()) co_return fail(Errc::invalid, usage(*known));
  log::info("admin_command", {{"command", command}, {"arguments", for_log(*known, arguments)}});
  if (command == "status") co_return co_await status();
  if (command == "register") co_return co_await register_account(std::move(arguments));
  if (command == "unregister") co_return co_await unregister(std::move(arguments));
  if (command == "change_password") co_return co_await change_password(std::move(arguments));
  if (command == "registered_users") co_return co_await registered_users(std::move(arguments));
  if (command == "connected_users") co_return co_await connected_users();
  if (command == "kick_user") co_return co_await kick_user(std::move(arguments));
  if (command == "backup") co_return co_await backup(std::move(arguments));
  if (command == "connected_users_number") co_return Json(server_.session_count());
  if (command == "stop") {
    stop_();
    co_return Json("stopping");
  }
  if (known->local) co_return fail(Errc::invalid, "starlingctl does this itself: " + command);
  co_return fail(Errc::internal, "the command is listed but does nothing: " + command);
}

Result<xmpp::Jid> Admin::account_of(const std::string& user, const std::string& host) const {
  const auto jid = xmpp::Jid::make(user, host);
  if (!jid || jid->local().empty()) {
    return fail(Errc::invalid, "not a valid address: " + user + "@" + host);
  }
  if (server_.host(jid->domain()) == nullptr) {
    return fail(Errc::invalid, "this server does not serve the host " + host);
  }
  return *jid;
}

Task<Result<Json>> Admin::status() {
  Json status = Json::object();
  status["version"] = kVersionText;
  status["uptime_seconds"] = (wall_clock_us() - server_.started_at_us()) / 1'000'000;
  status["hosts"] = server_.host_names();
  status["workers"] = server_.worker_count();
  status["sessions"] = server_.session_count();
  co_return status;
}

Task<Result<Json>> Admin::register_account(Arguments arguments) {
  const auto account = account_of(arguments[0], arguments[1]);
  if (!account) co_return std::unexpected(account.error());
  const auto created = co_await server_.authenticator().create_account(*account, arguments[2]);
  if (!created) co_return std::unexpected(created.error());
  co_return Json("registered " + account->str());
}

Task<Result<Json>> Admin::unregister(Arguments arguments) {
  const auto account = account_of(arguments[0], arguments[1]);
  if (!account) co_return std::unexpected(account.error());
  const auto removed = co_await core::remove_account(server_, *account);
  if (!removed) co_return std::unexpected(removed.error());
  co_return Json("unregistered " + account->str());
}

Task<Result<Json>> Admin::change_password(Arguments arguments) {
  const auto account = account_of(arguments[0], arguments[1]);
  if (!account) co_return std::unexpected(account.error());
  const auto changed = co_await server_.authenticator().change_password(*account, arguments[2]);
  if (!changed) co_return std::unexpected(changed.error());
  co_return Json("changed the password of " + account->str());
}

Task<Result<Json>> Admin::registered_users(Arguments arguments) {
  const auto domain = xmpp::prepare_domain(arguments[0]);
  if (!domain || server_.host(*domain) == nullptr) {
    co_return fail(Errc::invalid, "this server does not serve the host " + arguments[0]);
  }
  const auto names = co_await core::registered_names(server_, *domain);
  if (!names) co_return std::unexpected(names.error());
  co_return Json(*names);
}

Task<Result<Json>> Admin::connected_users() {
  Json jids = Json::array();
  const auto connected = co_await core::connected_jids(server_);
  for (const auto& jid : connected) jids.push_back(jid.full());
  co_return jids;
}

Task<Result<Json>> Admin::kick_user(Arguments arguments) {
  const auto account = account_of(arguments[0], arguments[1]);
  if (!account) co_return std::unexpected(account.error());
  co_return Json(co_await core::end_sessions(server_, *account, "ended by an administrator"));
}

Task<Result<Json>> Admin::backup(Arguments arguments) {
  const std::string& file = arguments[0];
  if (!file.starts_with('/')) co_return fail(Errc::invalid, "not an absolute path: " + file);
  const auto made = co_await server_.store().backup(file);
  if (!made) {
    log::error("backup_failed", {{"file", file}, {"error", made.error().message}});
    co_return std::unexpected(made.error());
  }
  log::info("backup_made", {{"file", file}, {"bytes", made->bytes}});
  Json result = Json::object();
  result["file"] = file;
  result["bytes"] = made->bytes;
  result["accounts"] = made->accounts;
  result["map_entries"] = made->map_entries;
  result["log_entries"] = made->log_entries;
  co_return result;
}

}  // namespace starling::admin
