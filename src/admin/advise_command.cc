// How many nodes of which size there should be.
#include <fmt/chrono.h>

#include <array>
#include <ctime>
#include <string>
#include <utility>

#include "admin/call.h"
#include "core/advice.h"

namespace starling::admin {

namespace {

using core::ClusterLoad;

// "2026-11-26 20 h UTC"
std::string time_of(std::int64_t hour) {
  return fmt::format("{:%Y-%m-%d %H} h UTC", fmt::gmtime(static_cast<std::time_t>(hour * 3'600)));
}

Json group_of(core::NodeSize size, const ClusterLoad& peak, const ClusterLoad& quiet,
              const config::CapacityOptions& configured) {
  const core::SizedGroup group = core::advise(size, peak, quiet, configured);
  Json one = Json::object();
  one["cores"] = size.cores;
  one["gib"] = size.memory_gib;
  one["nodes"] = group.nodes;
  one["minimum"] = group.minimum;
  one["maximum"] = group.maximum;
  one["all_cores"] = group.nodes * size.cores;
  one["all_gib"] = group.nodes * size.memory_gib;
  one["limit"] = group.limit;
  return one;
}

std::string target(const config::CapacityOptions& configured) {
  std::string text = fmt::format("{} % utilisation of each node; {} % while one is missing",
                                 core::kTargetPercent, core::kWithoutOnePercent);
  if (configured.sessions != 0) {
    text += fmt::format("; by `capacity`, {} sessions are 100 %", configured.sessions);
  }
  if (configured.stanzas != 0) {
    text += fmt::format("; by `capacity`, {} stanzas a second are 100 %", configured.stanzas);
  }
  return text;
}

Json answer(const Call& call, std::string load, const ClusterLoad& peak, const ClusterLoad& quiet) {
  const auto configured = call.hooks.capacity ? call.hooks.capacity() : config::CapacityOptions();
  Json answer = Json::object();
  answer["load"] = std::move(load);
  answer["target"] = target(configured);
  answer["groups"] = Json::array();
  for (const core::NodeSize size : core::usual_sizes()) {
    answer["groups"].push_back(group_of(size, peak, quiet, configured));
  }
  return answer;
}

Result<Json> for_users(const Call& call) {
  core::Assumptions assumed;
  if (call.has(1)) {
    if (call.integer(1) > 100) return fail(Errc::invalid, "ONLINE is a number of per cent");
    assumed.online_percent = static_cast<std::uint64_t>(call.integer(1));
  }
  if (!call.has(0)) return fail(Errc::invalid, "ONLINE is per cent of USERS: give both");
  const auto users = static_cast<std::uint64_t>(call.integer(0));
  const ClusterLoad peak = core::planned_load(users, assumed);
  return answer(
      call,
      fmt::format("{} accounts, of which {} % are online at the busiest time with {:g} sessions "
                  "each: {} sessions; a stanza of each in {:g} s: {} a second",
                  users, assumed.online_percent, assumed.sessions_per_user, peak.sessions,
                  1 / assumed.stanzas_per_session, peak.stanzas_per_second),
      peak, ClusterLoad{});
}

Task<Result<Json>> advise(Call call) {
  if (call.has(0)) co_return for_users(call);
  if (call.has(1)) co_return fail(Errc::invalid, "ONLINE is of USERS: give both");
  const auto hours = co_await core::LoadHistory::read(call.server.store());
  if (!hours) co_return std::unexpected(hours.error());
  if (hours->empty()) {
    co_return fail(Errc::not_found,
                   "nothing was noted yet: ask again in some minutes, or give USERS");
  }
  const auto [peak, quiet, peak_hour] = core::peak_and_quiet(*hours);
  co_return answer(
      call,
      fmt::format("{} hours since {}: at most {} sessions ({}), {} stanzas a second, {} % of a "
                  "core, {} MiB; in the quietest hour of the last week {} sessions",
                  hours->size(), time_of(hours->front().hour), peak.sessions, time_of(peak_hour),
                  peak.stanzas_per_second, peak.cpu_percent, peak.memory >> 20U, quiet.sessions),
      peak, quiet);
}

}  // namespace

std::span<const Handler> advise_handlers() {
  static constexpr std::array kHandlers{Handler{"advise", advise}};
  return kHandlers;
}

}  // namespace starling::admin
