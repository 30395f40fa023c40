#include "sim/world.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "core/roster.h"

namespace starling::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// By then the home of an account knows what a client has acknowledged at another node.
constexpr seconds kTold{5};
constexpr std::int64_t kBegin = 1'790'000'000'000'000;  // of the wall clock, microseconds

// What the code under test takes for the clock and for chance, of the run that goes on.
World* g_world = nullptr;
Random g_bytes{0};

std::int64_t wall_clock() {
  const auto us = [](Duration d) {
    return std::chrono::floor<std::chrono::microseconds>(d).count();
  };
  // The store's clock, which the nodes share, is the true one.
  Duration time = g_world->clock().now().time_since_epoch();
  if (const auto* loop = dynamic_cast<SimLoop*>(EventLoop::current())) {
    time += loop->wall_clock_error;
  }
  return kBegin + us(time);
}

void fill(unsigned char* bytes, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<unsigned char>(g_bytes.next());
}

}  // namespace

World::World(Scenario scenario, std::uint64_t seed, bool verbose)
    : scenario_(std::move(scenario)), verbose_(verbose), clock_(seed) {
  g_world = this;
  g_bytes = Random(seed + 1);
  replace_wall_clock_for_simulation(&wall_clock);
  replace_random_for_simulation(&fill);
}

// --- what happens, for people ---

void World::note(std::string_view what) {
  if (!verbose_) return;
  const auto ms = std::chrono::floor<milliseconds>(clock_.now().time_since_epoch()).count();
  std::fprintf(stderr, "%10.3f  %.*s\n", static_cast<double>(ms - 3'600'000) / 1'000,
               static_cast<int>(what.size()), what.data());
}

void World::violated(std::string what) {
  note("VIOLATED: " + what);
  violations_.push_back(std::move(what));
}

void World::left(const xmpp::Jid& device, bool shown) {
  on_their_way_.emplace(device.str(), OnItsWay{shown, false});
}

void World::came_back(const xmpp::Jid& device, bool resumed) {
  const auto found = on_their_way_.find(device.str());
  if (found == on_their_way_.end()) return;
  if (resumed) ++counts_.claimed;
  if (resumed && found->second.said_gone && !disturbed_) {
    violated(device.str() + " was said to be gone, and came back with its session");
  }
  on_their_way_.erase(found);
}

void World::told_gone(const std::string& device) {
  const auto found = on_their_way_.find(device);
  if (found != on_their_way_.end()) found->second.said_gone = found->second.shown;
}

void World::disturbed(std::string_view by) {
  if (!std::exchange(disturbed_, true)) note("from now on some may come twice: " + std::string(by));
}

// --- parts ---

Duration World::wire() {
  return clock_.random().between(std::chrono::microseconds(200), milliseconds(20));
}

Node* World::some_node() {
  std::vector<Node*> candidates;
  for (const auto& [machine, node] : machines_) {
    if (node->listening()) candidates.push_back(node);
  }
  return candidates.empty() ? nullptr : clock_.random().one_of(candidates);
}

bool World::has_living_session(const std::string& resumption_id) const {
  return std::ranges::any_of(nodes_, [&](const auto& node) {
    if (!node->running() || node->paused() || node->cluster().self() == 0) return false;
    return std::ranges::any_of(node->streams, [&](const auto& stream) {
      return stream->session() != nullptr && stream->id() == resumption_id;
    });
  });
}

void World::node_joined(Node& node, std::uint64_t epoch) {
  note("node " + std::to_string(node.machine()) + " has joined as " + std::to_string(epoch) +
       " with slot " + std::to_string(node.slot()));
  for (const auto& other : nodes_) {
    if (other.get() == &node || !other->running() || other->paused()) continue;
    if (other->cluster().self() != 0 && other->slot() == node.slot()) {
      violated("nodes " + std::to_string(node.machine()) + " and " +
               std::to_string(other->machine()) + " have one slot");
    }
  }
}

// --- messages ---

void World::acknowledged(int message) {
  Message& one = messages_[static_cast<std::size_t>(message)];
  if (!std::exchange(one.acknowledged, true)) ++counts_.acknowledged;
}

void World::answered(int message) {
  Message& one = messages_[static_cast<std::size_t>(message)];
  if (!std::exchange(one.answered, true)) ++counts_.answered;
}

void World::sends_again(int message) {
  ++messages_[static_cast<std::size_t>(message)].sent;
  ++counts_.sent_again;
}

void World::seen(Device& device, int message, const std::string& stanza_id) {
  Message& one = messages_[static_cast<std::size_t>(message)];
  clock_.trace(static_cast<std::uint64_t>(message));
  detail(
      [&] { return device.jid().str() + " sees m" + std::to_string(message) + " " + stanza_id; });
  if (one.to != &device.account()) {
    return violated(device.jid().str() + " was given m" + std::to_string(message) +
                    ", which is for another");
  }
  if (!std::exchange(one.seen, true)) ++counts_.seen;
  if (!one.ids.insert(stanza_id).second || one.ids.size() == 1) return;
  ++counts_.two_ids;
  if (one.sent == 1 && !disturbed_ && !left_) {
    violated("m" + std::to_string(message) + " was sent once and is in the archive twice");
  }
}

void World::handed(Device& device, TimePoint bound, const std::string& stanza_id, bool again) {
  if (again && device.account().managed && disturbed_) ++counts_.handed_again;
  if (again && device.account().managed && !disturbed_) {
    violated(device.jid().str() + " was handed one entry twice on one session");
  }
  const auto before = device.account().acknowledged.find(stanza_id);
  if (before == device.account().acknowledged.end() || before->second + kTold >= bound) return;
  ++counts_.handed_again;
  if (!disturbed_) {
    violated(device.jid().str() + " was handed an entry that was acknowledged before");
  }
}

void World::client_acknowledged(Device& device, const std::string& stanza_id) {
  if (!stanza_id.empty()) device.account().acknowledged.try_emplace(stanza_id, clock_.now());
}

// --- the course of a run ---

void World::make_accounts() {
  Random& random = clock_.random();
  for (unsigned i = 0; i < scenario_.users; ++i) {
    auto account = std::make_unique<Account>();
    account->jid = *xmpp::Jid::make("u" + std::to_string(i), kHost);
    account->managed = random.chance(scenario_.managed);
    for (auto n = 1 + random.below(scenario_.devices); n > 0; --n) {
      account->devices.push_back(std::make_unique<Device>(*this, *account, "d" + std::to_string(n),
                                                          account->managed || random.chance(50)));
      devices_.push_back(account->devices.back().get());
    }
    store::Account row;
    row.username = account->jid.local();
    row.host = account->jid.domain();
    static_cast<void>(ask(database_.inner().accounts().create(std::move(row))));
    accounts_.push_back(std::move(account));
  }
  for (unsigned n = scenario_.users * scenario_.contacts / 2; n > 0; --n) {
    befriend(*random.one_of(accounts_), *random.one_of(accounts_));
  }
}

void World::befriend(Account& a, Account& b) {
  if (&a == &b || std::ranges::find(a.contacts, &b) != a.contacts.end()) return;
  a.contacts.push_back(&b);
  b.contacts.push_back(&a);
  for (const auto& [owner, contact] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    core::RosterItem item;
    item.jid = contact->jid;
    item.subscription.to = item.subscription.from = true;
    item.kept = true;
    static_cast<void>(
        ask(core::store_roster_item(database_.inner().maps(), owner->jid, std::move(item))));
  }
}

bool World::start_nodes() {
  for (unsigned i = 0; i < scenario_.nodes; ++i) start_node(++last_machine_);
  settle(seconds(60), [this] { return check_members(); }, "the nodes do not come up");
  return violations_.empty();
}

void World::end_faults() {
  note("the faults end");
  faults_over_ = true;
  working_ = false;
  network_.faults = {};
  cuts_.clear();
  network_.cut = [](int, int) { return false; };
  database_.end_outage();
  for (const auto& [machine, node] : machines_) {
    if (node->paused()) node->go_on();
  }
  clock_.run_for(seconds(1));
  const bool any = std::ranges::any_of(
      machines_, [](const auto& m) { return m.second->running() && !m.second->stopping(); });
  if (!any) start_node(++last_machine_);
}

void World::settle(Duration at_most, const std::function<std::string()>& problem,
                   const char* what) {
  const TimePoint until = clock_.now() + at_most;
  for (;;) {
    clock_.run_for(seconds(1));  // what was said is on its way
    const std::string found = problem();
    if (found.empty()) return;
    if (clock_.now() >= until) return violated(std::string(what) + ": " + found);
  }
}

void World::everybody(bool connected) {
  for (Device* device : devices_) {
    if (device->wanted() != connected) device->want(connected);
  }
}

// Each user with one device: what waits for him has to come.
void World::log_in_once_more() {
  for (const auto& account : accounts_) account->devices.front()->want(true);
}

const std::vector<std::string>& World::run() {
  const auto all_of_it = [this](bool presence) {
    return [this, presence] {
      for (std::string problem : {check_members(), check_leases(), unsettled(), check_homes(),
                                  presence ? check_presence() : ""}) {
        if (!problem.empty()) return problem;
      }
      return std::string();
    };
  };
  make_accounts();
  if (!start_nodes()) return violations_;
  plan();
  clock_.run_for(scenario_.length);
  end_faults();
  settle(seconds(150), all_of_it(true), "after the faults");
  note("everybody logs out");
  everybody(false);
  settle(seconds(60), all_of_it(false), "after all have logged out");
  note("everybody logs in once more");
  log_in_once_more();
  settle(seconds(60), all_of_it(true), "after all have logged in");
  clock_.run_for(seconds(2));
  check_messages();
  note("everything stops");
  stop_all();
  return violations_;
}

// That a node does not stop is found there.
void World::stop_all() {
  for (const auto& [machine, node] : machines_) {
    if (node->running()) node->stop();
  }
  clock_.run_for(seconds(40));
}

}  // namespace starling::sim
