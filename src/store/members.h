// Members: the nodes of a cluster, as rows that each node renews: whoever shares the database is a
// member, and whoever stops renewing is none any more. And the leases they hold.
//
// All times are the database's clock, so that nodes whose clocks differ agree on who is alive. A
// node gets a new epoch at every start; nothing else identifies it: host names, container ids and
// addresses may come again. Thread-safe, as all of the store.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"

namespace starling::store {

// A node's life: it has a row but does not serve yet; it serves; it hands over and goes.
enum class MemberState : std::uint8_t { joining, up, draining };
[[nodiscard]] constexpr std::string_view to_string(MemberState state) {
  return state == MemberState::joining ? "joining" : state == MemberState::up ? "up" : "draining";
}

// What a node tells the others about itself.
struct MemberFacts {
  MemberState state = MemberState::joining;
  std::string address;       // where its bus is reached: "10.0.1.7:6222"; IPv6 in brackets
  std::string name;          // for people: logs and listings
  std::string version;       // of the program, for people
  std::uint32_t format = 0;  // of what it speaks on the bus

  bool operator==(const MemberFacts&) const = default;
};

struct Member {
  std::uint64_t epoch = 0;  // unique for ever, rising: a later one started later
  std::uint16_t slot = 0;   // unique among the rows there are, below kSlots
  MemberFacts facts;
  std::int64_t joined_at_us = 0;           // database clock
  std::chrono::milliseconds silent_for{};  // since its row was renewed last

  static constexpr std::uint16_t kSlots = 1'024;
};

struct Roll {
  std::vector<Member> members;  // in order of their epochs
  std::int64_t now_us = 0;      // database clock
};

// The exclusive right of a member to do something for all. It lasts as long as its holder is a
// member, whose row is renewed for all of its leases.
struct Lease {
  std::string name;
  std::uint64_t holder = 0;  // its epoch
  std::uint64_t term = 0;  // unique for ever, rising: whoever gets a lease gets it under a new one

  bool operator==(const Lease&) const = default;
};

// Guards a write (Maps::apply): it happens only while the lease is held under this term.
struct Fence {
  std::string lease;
  std::uint64_t term = 0;
};

[[nodiscard]] inline std::string no_member(std::uint64_t epoch) {
  return "no node has epoch " + std::to_string(epoch);
}
[[nodiscard]] inline std::string not_held(const Fence& fence) {
  return "the lease " + fence.lease + " is not held under term " + std::to_string(fence.term);
}

class Members {
 public:
  virtual ~Members() = default;
  // Adds a row. limit: kSlots rows are there already. unavailable: the row may be there all the
  // same; as nobody renews it, it is dead soon.
  virtual Task<Result<Member>> join(MemberFacts facts) = 0;
  // Renews the row of this epoch, with what the node says now, and reads all rows. not_found: there
  // is none (any more): somebody took the node for dead.
  virtual Task<Result<Roll>> renew(std::uint64_t epoch, MemberFacts facts) = 0;
  // All rows, for somebody who is no member.
  virtual Task<Result<Roll>> read() = 0;
  // Removes the row if it was not renewed for so long. True if it did.
  virtual Task<Result<bool>> remove_dead(std::uint64_t epoch, std::chrono::milliseconds after) = 0;
  // Removes one's own row, if it is there.
  virtual Task<Result<>> leave(std::uint64_t epoch) = 0;

  // All leases that are held, in byte order of their names.
  virtual Task<Result<std::vector<Lease>>> leases() = 0;
  // Takes a lease for this member if nobody holds it. Gives it as it is then, whoever has it.
  // not_found: there is no such member.
  virtual Task<Result<Lease>> acquire(std::string name, std::uint64_t holder) = 0;
  // Gives it to another member. not_found: it is not held under this term (any more), or there is
  // no such member; that may also be because an earlier try succeeded.
  virtual Task<Result<Lease>> hand_over(Lease lease, std::uint64_t to) = 0;

  // `changed` is called, on any thread, soon after rows came, went or changed their facts, and
  // after leases were acquired or handed over. Only a
  // hint: calls may be missing. nullptr ends it; afterwards there is no call any more. It must not
  // call the store itself.
  virtual void on_change(std::function<void()> changed) = 0;
};

}  // namespace starling::store
