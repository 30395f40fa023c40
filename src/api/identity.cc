#include "api/identity.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/pause.h"

namespace starling::api {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

using Identified = std::expected<Identity, http::Response>;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

http::Response unauthorized(const std::string& detail, const char* challenge = "Bearer") {
  http::Response response = http::problem(401, detail);
  response.fields.add("WWW-Authenticate", challenge);
  return response;
}

http::Response wrong_token(const std::string& detail) {
  return unauthorized(detail, "Bearer error=\"invalid_token\"");
}

// Whether the account that it was granted to is an administrator still, with the same password.
Task<Result<bool>> holds(const Context& context, const admin::Grant& grant) {
  if (grant.account.empty()) co_return true;
  const auto account = xmpp::Jid::parse(grant.account);
  if (!account) co_return false;
  const auto seal =
      co_await admin::seal_of_admin(context.server, context.admin.hooks().is_admin, *account);
  if (seal) co_return *seal == grant.seal;
  if (seal.error().code == Errc::denied) co_return false;
  co_return std::unexpected(seal.error());
}

Task<Identified> by_token(const Context& context, const http::Request& request, std::string token) {
  if (auto refused = if_not_private(request)) co_return std::unexpected(std::move(*refused));
  core::LoginGuard& guard = context.server.login_guard();
  const TimePoint now = EventLoop::current()->now();
  if (guard.refuses_address(request.remote, now)) {
    co_return std::unexpected(http::problem(429, "too many failures from this address"));
  }
  admin::Grants tokens = admin::tokens(context.server.store());
  auto found = co_await tokens.find(std::move(token));
  if (!found) co_return std::unexpected(http::problem(503, found.error().message));
  if (!*found) {
    const auto* host = context.server.host(context.server.host_names().front());
    const Duration delay = guard.failed({request.remote, xmpp::Jid(), host->options().access},
                                        EventLoop::current()->now());
    log::info("api_token_wrong", {{"remote", request.remote}});
    co_await pause(*EventLoop::current(), delay);
    co_return std::unexpected(wrong_token("there is no such token"));
  }
  admin::Grant& grant = **found;
  if (grant.expires_us <= wall_clock_us()) {
    co_return std::unexpected(wrong_token("the token has expired"));
  }
  const auto good = co_await holds(context, grant);
  if (!good) co_return std::unexpected(http::problem(503, good.error().message));
  if (!*good) {
    co_return std::unexpected(
        wrong_token(grant.account + ", who made the token, is no administrator any more, or has "
                                    "another password"));
  }
  co_await tokens.note_use(grant);
  Identity identity{{.who = "token " + grant.name, .from = request.remote, .is_token = true}, {}};
  identity.grant = std::move(grant);
  co_return identity;
}

Task<Identified> by_cookie(const Context& context, const http::Request& request,
                           std::string cookie) {
  admin::Grants sessions = admin::page_sessions(context.server.store());
  auto found = co_await sessions.find(std::move(cookie));
  if (!found) co_return std::unexpected(http::problem(503, found.error().message));
  if (!*found) co_return std::unexpected(unauthorized("the session has ended"));
  admin::Grant& grant = **found;
  const auto good = co_await holds(context, grant);
  if (!good) co_return std::unexpected(http::problem(503, good.error().message));
  if (!*good || session_ends_us(grant, context.options()) <= wall_clock_us()) {
    std::vector<std::string> own{grant.id};
    static_cast<void>(co_await sessions.end(std::move(own)));
    co_return std::unexpected(unauthorized("the session has ended"));
  }
  co_await sessions.note_use(grant);
  Identity identity{{.who = grant.account, .from = request.remote, .account = grant.account}, {}};
  identity.grant = std::move(grant);
  co_return identity;
}

}  // namespace

std::int64_t session_ends_us(const admin::Grant& session, const config::ApiOptions& options) {
  const std::int64_t heard_us = std::max(session.created_us, session.used_us);
  return std::min(session.expires_us, heard_us + options.session_idle.count() * kSecondUs);
}

Task<Identified> identify(const Context& context, http::Request request) {
  const std::string_view authorization = request.fields.get("Authorization");
  if (!authorization.empty()) {
    const auto space = std::min(authorization.find(' '), authorization.size());
    if (lower(authorization.substr(0, space)) != "bearer") {
      co_return std::unexpected(unauthorized("the API takes bearer tokens"));
    }
    std::string_view token = authorization.substr(space);
    token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
    co_return co_await by_token(context, request, std::string(token));
  }
  std::string cookie = request.cookie(kCookie);
  if (!cookie.empty()) co_return co_await by_cookie(context, request, std::move(cookie));
  co_return std::unexpected(
      unauthorized("send a bearer token (`starlingctl create_token` makes one), or sign in"));
}

std::optional<http::Response> if_of_other_site(const http::Request& request) {
  if (!request.fields.has("Origin")) return std::nullopt;
  const std::string origin = lower(request.fields.get("Origin"));
  const auto scheme = origin.find("://");
  const bool same =
      scheme != std::string::npos && origin.substr(scheme + 3) == lower(request.fields.get("Host"));
  if (same) return std::nullopt;
  return http::problem(403, "the request comes from a page of another site: " + origin);
}

std::optional<http::Response> if_forged(const http::Request& request) {
  if (auto other = if_of_other_site(request)) return other;
  if (request.fields.get("X-Requested-With") == "starling") return std::nullopt;
  return http::problem(403, "a change by cookie needs the header X-Requested-With: starling");
}

std::optional<http::Response> if_not_private(const http::Request& request) {
  if (request.is_private()) return std::nullopt;
  return http::problem(403,
                       "others can read this connection: passwords and tokens are taken over TLS, "
                       "or from the machine itself (behind a proxy, name it in trusted_proxies)");
}

}  // namespace starling::api
