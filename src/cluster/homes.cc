#include "cluster/homes.h"

#include <algorithm>
#include <utility>

namespace starling::cluster {

namespace {
constexpr std::size_t kPieceBytes = 48'000;
constexpr std::size_t kChangesBytes = 48'000;
// So many changes laid aside during a sync mean that it takes too long: it begins anew.
constexpr std::size_t kMaxLaidAside = 1'000'000;
}  // namespace

std::optional<Home> Homes::find(std::string_view account) const {
  const Stripe& stripe = stripe_of(account);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.entries.find(account);
  if (found == stripe.entries.end()) return std::nullopt;
  return found->second.home;
}

void Homes::begin(NodeId self) {
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    stripe.entries.clear();
    stripe.beside.clear();
  }
  size_ = 0;
  peers_.clear();
  self_ = self;
  const std::lock_guard lock(changes_mutex_);
  new_changes_.clear();
  number_ = 0;
}

void Homes::claim(std::string_view account, std::int64_t since_us) {
  put(std::string(account), {self_, since_us}, false);
  note(Op::put, account, since_us);
}

void Homes::release(std::string_view account) {
  erase(std::string(account), self_);
  note(Op::erase, account, 0);
}

bool Homes::is_claimed(std::string_view account) const {
  const Stripe& stripe = stripe_of(account);
  const std::lock_guard lock(stripe.mutex);
  const auto entry = stripe.entries.find(account);
  if (entry != stripe.entries.end() && entry->second.home.node == self_) return true;
  const auto [first, last] = stripe.beside.equal_range(account);
  return std::any_of(first, last, [this](const auto& e) { return e.second.node == self_; });
}

void Homes::expect(std::string_view account, Home home) {
  put(std::string(account), home, true);
  const std::lock_guard lock(expected_mutex_);
  expected_.emplace_back(account, home);
}

void Homes::forget_unmade() {
  Expected old;
  {
    const std::lock_guard lock(expected_mutex_);
    old = std::exchange(expected_before_, std::exchange(expected_, {}));
  }
  for (const auto& [account, home] : old) {
    Stripe& stripe = stripe_of(account);
    const std::lock_guard lock(stripe.mutex);
    const auto entry = stripe.entries.find(account);
    if (entry == stripe.entries.end() || !entry->second.expected || entry->second.home != home) {
      continue;
    }
    stripe.entries.erase(entry);
    --size_;
  }
}

// The first change that waits tells that there is something to send.
void Homes::note(Op op, std::string_view account, std::int64_t since_us) {
  bool first = false;
  {
    const std::lock_guard lock(changes_mutex_);
    first = new_changes_.empty();
    new_changes_.push_back({op, std::string(account), since_us});
  }
  if (first && changed_) changed_();
}

void Homes::put(const std::string& account, Home home, bool expected) {
  Stripe& stripe = stripe_of(account);
  const std::lock_guard lock(stripe.mutex);
  const auto [entry, added] = stripe.entries.try_emplace(account, Entry{home, expected});
  if (added) {
    ++size_;
    return;
  }
  Entry& there = entry->second;
  if (expected && !there.expected) return;
  // Nobody has made what was only expected.
  if (there.home.node == home.node || there.expected) {
    there = {home, expected};
    return;
  }
  auto [first, last] = stripe.beside.equal_range(account);
  const auto own =
      std::find_if(first, last, [&](const auto& e) { return e.second.node == home.node; });
  if (own != last) stripe.beside.erase(own);
  if (there.home < home) {
    stripe.beside.emplace(account, std::exchange(there.home, home));
  } else {
    stripe.beside.emplace(account, home);
  }
}

void Homes::erase(const std::string& account, NodeId node) {
  Stripe& stripe = stripe_of(account);
  const std::lock_guard lock(stripe.mutex);
  auto [first, last] = stripe.beside.equal_range(account);
  for (auto other = first; other != last; ++other) {
    if (other->second.node != node) continue;
    stripe.beside.erase(other);
    return;
  }
  const auto entry = stripe.entries.find(account);
  if (entry == stripe.entries.end() || entry->second.home.node != node) return;
  if (first == last) {
    stripe.entries.erase(entry);
    --size_;
    return;
  }
  const auto next = std::max_element(
      first, last, [](const auto& a, const auto& b) { return a.second < b.second; });
  entry->second = {next->second, false};
  stripe.beside.erase(next);
}

std::vector<std::string> Homes::take_changes() {
  std::vector<Change> changes;
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(changes_mutex_);
    changes = std::exchange(new_changes_, {});
    number = number_;
    number_ += changes.size();
  }
  // Each frame: the number of its first change, and the changes.
  std::vector<std::string> frames;
  for (std::size_t i = 0; i < changes.size();) {
    Encoder frame = begin_frame(FrameKind::changes, self_);
    frame.number(number + i + 1);
    for (; i < changes.size() && frame.size() < kChangesBytes; ++i) {
      frame.number(static_cast<std::uint64_t>(changes[i].op))
          .number(static_cast<std::uint64_t>(changes[i].since_us))
          .text(changes[i].account);
    }
    frames.push_back(std::move(frame).take());
  }
  return frames;
}

std::uint64_t Homes::change_number() const {
  const std::lock_guard lock(changes_mutex_);
  return number_;
}

// The number that the piece is of comes first: changes up to it are in what is read afterwards, and
// those behind it may be, too; to apply them again does not matter.
std::string Homes::piece(std::uint64_t cursor) {
  Encoder piece;
  piece.number(change_number()).number(cursor);
  Encoder entries;
  std::uint64_t count = 0;
  std::size_t stripe = cursor;
  for (; stripe < kStripes && entries.size() < kPieceBytes; ++stripe) {
    const std::lock_guard lock(stripes_[stripe].mutex);
    const auto add = [&](const std::string& account, const Home& home) {
      if (home.node != self_) return;
      entries.number(static_cast<std::uint64_t>(home.since_us)).text(account);
      ++count;
    };
    for (const auto& [account, entry] : stripes_[stripe].entries) {
      if (!entry.expected) add(account, entry.home);
    }
    for (const auto& [account, home] : stripes_[stripe].beside) add(account, home);
  }
  piece.number(stripe < kStripes ? stripe : 0).number(count).rest(entries.view());
  return std::move(piece).take();
}

Homes::Ask Homes::begin_sync(Peer& peer) {
  peer.syncing = true;
  peer.since = peer.number;
  peer.asked = 0;
  peer.seen.clear();
  peer.laid_aside.clear();
  peer.aside = 0;
  return 0;
}

Homes::Ask Homes::on_changes(NodeId node, Decoder& frame) {
  const std::uint64_t first = frame.number();
  std::vector<Change> changes;
  while (!frame.at_end()) {
    Change change{.op = frame.number() == 0 ? Op::put : Op::erase, .account = {}, .since_us = 0};
    change.since_us = static_cast<std::int64_t>(frame.number());
    change.account = frame.text();
    if (!frame.bad()) changes.push_back(std::move(change));
  }
  if (frame.bad() || first == 0 || changes.empty()) return std::nullopt;
  Peer& peer = peers_[node];
  const std::uint64_t last = first + changes.size() - 1;
  if (last <= peer.number) return std::nullopt;  // known
  if (first > peer.number + 1) {
    // Some are missing. During a sync it begins again: the pieces may be older than those.
    peer.number = last;
    return begin_sync(peer);
  }
  changes.erase(changes.begin(),
                changes.begin() + static_cast<std::ptrdiff_t>(peer.number + 1 - first));
  peer.number = last;
  if (!peer.syncing) {
    apply(node, changes);
    return std::nullopt;
  }
  peer.aside += changes.size();
  if (peer.aside > kMaxLaidAside) return begin_sync(peer);
  peer.laid_aside.push_back(std::move(changes));
  return std::nullopt;
}

Homes::Ask Homes::on_change_number(NodeId node, std::uint64_t number) {
  Peer& peer = peers_[node];
  if (number <= peer.number) return std::nullopt;
  peer.number = number;
  return begin_sync(peer);
}

Homes::Ask Homes::on_piece(NodeId node, Decoder& piece) {
  const std::uint64_t number = piece.number();
  const std::uint64_t cursor = piece.number();
  const std::uint64_t next = piece.number();
  const std::uint64_t count = piece.number();
  Peer& peer = peers_[node];
  // One of an earlier sync does not count.
  if (piece.bad() || !peer.syncing || cursor != peer.asked || number < peer.since) {
    return std::nullopt;
  }
  for (std::uint64_t i = 0; i < count && !piece.bad(); ++i) {
    const auto since_us = static_cast<std::int64_t>(piece.number());
    std::string account(piece.text());
    if (piece.bad()) break;
    apply(node, {{Op::put, account, since_us}});
    peer.seen.insert(std::move(account));
  }
  if (piece.bad()) return begin_sync(peer);
  if (next != 0) {
    peer.asked = next;
    return next;
  }
  // The last one. What the node had, and has no longer, goes.
  std::vector<Change> gone;
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    const auto look = [&](const std::string& account, const Home& home) {
      if (home.node == node && !peer.seen.contains(account))
        gone.push_back({Op::erase, account, 0});
    };
    for (const auto& [account, entry] : stripe.entries) {
      if (!entry.expected) look(account, entry.home);
    }
    for (const auto& [account, home] : stripe.beside) look(account, home);
  }
  peer.syncing = false;
  peer.seen = {};
  apply(node, gone);
  for (const auto& changes : std::exchange(peer.laid_aside, {})) apply(node, changes);
  peer.aside = 0;
  return std::nullopt;
}

bool Homes::synced(NodeId node) const {
  const auto peer = peers_.find(node);
  return peer != peers_.end() && !peer->second.syncing;
}

void Homes::apply(NodeId node, const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    if (change.op == Op::erase) {
      erase(change.account, node);
      continue;
    }
    const Home home{node, change.since_us};
    std::optional<Home> mine;
    bool expected = false;
    {
      const Stripe& stripe = stripe_of(change.account);
      const std::lock_guard lock(stripe.mutex);
      const auto there = stripe.entries.find(change.account);
      if (there != stripe.entries.end()) {
        if (there->second.home.node == self_) mine = there->second.home;
        expected = there->second.home.node == node;
      }
      for (auto [at, end] = stripe.beside.equal_range(change.account); at != end; ++at) {
        if (at->second.node == self_) mine = at->second;
      }
    }
    put(change.account, home, false);
    if (mine && conflict_) {
      conflict_(change.account, *mine, home);
    } else if (!expected && other_home_) {
      other_home_(change.account, home);
    }
  }
}

std::vector<std::string> Homes::drop(NodeId node) {
  peers_.erase(node);
  std::vector<std::string> gone;
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    for (const auto& [account, entry] : stripe.entries) {
      if (entry.home.node == node) gone.push_back(account);
    }
    for (const auto& [account, home] : stripe.beside) {
      if (home.node == node) gone.push_back(account);
    }
  }
  for (const auto& account : gone) erase(account, node);
  return gone;
}

}  // namespace starling::cluster
