#include "core/login_guard.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace starling::core {

namespace {

constexpr std::size_t kMaxEntries = 20'000;    // addresses, and as many accounts
constexpr std::size_t kMaxKnown = 100'000;     // pairs of account and address
constexpr std::size_t kMaxFailures = 10'000;   // of one entry, whatever the options say
constexpr std::string_view kIpv6Part = "/64";  // what one subscriber has at the least

// What an address is counted as. What is none (a test's) is counted as it is.
std::string counted(std::string_view address) {
  const bool v6 = address.find(':') != std::string_view::npos;
  const std::string text(address);
  const auto range = config::IpRange::parse(v6 ? text + std::string(kIpv6Part) : text);
  return range ? range->to_string() : text;
}

std::size_t hash(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

std::size_t pair_of(const xmpp::Jid& account, const std::string& address) {
  return hash(std::string(account.bare()) + '\0' + address);
}

// Looked up once, and never under our lock: who reads the metrics takes it, too.
struct Counters {
  static metrics::Counter& failures(const char* reason) {
    return metrics::counter("starling_login_failures_total",
                            "Log-ins and registrations that counted against somebody",
                            {{"reason", reason}});
  }
  static metrics::Counter& bans(const char* kind) {
    return metrics::counter("starling_bans_begun_total",
                            "Addresses and accounts that began to be refused", {{"kind", kind}});
  }
  metrics::Counter& password = failures("password");
  metrics::Counter& registration = failures("registration");
  metrics::Counter& account_refused = failures("account_refused");
  metrics::Counter& address_bans = bans("address");
  metrics::Counter& account_bans = bans("account");
};

Counters& counters() {
  static Counters all;
  return all;
}

}  // namespace

LoginGuard::LoginGuard()
    : in_force_("starling_bans", "Addresses and accounts that are refused log-ins now", {},
                [this] { return static_cast<double>(bans_in_force()); }) {
  counters();
}

void LoginGuard::set_options(config::Fail2banOptions options) {
  const std::lock_guard lock(mutex_);
  options_ = std::move(options);
}

bool LoginGuard::refuses_address(std::string_view address, TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (addresses_.entries().empty()) return false;  // the usual case: no name is made
  const Entry* entry = addresses_.find(counted(address));
  return entry != nullptr && entry->banned(now);
}

bool LoginGuard::refuses_account(const Attempt& attempt, TimePoint now) {
  {
    const std::lock_guard lock(mutex_);
    const Entry* entry = accounts_.find(attempt.account.bare());
    if (entry == nullptr || !entry->banned(now)) return false;
  }
  if (exempts(attempt)) return false;
  const std::size_t pair = pair_of(attempt.account, counted(attempt.address));
  const std::lock_guard lock(mutex_);
  if (known_.contains(pair)) return false;
  counters().account_refused.add();
  return true;
}

Duration LoginGuard::failed(const Attempt& attempt, TimePoint now) {
  counters().password.add();
  return exempts(attempt) ? Duration::zero() : failed_at(attempt.address, attempt.account, now);
}

Duration LoginGuard::registered(const Attempt& attempt, TimePoint now) {
  counters().registration.add();
  return exempts(attempt) ? Duration::zero() : failed_at(attempt.address, xmpp::Jid(), now);
}

void LoginGuard::succeeded(const Attempt& attempt) {
  const std::string address = counted(attempt.address);
  const std::lock_guard lock(mutex_);
  const auto forget = [&](Entry* entry, std::string_view other) {
    if (entry == nullptr) return;
    std::erase_if(entry->failures,
                  [about = hash(other)](const Failure& failure) { return failure.other == about; });
  };
  forget(addresses_.find(address), attempt.account.bare());
  forget(accounts_.find(attempt.account.bare()), address);
  remember(pair_of(attempt.account, address));
}

bool LoginGuard::exempts(const Attempt& attempt) {
  config::Subject subject;
  if (!attempt.account.empty()) subject.jid = &attempt.account;
  subject.address = IpAddress::parse(attempt.address);
  std::unique_lock lock(mutex_);
  const std::string rule = options_.access;
  lock.unlock();
  return attempt.access.allows(rule, subject);
}

Duration LoginGuard::failed_at(std::string_view address, const xmpp::Jid& account, TimePoint now) {
  const std::string name = counted(address);
  std::vector<Ban> begun;
  std::unique_lock lock(mutex_);
  std::size_t failures = count(addresses_, name, account.bare(), now, begun);
  if (!account.empty()) {
    failures = std::max(failures, count(accounts_, std::string(account.bare()), name, now, begun));
  }
  const Duration held_back = delay(failures);
  lock.unlock();
  for (const Ban& ban : begun) {
    log::warning("login_refused", {{ban.is_account ? "jid" : "remote", ban.name},
                                   {"failures", ban.failures},
                                   {"until", xmpp_datetime(ban.until_us)}});
  }
  if (held_back > Duration::zero()) {
    log::debug("login_slowed", {{"remote", address},
                                {"jid", account.bare()},
                                {"failures", failures},
                                {"seconds", held_back / std::chrono::seconds(1)}});
  }
  return held_back;
}

std::size_t LoginGuard::count(Table& table, const std::string& name, std::string_view other,
                              TimePoint now, std::vector<Ban>& begun) {
  const bool is_account = &table == &accounts_;
  table.forget_quiet(now, options_.window);
  Entry& entry = table.touch(name);
  auto& failures = entry.failures;
  std::erase_if(failures,
                [&](const Failure& failure) { return failure.at + options_.window <= now; });
  if (failures.size() >= kMaxFailures) failures.erase(failures.begin());
  failures.push_back({now, hash(other)});
  const std::size_t counted = failures.size();
  const auto max =
      is_account ? options_.max_failures_per_account : options_.max_failures_per_address;
  if (max != 0 && counted >= std::min<std::size_t>(max, kMaxFailures) && !entry.banned(now)) {
    begun.push_back(ban(entry, is_account, now));
  }
  return counted;
}

LoginGuard::Ban LoginGuard::ban(Entry& entry, bool is_account, TimePoint now) {
  using std::chrono::microseconds;
  entry.banned_until = now + options_.ban_lifetime;
  entry.banned_for = static_cast<std::uint32_t>(entry.failures.size());
  entry.since_us = wall_clock_us();
  entry.until_us = entry.since_us + microseconds(options_.ban_lifetime).count();
  entry.failures.clear();
  (is_account ? counters().account_bans : counters().address_bans).add();
  return {entry.name, is_account, entry.banned_for, entry.since_us, entry.until_us};
}

// 1, 2, 4 ... seconds from the first failure that is too many.
Duration LoginGuard::delay(std::size_t failures) const {
  if (options_.slow_after == 0 || failures < options_.slow_after) return Duration::zero();
  const std::size_t doublings = std::min<std::size_t>(failures - options_.slow_after, 20);
  return std::min<Duration>(std::chrono::seconds(1LL << doublings), options_.max_delay);
}

void LoginGuard::remember(std::size_t pair) {
  if (!known_.insert(pair).second) return;
  known_order_.push_back(pair);
  if (known_order_.size() <= kMaxKnown) return;
  known_.erase(known_order_.front());
  known_order_.pop_front();
}

std::vector<LoginGuard::Ban> LoginGuard::list(TimePoint now) {
  const std::lock_guard lock(mutex_);
  std::vector<Ban> bans;
  for (Table* table : {&addresses_, &accounts_}) {
    for (const Entry& entry : table->entries()) {
      if (!entry.banned(now)) continue;
      bans.push_back(
          {entry.name, table == &accounts_, entry.banned_for, entry.since_us, entry.until_us});
    }
  }
  std::ranges::sort(bans, {}, [](const Ban& ban) { return std::pair(ban.is_account, ban.name); });
  return bans;
}

Result<std::size_t> LoginGuard::unban(std::string_view text, TimePoint now) {
  const auto range = config::IpRange::parse(text);
  const auto account = range ? std::nullopt : xmpp::Jid::parse(text);
  if (!range && (!account || account->local().empty() || !account->is_bare())) {
    return fail(Errc::invalid,
                "an address, a range of addresses or an account is needed: " + std::string(text));
  }
  const std::lock_guard lock(mutex_);
  std::size_t lifted = 0;
  for (Entry& entry : (range ? addresses_ : accounts_).entries()) {
    const auto own = range ? config::IpRange::parse(entry.name) : std::nullopt;
    if (range ? !own || !own->overlaps(*range) : entry.name != account->full()) continue;
    lifted += entry.banned(now) ? 1 : 0;
    entry.banned_until = {};
    entry.until_us = 0;
    entry.failures.clear();
  }
  return lifted;
}

// By the wall clock, since whoever asks has no loop.
std::size_t LoginGuard::bans_in_force() {
  const std::int64_t now_us = wall_clock_us();
  const std::lock_guard lock(mutex_);
  std::size_t bans = 0;
  for (Table* table : {&addresses_, &accounts_}) {
    bans += static_cast<std::size_t>(std::ranges::count_if(
        table->entries(), [now_us](const Entry& entry) { return now_us < entry.until_us; }));
  }
  return bans;
}

LoginGuard::Entry* LoginGuard::Table::find(std::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &*found->second;
}

LoginGuard::Entry& LoginGuard::Table::touch(std::string_view name) {
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    entries_.splice(entries_.end(), entries_, found->second);
  } else {
    entries_.emplace_back().name = name;
    by_name_.emplace(entries_.back().name, std::prev(entries_.end()));
    if (entries_.size() > kMaxEntries) forget_oldest();
  }
  return entries_.back();
}

void LoginGuard::Table::forget_quiet(TimePoint now, Duration window) {
  const auto quiet = [&](const Entry& entry) {
    return !entry.banned(now) &&
           (entry.failures.empty() || entry.failures.back().at + window <= now);
  };
  while (!entries_.empty() && quiet(entries_.front())) forget_oldest();
}

void LoginGuard::Table::forget_oldest() {
  by_name_.erase(entries_.front().name);
  entries_.pop_front();
}

}  // namespace starling::core
