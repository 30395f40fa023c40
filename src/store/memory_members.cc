#include "store/memory_members.h"

#include <algorithm>
#include <cassert>
#include <string>

#include "store/memory_later.h"

namespace starling::store {

namespace {

std::int64_t us(TimePoint time) {
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}

}  // namespace

Result<Member> MemberTable::join(MemberFacts facts) {
  Member member;
  {
    std::lock_guard lock(mutex_);
    std::vector<bool> taken(Member::kSlots);
    for (const auto& [epoch, row] : rows_) taken[row.member.slot] = true;
    const auto free = std::ranges::find(taken, false);
    if (free == taken.end()) return fail(Errc::limit, "the store has as many nodes as it can");
    member.epoch = ++last_epoch_;
    member.slot = static_cast<std::uint16_t>(free - taken.begin());
    member.facts = std::move(facts);
    member.joined_at_us = us(now());
    rows_[member.epoch] = {member, now_};
  }
  tell();
  return member;
}

Result<Roll> MemberTable::renew(std::uint64_t epoch, MemberFacts facts) {
  Roll all;
  bool changed = false;
  {
    std::lock_guard lock(mutex_);
    const auto row = rows_.find(epoch);
    if (row == rows_.end()) {
      return fail(Errc::not_found, no_member(epoch));
    }
    row->second.renewed = now();
    changed = std::exchange(row->second.member.facts, facts) != facts;
    all = roll();
  }
  if (changed) tell();
  return all;
}

Roll MemberTable::read() {
  std::lock_guard lock(mutex_);
  return roll();
}

bool MemberTable::remove(std::uint64_t epoch, std::chrono::milliseconds after) {
  {
    std::lock_guard lock(mutex_);
    const auto row = rows_.find(epoch);
    if (row == rows_.end() || now() - row->second.renewed < after) return false;
    rows_.erase(row);
    std::erase_if(leases_, [epoch](const auto& lease) { return lease.second.holder == epoch; });
  }
  tell();
  return true;
}

std::vector<Lease> MemberTable::leases() {
  std::lock_guard lock(mutex_);
  std::vector<Lease> all;
  for (const auto& [name, lease] : leases_) all.push_back(lease);
  return all;
}

Result<Lease> MemberTable::acquire(const std::string& name, std::uint64_t holder) {
  Lease lease;
  {
    std::lock_guard lock(mutex_);
    if (!rows_.contains(holder)) return fail(Errc::not_found, no_member(holder));
    const auto [entry, taken] = leases_.try_emplace(name);
    if (!taken) return entry->second;
    entry->second = {name, holder, ++last_term_};
    lease = entry->second;
  }
  tell();
  return lease;
}

Result<Lease> MemberTable::hand_over(const Lease& lease, std::uint64_t to) {
  Lease given;
  {
    std::lock_guard lock(mutex_);
    const auto entry = leases_.find(lease.name);
    if (entry == leases_.end() || entry->second.term != lease.term) {
      return fail(Errc::not_found, not_held({lease.name, lease.term}));
    }
    if (!rows_.contains(to)) return fail(Errc::not_found, no_member(to));
    given = entry->second = {lease.name, to, ++last_term_};
  }
  tell();
  return given;
}

bool MemberTable::while_held(const Fence& fence, const std::function<void()>& work) {
  std::lock_guard lock(mutex_);
  const auto entry = leases_.find(fence.lease);
  if (entry == leases_.end() || entry->second.term != fence.term) return false;
  work();
  return true;
}

void MemberTable::on_change(const Members* who, std::function<void()> changed) {
  std::lock_guard lock(watchers_mutex_);
  if (changed) {
    watchers_[who] = std::move(changed);
  } else {
    watchers_.erase(who);
  }
}

TimePoint MemberTable::now() {
  EventLoop* loop = EventLoop::current();
  assert(loop != nullptr && "the store is called from event loops");
  return now_ = std::max(now_, loop->now());
}

Member MemberTable::seen(const Row& row) const {
  Member member = row.member;
  member.silent_for = std::chrono::floor<std::chrono::milliseconds>(now_ - row.renewed);
  return member;
}

Roll MemberTable::roll() {
  Roll all;
  all.now_us = us(now());
  for (const auto& [epoch, row] : rows_) all.members.push_back(seen(row));
  return all;
}

void MemberTable::tell() {
  std::lock_guard lock(watchers_mutex_);
  for (const auto& [who, changed] : watchers_) changed();
}

Task<Result<Member>> MemoryMembers::join(MemberFacts facts) {
  Result<Member> result = table_.join(std::move(facts));
  co_return co_await later(std::move(result));
}

Task<Result<Roll>> MemoryMembers::renew(std::uint64_t epoch, MemberFacts facts) {
  Result<Roll> result = table_.renew(epoch, std::move(facts));
  co_return co_await later(std::move(result));
}

Task<Result<Roll>> MemoryMembers::read() {
  Result<Roll> result = table_.read();
  co_return co_await later(std::move(result));
}

Task<Result<bool>> MemoryMembers::remove_dead(std::uint64_t epoch,
                                              std::chrono::milliseconds after) {
  Result<bool> result = table_.remove(epoch, after);
  co_return co_await later(std::move(result));
}

Task<Result<>> MemoryMembers::leave(std::uint64_t epoch) {
  table_.remove(epoch, std::chrono::milliseconds(0));  // whatever its age
  co_return co_await later(Result<>());
}

Task<Result<std::vector<Lease>>> MemoryMembers::leases() {
  Result<std::vector<Lease>> result = table_.leases();
  co_return co_await later(std::move(result));
}

Task<Result<Lease>> MemoryMembers::acquire(std::string name, std::uint64_t holder) {
  Result<Lease> result = table_.acquire(name, holder);
  co_return co_await later(std::move(result));
}

Task<Result<Lease>> MemoryMembers::hand_over(Lease lease, std::uint64_t to) {
  Result<Lease> result = table_.hand_over(lease, to);
  co_return co_await later(std::move(result));
}

}  // namespace starling::store
