#include "api/housekeeping.h"

#include <string>
#include <vector>

#include "admin/audit.h"
#include "admin/grants.h"
#include "api/identity.h"
#include "api/once.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/retention.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::api {

namespace {

constexpr std::int64_t kDayUs = std::int64_t{86'400} * 1'000'000;
constexpr std::int64_t kExpiredTokensUs = 30 * kDayUs;  // list_tokens shows them for so long

}  // namespace

Task<Duration> Housekeeping::step() {
  const auto done = co_await clean();
  if (!done) log::warning("api_not_cleaned", {{"error", done.error().message}});
  co_return kEvery;
}

// Doing it twice, on two nodes, does no harm.
Task<Result<>> Housekeeping::clean() {
  store::Store& store = worker().server().store();
  const std::int64_t now_us = wall_clock_us();
  const config::ApiOptions options = options_();

  admin::Grants sessions = admin::page_sessions(store);
  const auto signed_in = co_await sessions.list();
  if (!signed_in) co_return std::unexpected(signed_in.error());
  std::vector<std::string> ended;
  for (const auto& session : *signed_in) {
    if (session_ends_us(session, options) <= now_us) ended.push_back(session.id);
  }
  if (auto done = co_await sessions.end(std::move(ended)); !done) co_return done;

  admin::Grants tokens = admin::tokens(store);
  const auto made = co_await tokens.list();
  if (!made) co_return std::unexpected(made.error());
  std::vector<std::string> expired;
  for (const auto& token : *made) {
    if (token.expires_us <= now_us - kExpiredTokensUs) expired.push_back(token.id);
  }
  if (auto done = co_await tokens.end(std::move(expired)); !done) co_return done;

  if (auto done = co_await Once::forget_old(store.maps()); !done) co_return done;

  store::LogFilter old;
  old.before = static_cast<std::uint64_t>(now_us - options.audit_days * kDayUs);
  const auto trimmed =
      co_await core::trim_log(store.logs(), worker().gate(), "", admin::kAuditLog, std::move(old));
  if (!trimmed) co_return std::unexpected(trimmed.error());
  co_return Result<>{};
}

}  // namespace starling::api
