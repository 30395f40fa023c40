#include "api/sign_in.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "admin/audit.h"
#include "api/operations.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pause.h"

namespace starling::api {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr const char* kWrong = "the address or the password is wrong";

struct Login {
  std::string address;
  std::string password;
};

Result<Login> parse_login(std::string_view body) {
  const auto object = parse_object(body);
  if (!object) return std::unexpected(object.error());
  const auto text = [&](const char* name) -> std::optional<std::string> {
    const auto found = object->find(name);
    if (found == object->end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
  };
  auto jid = text("jid");
  auto password = text("password");
  if (!jid || !password || object->size() != 2) {
    return fail(Errc::invalid, "expected {\"jid\": \"...\", \"password\": \"...\"}");
  }
  return Login{std::move(*jid), std::move(*password)};
}

std::string cookie_of(const http::Request& request, const std::string& value,
                      std::int64_t seconds) {
  return std::string(kCookie) + "=" + value +
         "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(seconds) +
         (request.secure ? "; Secure" : "");
}

Json described(const admin::Grant& session, const config::ApiOptions& options) {
  Json json = Json::object();
  json["jid"] = session.account;
  json["expires"] = xmpp_datetime(session_ends_us(session, options));
  return json;
}

// For the record; there is no command for it.
Task<void> note(const Context& context, const admin::Caller& caller, std::string what) {
  log::info("api_session", {{"jid", caller.account}, {"remote", caller.from}, {"what", what}});
  admin::AuditRecord record{
      .who = caller.who, .from = caller.from, .command = std::move(what), .result = "done"};
  co_await admin::write_audit(context.server.store().logs(), std::move(record));
}

http::Response signed_out(const http::Request& request, std::size_t sessions) {
  Json json = Json::object();
  json["ended"] = sessions;
  http::Response response = answer(json);
  response.fields.add("Set-Cookie", cookie_of(request, "", 0));
  return response;
}

// The session of the request, which may change something.
Task<std::expected<Identity, http::Response>> session_of(const Context& context,
                                                         http::Request request) {
  if (auto forged = if_forged(request)) co_return std::unexpected(std::move(*forged));
  auto identity = co_await identify(context, std::move(request));
  if (!identity) co_return std::unexpected(std::move(identity.error()));
  if (identity->caller.is_token) {
    co_return std::unexpected(http::problem(401, "a token is no session"));
  }
  co_return identity;
}

}  // namespace

Task<http::Response> sign_in(const Context& context, http::Request request) {
  if (auto refused = if_not_private(request)) co_return std::move(*refused);
  if (auto other = if_of_other_site(request)) co_return std::move(*other);
  core::Server& server = context.server;
  core::LoginGuard& guard = server.login_guard();
  EventLoop& loop = *EventLoop::current();
  if (guard.refuses_address(request.remote, loop.now())) {
    co_return http::problem(429, "too many failures from this address");
  }
  auto login = parse_login(request.body);
  if (!login) co_return refusal(login.error());

  const auto named = xmpp::Jid::parse(login->address);
  const bool is_account = named && !named->local().empty();
  const xmpp::Jid account = is_account ? named->to_bare() : xmpp::Jid();
  const auto* host = server.host(account.domain());
  if (host == nullptr) host = server.host(server.host_names().front());
  const core::LoginGuard::Attempt attempt{request.remote, account, host->options().access};
  if (is_account && guard.refuses_account(attempt, loop.now())) {
    co_return http::problem(429, "too many failures for this account");
  }
  Result<bool> right = false;
  if (is_account) {
    right = co_await server.authenticator().check_password(account, std::move(login->password));
  }
  if (!right) co_return refusal(right.error());
  if (!*right) {
    const Duration delay = guard.failed(attempt, loop.now());
    log::info("api_sign_in_failed", {{"jid", account.full()}, {"remote", request.remote}});
    co_await pause(loop, delay);
    co_return http::problem(401, kWrong);
  }
  const auto seal = co_await admin::seal_of_admin(server, context.admin.hooks().is_admin, account);
  if (!seal) {
    log::info(
        "api_sign_in_refused",
        {{"jid", account.full()}, {"remote", request.remote}, {"error", seal.error().message}});
    co_return refusal(seal.error());
  }
  guard.succeeded(attempt);

  const auto options = context.options();
  admin::Grant session{.account = std::string(account.full()),
                       .seal = *seal,
                       .created_by = std::string(account.full()),
                       .created_us = wall_clock_us()};
  session.expires_us = session.created_us + options.session_lifetime.count() * kSecondUs;
  const auto text = co_await admin::page_sessions(server.store()).make(session);
  if (!text) co_return refusal(text.error());
  const admin::Caller caller{
      .who = session.account, .from = request.remote, .account = session.account};
  co_await note(context, caller, "sign_in");
  http::Response response = answer(described(session, options));
  response.fields.add("Set-Cookie", cookie_of(request, *text, options.session_lifetime.count()));
  co_return response;
}

Task<http::Response> show_session(const Context& context, http::Request request) {
  const auto identity = co_await identify(context, std::move(request));
  if (!identity) co_return http::problem(identity.error().status, "nobody has signed in");
  if (identity->caller.is_token) co_return http::problem(401, "a token is no session");
  co_return answer(described(identity->grant, context.options()));
}

Task<http::Response> sign_out(const Context& context, http::Request request) {
  auto identity = co_await session_of(context, request);
  if (!identity) co_return std::move(identity.error());
  std::vector<std::string> own{identity->grant.id};
  const auto ended = co_await admin::page_sessions(context.server.store()).end(std::move(own));
  if (!ended) co_return refusal(ended.error());
  co_await note(context, identity->caller, "sign_out");
  co_return signed_out(request, 1);
}

Task<http::Response> sign_out_everywhere(const Context& context, http::Request request) {
  auto identity = co_await session_of(context, request);
  if (!identity) co_return std::move(identity.error());
  admin::Grants sessions = admin::page_sessions(context.server.store());
  const auto all = co_await sessions.list();
  if (!all) co_return refusal(all.error());
  std::vector<std::string> own;
  for (const auto& session : *all) {
    if (session.account == identity->caller.account) own.push_back(session.id);
  }
  const std::size_t count = own.size();
  const auto ended = co_await sessions.end(std::move(own));
  if (!ended) co_return refusal(ended.error());
  co_await note(context, identity->caller, "sign_out_everywhere");
  co_return signed_out(request, count);
}

}  // namespace starling::api
