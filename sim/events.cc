// What a scenario does to a World: the users' work, and the faults.
#include <algorithm>

#include "sim/world.h"

namespace starling::sim {

using std::chrono::milliseconds;

namespace {
// A node that died is found dead by then (cluster::Timing).
constexpr std::chrono::seconds kDead{18};
}  // namespace

void World::plan() {
  working_ = true;
  for (const Scenario::Event& event : scenario_.events) {
    clock_.after(event.at, [this, &event] {
      if (!faults_over_) happen(event.words);
    });
  }
  // Most are there from the beginning.
  for (Device* device : devices_) {
    if (clock_.random().chance(70)) {
      clock_.after(clock_.random().between({}, milliseconds(2'000)),
                   [device] { device->want(true); });
    }
  }
  repeat(scenario_.messages, &World::send_something);
  repeat(scenario_.logins, &World::log_in_or_out);
  repeat(scenario_.drops, &World::drop_something);
}

void World::repeat(unsigned per_second, void (World::*what)()) {
  if (per_second == 0) return;
  const Duration twice_the_mean = Duration(std::chrono::seconds(2)) / per_second;
  clock_.after(clock_.random().between({}, twice_the_mean), [this, per_second, what] {
    if (!working_) return;
    (this->*what)();
    repeat(per_second, what);
  });
}

void World::send_something() {
  Random& random = clock_.random();
  Device& sender = *random.one_of(devices_);
  if (!sender.online()) return;
  Account* to = random.one_of(accounts_).get();
  if (!sender.account().contacts.empty() && random.chance(50)) {
    to = random.one_of(sender.account().contacts);
  }
  if (to == &sender.account()) return;
  for (auto n = random.chance(10) ? random.below(10) : 1; n > 0; --n) {
    const auto number = static_cast<int>(messages_.size());
    messages_.push_back({.to = to});
    ++counts_.messages;
    const std::string name = "m" + std::to_string(number);
    const std::string address =
        random.chance(20) ? random.one_of(to->devices)->jid().str() : to->jid.str();
    sender.send(number, "<message to='" + address + "' type='chat' id='" + name + "'><body>" +
                            name + "</body></message>");
  }
}

void World::log_in_or_out() {
  Device& device = *clock_.random().one_of(devices_);
  device.want(!device.wanted());
}

void World::drop_something() {
  clock_.random().one_of(devices_)->drop();
}

Node& World::start_node(int machine) {
  note("node " + std::to_string(machine) + " starts");
  int life = 1;
  if (const auto before = machines_.find(machine); before != machines_.end()) {
    life = before->second->life() + 1;
  }
  nodes_.push_back(std::make_unique<Node>(*this, machine, life));
  return *(machines_[machine] = nodes_.back().get());
}

// By its number, or `any` that runs. nullptr if there is none.
Node* World::node_named(const std::string& word) {
  std::vector<Node*> running;
  for (const auto& [machine, node] : machines_) {
    if (!node->running() || node->paused()) continue;
    if (word == std::to_string(machine)) return node;
    running.push_back(node);
  }
  // One stays, so that there is something to look at.
  if (word != "any" || running.size() < 2) return nullptr;
  return clock_.random().one_of(running);
}

void World::happen(const std::vector<std::string>& words) {
  Random& random = clock_.random();
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  note(line);
  const auto word = [&words](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  const auto last_duration = [&] { return draw_duration(words.back(), random); };
  const std::string& what = words[0];
  if (what == "partition") return partition(words);
  if (what == "cut" || what == "oneway") return cut(words);
  if (what == "heal") return cuts_.clear();
  if (what == "store") return store_fault(words);
  if (what == "loss") {
    network_.faults.loss_percent = draw_number(word(1), random).value_or(0);
    // Answers come so late that nodes go on without them.
    if (network_.faults.loss_percent >= 5) {
      disturbed("heavy loss");
      late_ = true;
    }
  } else if (what == "duplicates") {
    network_.faults.twice_percent = draw_number(word(1), random).value_or(0);
  } else if (what == "delay") {
    const auto dots = word(1).find("..");
    network_.faults.least = duration_of(word(1).substr(0, dots)).value_or(Duration());
    network_.faults.most = duration_of(word(1).substr(dots + 2)).value_or(Duration());
  } else if (what == "join") {
    for (unsigned n = draw_number(word(1), random).value_or(1); n > 0; --n) {
      start_node(++last_machine_);
    }
  } else if (what == "start") {
    const auto machine = draw_number(word(1), random);
    if (machine && !machines_.contains(static_cast<int>(*machine))) return;
    if (machine && !machines_[static_cast<int>(*machine)]->running()) {
      start_node(static_cast<int>(*machine));
    }
  } else if (what == "drop") {
    const unsigned percent = draw_number(word(1), random).value_or(100);
    for (Device* device : devices_) {
      if (random.chance(percent)) device->drop();
    }
  } else if (what == "login" || what == "logout") {
    const unsigned percent = draw_number(word(1), random).value_or(100);
    for (Device* device : devices_) {
      if (device->wanted() != (what == "login") && random.chance(percent)) {
        device->want(what == "login");
      }
    }
  } else if (Node* node = node_named(word(1)); node != nullptr) {
    const int machine = node->machine();
    if (what == "crash") {
      note("node " + std::to_string(machine) + " crashes");
      node->crash();
      if (word(2) == "for") {
        clock_.after(last_duration().value_or(Duration()), [this, machine] {
          if (!faults_over_ && !machines_[machine]->running()) start_node(machine);
        });
      }
    } else if (what == "leave") {
      note("node " + std::to_string(machine) + " leaves");
      node->stop();
    } else if (what == "pause") {
      note("node " + std::to_string(machine) + " stands still");
      disturbed("pause");
      split_ = true;
      node->pause();
      clock_.after(last_duration().value_or(Duration()), [this, node] {
        if (!node->running() || !node->paused()) return;
        note("node " + std::to_string(node->machine()) + " goes on");
        node->go_on();
      });
    } else if (what == "step") {
      const Duration by = last_duration().value_or(Duration());
      clock_errors_[machine] += by;
      node->step_clock(by);
    }
  }
}

// partition random | partition 1,2 3,4,5: nothing passes between the groups; who is in none is in
// the last.
void World::partition(const std::vector<std::string>& words) {
  disturbed("partition");
  split_ = true;
  std::map<int, std::size_t> group;
  for (const auto& [machine, node] : machines_) group[machine] = words.size();
  if (words.size() == 2 && words[1] == "random") {
    for (auto& [machine, of] : group) of = clock_.random().below(2);
  } else {
    for (std::size_t i = 1; i < words.size(); ++i) {
      std::string rest = words[i] + ",";
      for (auto comma = rest.find(','); comma != std::string::npos; comma = rest.find(',')) {
        group[std::stoi(rest.substr(0, comma))] = i;
        rest.erase(0, comma + 1);
      }
    }
  }
  for (const auto& [a, of_a] : group) {
    for (const auto& [b, of_b] : group) {
      if (of_a != of_b) cuts_.insert({a, b});
    }
  }
  network_.cut = [this](int from, int to) { return cuts_.contains({from, to}); };
}

// cut random | cut 1 2: nothing passes between these two; oneway: from the first to the second.
void World::cut(const std::vector<std::string>& words) {
  disturbed("cut");
  split_ = true;
  std::pair<int, int> pair;
  if (words.size() == 2) {
    std::vector<int> running;
    for (const auto& [machine, node] : machines_) {
      if (node->running()) running.push_back(machine);
    }
    if (running.empty()) return;
    pair = {clock_.random().one_of(running), clock_.random().one_of(running)};
  } else {
    pair = {std::stoi(words[1]), std::stoi(words[2])};
  }
  if (pair.first == pair.second) return;
  cuts_.insert(pair);
  if (words[0] == "cut") cuts_.insert({pair.second, pair.first});
  network_.cut = [this](int from, int to) { return cuts_.contains({from, to}); };
}

// store refuses for 5s | store hangs for 5s | store takes 1ms..50ms
void World::store_fault(const std::vector<std::string>& words) {
  if (words[1] == "takes") {
    const auto dots = words[2].find("..");
    database_.least = duration_of(words[2].substr(0, dots)).value_or(database_.least);
    database_.most = duration_of(words[2].substr(dots + 2)).value_or(database_.most);
    return;
  }
  disturbed("store outage");
  outage_ = true;
  ++forgetful_;
  look_for_parked();
  database_.begin_outage(words[1] == "hangs" ? Database::Outage::hangs : Database::Outage::refuses);
  const auto length = draw_duration(words.back(), clock_.random());
  clock_.after(length.value_or(Duration()), [this] {
    note("the store is back");
    database_.end_outage();
    --forgetful_;
  });
}

void World::look_for_parked() {
  if (forgetful_ == 0 || missed_) return;
  for (const auto& [machine, node] : machines_) missed_ |= node->running() && node->keeps_parked();
  clock_.after(std::chrono::milliseconds(50), [this] { look_for_parked(); });
}

void World::node_crashed() {
  ++forgetful_;
  look_for_parked();
  clock_.after(kDead, [this] { --forgetful_; });
}

}  // namespace starling::sim
