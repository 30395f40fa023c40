#include "store/postgres_members.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace starling::store::postgres {

namespace {

std::string_view text_of(MemberState state) {
  switch (state) {
    case MemberState::joining:
      return "joining";
    case MemberState::up:
      return "up";
    case MemberState::draining:
      return "draining";
  }
  return "";
}

// One that only a newer version knows counts as not serving yet.
MemberState state_of(std::string_view text) {
  for (const MemberState state : {MemberState::up, MemberState::draining}) {
    if (text == text_of(state)) return state;
  }
  return MemberState::joining;
}

void add(Values& values, const MemberFacts& facts) {
  values.text(text_of(facts.state)).text(facts.address).text(facts.name).text(facts.version);
  values.bigint(std::int64_t{facts.format});
}

Member member_of(const Rows& rows, int row) {
  Member member;
  member.epoch = static_cast<std::uint64_t>(rows.number(row, 0));
  member.slot = static_cast<std::uint16_t>(rows.number(row, 1));
  member.facts = {state_of(rows.text(row, 2)), rows.text(row, 3), rows.text(row, 4),
                  rows.text(row, 5), static_cast<std::uint32_t>(rows.number(row, 6))};
  member.joined_at_us = rows.number(row, 7);
  member.silent_for = std::chrono::milliseconds(rows.number(row, 8));
  return member;
}

Lease lease_of(const Rows& rows, int row, int first = 0) {
  return {rows.text(row, first), static_cast<std::uint64_t>(rows.number(row, first + 1)),
          static_cast<std::uint64_t>(rows.number(row, first + 2))};
}

Roll roll_of(const Rows& rows) {
  Roll roll;
  for (int row = 0; row < rows.count(); ++row) {
    roll.now_us = rows.number(row, 9);
    if (!rows.is_null(row, 0)) roll.members.push_back(member_of(rows, row));
  }
  return roll;
}

}  // namespace

// Without a fence: each statement may be made again while the first time is still under way, and a
// session that the network has cut off may be long in ending.
PostgresMembers::PostgresMembers(const std::string& conninfo, const std::string& name,
                                 const PostgresOptions& options)
    : engine_({.conninfo = conninfo,
               .statements = kMemberStatements,
               .connect_patience = options.patience,
               .channel = kNodeChannel,
               .notified = [this] { tell(); }},
              name + " (members)",
              {.readers = 0,
               .max_queued = options.max_queued,
               .patience = std::min(options.patience, kPatience)}) {}

Task<Result<Member>> PostgresMembers::join(MemberFacts facts) {
  // The epoch first, so that the row can be made again when nobody knows whether it was made.
  Query count{&kNextEpoch, {}};
  const auto next = co_await engine_.write(std::move(count));
  if (!next) co_return std::unexpected(next.error());
  Query query{&kJoin, {}};
  query.values.bigint(next->number(0, 0));
  add(query.values, facts);
  query.values.bigint(std::int64_t{Member::kSlots});
  for (;;) {
    const auto rows = co_await engine_.write(query);
    if (!rows) co_return std::unexpected(rows.error());
    if (!rows->is_null(0, 0)) co_return member_of(*rows, 0);
    const bool free = rows->number(0, 10) == 1;
    if (!free) co_return fail(Errc::limit, "the database has as many nodes as it can");
  }
}

Task<Result<Roll>> PostgresMembers::renew(std::uint64_t epoch, MemberFacts facts) {
  Query query{&kRenew, {}};
  query.values.bigint(epoch);
  add(query.values, facts);
  const auto rows = co_await engine_.write(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  Roll roll = roll_of(*rows);
  const auto own = std::ranges::find(roll.members, epoch, &Member::epoch);
  if (own != roll.members.end()) co_return roll;
  co_return fail(Errc::not_found, no_member(epoch));
}

Task<Result<Roll>> PostgresMembers::read() {
  Query query{&kReadNodes, {}};
  const auto rows = co_await engine_.write(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  co_return roll_of(*rows);
}

Task<Result<bool>> PostgresMembers::remove_dead(std::uint64_t epoch,
                                                std::chrono::milliseconds after) {
  Query query{&kRemoveDead, {}};
  query.values.bigint(epoch).bigint(std::int64_t{after.count()});
  const auto rows = co_await engine_.write(std::move(query), Engine::Repeat::no);
  if (!rows) co_return std::unexpected(rows.error());
  co_return rows->count() > 0;
}

Task<Result<>> PostgresMembers::leave(std::uint64_t epoch) {
  Query query{&kLeave, {}};
  query.values.bigint(epoch);
  const auto done = co_await engine_.write(std::move(query));
  if (!done) co_return std::unexpected(done.error());
  co_return Result<>();
}

Task<Result<std::vector<Lease>>> PostgresMembers::leases() {
  Query query{&kReadLeases, {}};
  const auto rows = co_await engine_.write(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  std::vector<Lease> leases;
  for (int row = 0; row < rows->count(); ++row) leases.push_back(lease_of(*rows, row));
  co_return leases;
}

Task<Result<Lease>> PostgresMembers::acquire(std::string name, std::uint64_t holder) {
  Query query{&kAcquire, {}};
  query.values.text(name).bigint(holder);
  for (;;) {
    const auto rows = co_await engine_.write(query);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->number(0, 0) == 0) co_return fail(Errc::not_found, no_member(holder));
    if (!rows->is_null(0, 1)) co_return lease_of(*rows, 0, 1);
  }
}

Task<Result<Lease>> PostgresMembers::hand_over(Lease lease, std::uint64_t to) {
  Query query{&kHandOver, {}};
  query.values.text(lease.name).bigint(lease.term).bigint(to);
  const auto rows = co_await engine_.write(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  if (rows->count() > 0) co_return lease_of(*rows, 0);
  co_return fail(Errc::not_found, not_held({lease.name, lease.term}) + ", or there is no node " +
                                      std::to_string(to));
}

void PostgresMembers::on_change(std::function<void()> changed) {
  std::lock_guard lock(mutex_);
  changed_ = std::move(changed);
}

void PostgresMembers::tell() {
  std::lock_guard lock(mutex_);
  if (changed_) changed_();
}

}  // namespace starling::store::postgres
