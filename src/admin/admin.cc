#include "admin/admin.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/run_on.h"
#include "base/version.h"
#include "commands/commands.h"

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
  // Gone first, so that an ended session cannot log in again; then whoever is still connected.
  const auto erased = co_await server_.store().accounts().erase(std::string(account->domain()),
                                                                std::string(account->local()));
  if (!erased) co_return std::unexpected(erased.error());
  co_await end_sessions(*account, "the account was removed");
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
  Json names = Json::array();
  std::string after;
  constexpr std::uint32_t kPage = 1'000;
  for (;;) {
    const auto page = co_await server_.store().accounts().list(*domain, after, kPage);
    if (!page) co_return std::unexpected(page.error());
    for (const auto& name : *page) names.push_back(name);
    if (page->size() < kPage) break;
    after = page->back();
  }
  co_return names;
}

Task<Result<Json>> Admin::connected_users() {
  std::vector<std::string> jids;
  for (std::size_t i = 0; i < server_.worker_count(); ++i) {
    core::Worker& worker = server_.worker(i);
    const auto collect = [&worker] {
      std::vector<std::string> found;
      worker.directory().for_each(
          [&found](const core::Session& session) { found.push_back(session.jid.str()); });
      return found;
    };
    auto found = co_await run_on(worker.loop(), collect);
    jids.insert(jids.end(), found.begin(), found.end());
  }
  std::ranges::sort(jids);
  co_return Json(jids);
}

Task<Result<Json>> Admin::kick_user(Arguments arguments) {
  const auto account = account_of(arguments[0], arguments[1]);
  if (!account) co_return std::unexpected(account.error());
  co_return Json(co_await end_sessions(*account, "ended by an administrator"));
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

Task<std::size_t> Admin::end_sessions(xmpp::Jid account, std::string text) {
  core::Worker& home = server_.worker(server_.home_of(account.full()));
  const auto end = [&home, account, text = std::move(text)] {
    return home.end_sessions(account.full(), xmpp::StreamCondition::policy_violation, text);
  };
  co_return co_await run_on(home.loop(), end);
}

}  // namespace starling::admin
