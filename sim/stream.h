// Stream: the server's end of a client's connection: what stream/ is to core, without bytes.
//
// With stream management (XEP-0198) it keeps what the client has not acknowledged, tells which of
// the client's stanzas were dealt with, counted as a real stream counts them, and outlives its
// connection for a while, to be resumed.
// Lives on the worker of its account; what goes to the client takes the connection's time.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/session.h"
#include "core/worker.h"
#include "sim/loop.h"
#include "stream/stream_management.h"
#include "xmpp/stanza.h"

namespace starling::sim {

class Device;
class Node;
class World;

// Both directions of a connection: in order, and lost as a whole.
struct Connection {
  bool open = true;
  TimePoint last_up{};
  TimePoint last_down{};
};

class Stream final : public core::Outbox, public std::enable_shared_from_this<Stream> {
 public:
  Stream(World& world, Node& node, Device& device, bool managed);

  [[nodiscard]] Node& at() { return node_; }
  [[nodiscard]] std::size_t worker_index() const { return index_; }
  [[nodiscard]] bool detached() const { return session_ != nullptr && connection_ == nullptr; }
  [[nodiscard]] const core::Session* session() const { return session_; }
  [[nodiscard]] const xmpp::Jid& jid() const { return jid_; }

  // --- on the worker's loop, as the client's bytes come ---

  void bind(std::shared_ptr<Connection> connection);
  void came(const std::string& xml, int message);  // a stanza; the number of its message, or 0
  void client_has(std::uint32_t h);
  void resume(std::shared_ptr<Connection> connection, std::uint32_t h);
  // The session of another stream, which was parked in the store under this id.
  void resume_parked(std::shared_ptr<Connection> connection, std::string id, std::uint32_t h);
  [[nodiscard]] const std::string& id() const { return id_; }
  void connection_lost(const std::shared_ptr<Connection>& connection);
  void closed_by_client() { unbind(); }
  void shut_down();

  // The process is gone; its memory is not touched any more.
  void node_crashed();

  // --- Outbox ---

  bool deliver(const xmpp::Stanza& stanza) override;
  std::vector<xmpp::Stanza> take_unacknowledged() override;
  [[nodiscard]] bool congested() const override { return queue_.size() > 200; }
  void end(xmpp::StreamCondition condition, std::string_view text) override;
  void leave(core::Leaving why) override;
  [[nodiscard]] std::string remote() const override { return "sim"; }

 private:
  Task<void> bind_in_turn(std::shared_ptr<Stream> self);
  Task<void> claim(std::shared_ptr<Stream> self, std::string id, std::uint32_t h);
  Task<void> bind_parked(std::shared_ptr<Stream> self, core::ParkedSession parked, std::uint32_t h);
  void go_on_with(core::ParkedSession parked);
  Task<void> find_new_home(std::shared_ptr<Stream> self);
  Task<void> settle_at_new_home(std::shared_ptr<Stream> self, core::ParkedSession parked);
  void park_if_ready();
  Task<void> park_in_turn(std::shared_ptr<Stream> self);
  [[nodiscard]] core::StreamState state_to_park() const;
  core::Worker& worker();
  SimLoop& loop();
  void use(std::shared_ptr<stream::StreamManagement> state);
  void plan_answer();
  void answer();
  void count_up_to(std::uint32_t h);
  void note();
  Task<void> write_note(std::shared_ptr<Stream> self);
  void forget_note();
  void send_on(std::shared_ptr<Connection> connection, std::function<void(Device&)> told);
  void to_client(std::function<void(Device&)> told);
  void send(const xmpp::Stanza& stanza);
  void look_at(const xmpp::Stanza& stanza);
  void unbind();
  void close();
  void tell(std::string_view what);
  void resume_if_ready();

  World& world_;
  Node& node_;
  Device& device_;
  const bool managed_;
  const xmpp::Jid jid_;
  const std::size_t index_;
  std::shared_ptr<Connection> connection_;
  core::Session* session_ = nullptr;
  bool over_ = false;
  bool leaving_ = false;
  bool between_homes_ = false;  // the account's home leaves, this node does not
  std::vector<std::function<void()>> unread_;
  std::string id_;  // to resume by
  TimePoint bound_at_{};
  TimerId detached_timer_ = 0;

  // From the client.
  std::shared_ptr<stream::StreamManagement> state_;
  std::deque<int> messages_;  // for each stanza behind told_ the number of its message
  std::uint32_t told_ = 0;    // to the client: so many were dealt with
  bool noted_ = false;
  bool answer_planned_ = false;

  // To the client.
  std::deque<xmpp::Stanza> queue_;
  std::uint32_t acknowledged_ = 0;
  std::set<std::string> delivered_;  // stanza ids

  std::shared_ptr<Connection> resuming_;
  std::uint32_t resuming_h_ = 0;
};

}  // namespace starling::sim
