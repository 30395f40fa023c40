// LoginGuard: log-ins that fail are answered more and more slowly, then refused for a while.
//
// Failures are counted per address (an IPv6 address by its /64) and per account, within a sliding
// window. Too many from an address: nobody there is let in until its ban ends. Too many for an
// account, whoever made them: its log-ins fail. Since that lets anybody lock anybody out, a locked
// account is still open to addresses from which it was logged in to lately; so its owner goes on at
// home while the guessing elsewhere ends. Accounts that do not exist are counted like others.
//
// A success clears what that address failed for that account, and nothing else: an attacker with an
// account of his own gains nothing, and an owner who logs in does not help who guesses meanwhile.
//
// One for the whole node, in memory only and bounded: what has been quiet for longest is forgotten
// first. Thread-safe; asked at log-ins and new connections only, so one lock will do. `now` is the
// time of the caller's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/event_loop.h"
#include "base/metrics.h"
#include "base/result.h"
#include "config/access.h"
#include "config/config.h"
#include "xmpp/jid.h"

namespace starling::core {

class LoginGuard {
 public:
  LoginGuard();  // it refuses nothing before set_options
  LoginGuard(const LoginGuard&) = delete;
  LoginGuard& operator=(const LoginGuard&) = delete;

  // In force from now on; bans that are in force stay. A number of failures of 0 means never.
  void set_options(config::Fail2banOptions options);

  // Who tries to log in: from where, as whom ("": no valid account was named), and the access rules
  // of the host, which may exempt both.
  struct Attempt {
    std::string_view address;  // "203.0.113.7"
    const xmpp::Jid& account;
    const config::Access& access;
  };

  // True if nobody at this address is to be let in.
  [[nodiscard]] bool refuses_address(std::string_view address, TimePoint now);
  // True if this log-in is to fail for now, whatever the password: to be asked before it is
  // checked, else the answer would tell.
  [[nodiscard]] bool refuses_account(const Attempt& attempt, TimePoint now);

  // A password was wrong. Returns for how long the answer is to be held back.
  [[nodiscard]] Duration failed(const Attempt& attempt, TimePoint now);
  // It was right, and the account may be used.
  void succeeded(const Attempt& attempt);
  // Somebody tried to make an account (XEP-0077). It counts as a failure of the address, well done
  // or not: names can be guessed by it, and accounts be made by the thousand.
  [[nodiscard]] Duration registered(const Attempt& attempt, TimePoint now);

  // --- for the operator ---

  struct Ban {
    std::string name;  // an address, a /64, or a bare JID
    bool is_account = false;
    std::uint32_t failures = 0;  // that led to it
    std::int64_t since_us = 0;   // wall clock
    std::int64_t until_us = 0;
  };
  // The bans in force, addresses first, each in the order of the names.
  [[nodiscard]] std::vector<Ban> list(TimePoint now);
  // Lifts the bans of an address, of a range of addresses (192.0.2.0/24), or of an account (a bare
  // JID), and forgets their failures; returns how many bans there were. Errors: invalid (none of
  // these).
  Result<std::size_t> unban(std::string_view text, TimePoint now);

 private:
  struct Failure {
    TimePoint at;
    std::size_t other;  // hash: the account it was about, or the address it came from
  };
  struct Entry {
    std::string name;
    std::vector<Failure> failures;  // within the window, oldest first
    TimePoint banned_until{};
    std::uint32_t banned_for = 0;  // failures
    std::int64_t since_us = 0;     // of the ban; wall clock, as is its end
    std::int64_t until_us = 0;

    [[nodiscard]] bool banned(TimePoint now) const { return now < banned_until; }
  };
  // Entries by name, those touched last at the end.
  class Table {
   public:
    [[nodiscard]] Entry* find(std::string_view name);
    Entry& touch(std::string_view name);
    // Those at the front that nothing is to be known of any more.
    void forget_quiet(TimePoint now, Duration window);
    [[nodiscard]] std::list<Entry>& entries() { return entries_; }

   private:
    void forget_oldest();

    std::list<Entry> entries_;
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_name_;
  };

  [[nodiscard]] bool exempts(const Attempt& attempt);
  [[nodiscard]] Duration failed_at(std::string_view address, const xmpp::Jid& account,
                                   TimePoint now);
  // Notes a failure, which may lead to a ban: that is added to `begun`. Returns how many there are.
  std::size_t count(Table& table, const std::string& name, std::string_view other, TimePoint now,
                    std::vector<Ban>& begun);
  [[nodiscard]] Ban ban(Entry& entry, bool is_account, TimePoint now);
  [[nodiscard]] Duration delay(std::size_t failures) const;
  void remember(std::size_t pair);
  [[nodiscard]] std::size_t bans_in_force();

  // Guards all below. Nothing is logged, and no address is taken apart, while it is held: every
  // worker asks at every connection.
  std::mutex mutex_;
  config::Fail2banOptions options_{
      .slow_after = 0, .max_failures_per_address = 0, .max_failures_per_account = 0};
  Table addresses_;
  Table accounts_;
  // Hashes of account and address that belong together; in order of the first success.
  std::unordered_set<std::size_t> known_;
  std::deque<std::size_t> known_order_;
  metrics::Observed in_force_;  // last: it asks the rest
};

}  // namespace starling::core
