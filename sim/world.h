// World: a whole run: nodes, store, bus and clients in one simulated time, what is done to them,
// and what must hold.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/database.h"
#include "sim/device.h"
#include "sim/loop.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/scenario.h"

namespace starling::sim {

struct Account {
  xmpp::Jid jid;
  bool managed = true;  // all its devices are
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<Account*> contacts;
  std::map<std::string, TimePoint> acknowledged;  // stanza ids, by when a client did
};

// What there is to know of a message.
struct Message {
  Account* to = nullptr;
  unsigned sent = 1;          // so often
  bool acknowledged = false;  // to its sender
  bool answered = false;      // by an error that went to its sender
  bool seen = false;          // by a device of its addressee
  std::set<std::string> ids;  // under which it was seen
};

struct Counts {
  std::uint64_t messages = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t answered = 0;
  std::uint64_t seen = 0;
  std::uint64_t sent_again = 0;
  std::uint64_t handed_again = 0;  // one entry, after a client had acknowledged it
  std::uint64_t two_ids = 0;       // one message, two entries
  std::uint64_t rehomed = 0;       // sessions whose home left, but not their connection's node
  std::uint64_t claimed = 0;       // sessions that a node parked and another, or the next, resumed
  std::uint64_t spared = 0;        // stanzas that were not sent again, as the store knew of them
};

class World {
 public:
  static constexpr const char* kHost = "example.org";

  // `verbose`: says what happens.
  World(Scenario scenario, std::uint64_t seed, bool verbose);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // What was violated; empty if all is well.
  const std::vector<std::string>& run();
  [[nodiscard]] const Counts& counts() const { return counts_; }

  // --- for the parts ---

  [[nodiscard]] Clockwork& clock() { return clock_; }
  [[nodiscard]] Database& database() { return database_; }
  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] std::size_t workers() const { return scenario_.workers; }
  [[nodiscard]] Duration resume_timeout() const { return scenario_.resume; }
  [[nodiscard]] Duration clock_error_of(int machine) { return clock_errors_[machine]; }
  // The time of one way between a client and a node.
  [[nodiscard]] Duration wire();
  // One that takes connections, as far as a client can tell; nullptr if there is none.
  [[nodiscard]] Node* some_node();

  void note(std::string_view what);
  // The same for what happens often; `what` is only called if somebody reads it.
  template <class What>
  void detail(What&& what) {
    if (verbose_) note(what());
  }
  void violated(std::string what);
  // Something happened after which some messages may come twice.
  void disturbed(std::string_view by);
  // With it goes what it has noted for sessions that are parked, and what is sent to it until the
  // others know.
  void node_crashed();
  // What it had not confirmed when it left is sent elsewhere, though it may be in the archive.
  void node_left() { left_ = true; }
  void rehomed() { ++counts_.rehomed; }
  void spared(std::uint32_t stanzas) { counts_.spared += stanzas; }

  // A device is told that its node leaves; is back, with the same session or another; and somebody
  // is told that it is available no more, which must not be while it is on its way. `shown`: the
  // others had been told that it was available.
  void left(const xmpp::Jid& device, bool shown);
  void came_back(const xmpp::Jid& device, bool resumed);
  void told_gone(const std::string& device);
  [[nodiscard]] std::uint64_t next_number() { return ++last_number_; }

  // At a node that answers.
  [[nodiscard]] bool has_living_session(const std::string& resumption_id) const;
  void node_joined(Node& node, std::uint64_t epoch);
  // By whoever holds the lease of that name under that term.
  void chore_done(const std::string& name, std::uint64_t term);
  void acknowledged(int message);
  void answered(int message);
  void sends_again(int message);
  void seen(Device& device, int message, const std::string& stanza_id);
  void handed(Device& device, TimePoint bound, const std::string& stanza_id, bool again);
  void client_acknowledged(Device& device, const std::string& stanza_id);

 private:
  struct OnItsWay {
    bool shown;
    bool said_gone;
  };
  // In world.cc: the course of a run.
  void make_accounts();
  void befriend(Account& a, Account& b);
  bool start_nodes();
  void end_faults();
  void settle(Duration at_most, const std::function<std::string()>& problem, const char* what);
  void everybody(bool connected);
  void log_in_once_more();
  void stop_all();
  // Something of the database, while everything else goes on.
  template <class T>
  T ask(Task<T> task) {
    std::optional<T> result;
    database_.loop().post([&] { database_.gate().spawn(collect(std::move(task), result)); });
    while (!result) clock_.run_for(std::chrono::milliseconds(1));
    return std::move(*result);
  }
  template <class T>
  static Task<void> collect(Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
  }

  // In events.cc: workload and faults.
  void plan();
  void repeat(unsigned per_second, void (World::*what)());
  void send_something();
  void log_in_or_out();
  void drop_something();
  void happen(const std::vector<std::string>& words);
  Node* node_named(const std::string& word);
  Node& start_node(int machine);
  void partition(const std::vector<std::string>& words);
  void cut(const std::vector<std::string>& words);
  void store_fault(const std::vector<std::string>& words);
  void look_for_parked();

  // In check.cc.
  [[nodiscard]] std::string unsettled();
  [[nodiscard]] std::string check_members();
  [[nodiscard]] std::string check_leases();
  [[nodiscard]] std::string check_homes();
  [[nodiscard]] std::string others_say(const xmpp::Jid& account);
  [[nodiscard]] std::string check_presence();
  void check_messages();

  const Scenario scenario_;
  const bool verbose_;
  Clockwork clock_;
  Network network_{clock_};
  Database database_{clock_};
  std::map<int, Duration> clock_errors_;
  std::vector<std::unique_ptr<Node>> nodes_;  // all lives
  std::map<int, Node*> machines_;             // the last life of each
  int last_machine_ = 0;
  std::vector<std::unique_ptr<Account>> accounts_;
  std::vector<Device*> devices_;
  std::vector<Message> messages_{1};
  std::set<std::pair<int, int>> cuts_;
  bool faults_over_ = false;
  bool working_ = false;
  bool disturbed_ = false;
  bool left_ = false;    // a node has
  bool split_ = false;   // nodes did not reach each other
  bool outage_ = false;  // of the store
  int forgetful_ = 0;    // so much goes on that what is noted for a parked session may be lost
  bool missed_ = false;  // a session was parked meanwhile
  bool late_ = false;    // the bus loses so much that what took another way overtakes
  std::map<std::string, OnItsWay> on_their_way_;  // who was told to leave
  std::map<std::string, std::uint64_t> terms_;    // the last under which each chore was done
  std::uint64_t last_number_ = 0;
  Counts counts_;
  std::vector<std::string> violations_;
};

}  // namespace starling::sim
