// Homes: at which node the sessions of each account are: the replicated directory of the cluster.
//
// Every entry has one writer: the node that is the account's home. It numbers its changes; all
// others apply them in order. Who misses one (heartbeats tell the last number) asks for all entries
// of that node, piece by piece, while changes go on: they are laid aside until the last piece has
// come, and then applied over it.
//
// Should two nodes take themselves for the home of one account, as can be after a split, both
// entries are kept; all nodes agree which of them counts: the later, and of two of the same
// microsecond the node that started later.
//
// find() and what a home does with its own entries may be called on any thread; the rest, the
// replication, is used on the cluster's loop.
#pragma once

#include <array>
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "cluster/frames.h"

namespace starling::cluster {

struct Home {
  NodeId node = 0;
  std::int64_t since_us = 0;

  friend auto operator<=>(const Home& a, const Home& b) {
    if (const auto order = a.since_us <=> b.since_us; order != 0) return order;
    return a.node <=> b.node;
  }
  friend bool operator==(const Home&, const Home&) = default;
};

class Homes {
 public:
  // The entry that counts; nullopt if the account has no session anywhere.
  [[nodiscard]] std::optional<Home> find(std::string_view account) const;

  // --- this node's own entries ---

  // Who this node is, from now on; it has no entries yet.
  void begin(NodeId self);
  // This node is the home of the account (since a later time, if it was already). `changed` is
  // called when there is something to send that was not there before.
  void claim(std::string_view account, std::int64_t since_us);
  void release(std::string_view account);
  // True if this node has claimed it, whether or not its entry counts.
  [[nodiscard]] bool is_claimed(std::string_view account) const;
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

  // An entry that another node is about to make: it was told that it may. If it does not, as it
  // may have given up meanwhile, the entry goes the second time that forget_unmade() is called.
  void expect(std::string_view account, Home home);
  void forget_unmade();

  [[nodiscard]] std::size_t size() const { return size_; }

  // --- replication ---

  // The changes since the last call, as the content of frames; numbered on.
  std::vector<std::string> take_changes();
  [[nodiscard]] std::uint64_t change_number() const;

  // A piece of this node's entries, from a cursor of an earlier piece (0: the first). It ends with
  // the next cursor, or 0.
  [[nodiscard]] std::string piece(std::uint64_t cursor);

  // What another node says. The result is the cursor of a piece to ask it for, if there is one.
  using Ask = std::optional<std::uint64_t>;
  Ask on_changes(NodeId node, Decoder& changes);
  Ask on_change_number(NodeId node, std::uint64_t number);
  Ask on_piece(NodeId node, Decoder& piece);
  // True if all entries of the node are known.
  [[nodiscard]] bool synced(NodeId node) const;

  // The node is gone, and its entries with it. Gives the accounts that it had.
  std::vector<std::string> drop(NodeId node);

  // Called when another node has come to be the home of an account that this node is the home of,
  // too: then one of the two has to go. On the cluster's loop.
  void on_conflict(std::function<void(const std::string& account, Home mine, Home other)> told) {
    conflict_ = std::move(told);
  }
  // Called when another node's entry for an account has come, which was not expected.
  void on_other_home(std::function<void(const std::string& account, Home other)> told) {
    other_home_ = std::move(told);
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct Entry {
    Home home;
    bool expected = false;
  };
  static constexpr std::size_t kStripes = 1'024;
  struct Stripe {
    mutable std::mutex mutex;
    boost::unordered_flat_map<std::string, Entry, Hash, std::equal_to<>> entries;
    // Entries that do not count, beside one that does.
    std::multimap<std::string, Home, std::less<>> beside;
  };
  enum class Op : std::uint8_t { put, erase };
  struct Change {
    Op op;
    std::string account;
    std::int64_t since_us;
  };
  // How far another node's entries are known.
  struct Peer {
    std::uint64_t number = 0;  // of the last change that was applied, or laid aside
    bool syncing = false;
    std::uint64_t since = 0;  // of the change after which the sync began: pieces have it
    std::uint64_t asked = 0;  // the piece that is due
    std::unordered_set<std::string> seen;        // entries in the pieces so far
    std::deque<std::vector<Change>> laid_aside;  // changes behind `since`
    std::size_t aside = 0;                       // how many
  };

  Stripe& stripe_of(std::string_view account) { return stripes_[Hash{}(account) % kStripes]; }
  const Stripe& stripe_of(std::string_view account) const {
    return stripes_[Hash{}(account) % kStripes];
  }
  void put(const std::string& account, Home home, bool expected);
  void erase(const std::string& account, NodeId node);
  void apply(NodeId node, const std::vector<Change>& changes);
  void note(Op op, std::string_view account, std::int64_t since_us);
  Ask begin_sync(Peer& peer);

  std::array<Stripe, kStripes> stripes_;
  std::atomic<std::size_t> size_ = 0;
  NodeId self_ = 0;

  mutable std::mutex changes_mutex_;
  std::vector<Change> new_changes_;  // guarded by changes_mutex_
  std::uint64_t number_ = 0;         // guarded by changes_mutex_: of the last that was taken

  std::mutex expected_mutex_;
  using Expected = std::vector<std::pair<std::string, Home>>;
  Expected expected_;         // guarded by expected_mutex_: since forget_unmade()
  Expected expected_before_;  // and in the time before

  std::map<NodeId, Peer> peers_;
  std::function<void()> changed_;
  std::function<void(const std::string&, Home, Home)> conflict_;
  std::function<void(const std::string&, Home)> other_home_;
};

}  // namespace starling::cluster
