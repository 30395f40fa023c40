// Device: a client of a run: connects, is dropped, connects again somewhere, sends, and knows what
// it has seen.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sim/stream.h"
#include "xmpp/jid.h"

namespace starling::sim {

struct Account;

// The number in a message's id or body, "m17"; 0 if there is none.
[[nodiscard]] int number_of(std::string_view text);
[[nodiscard]] int message_in(const std::string& xml);
// "" if there is none.
[[nodiscard]] std::string stanza_id_of(const std::string& xml);

class Device {
 public:
  Device(World& world, Account& account, std::string resource, bool managed);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] Account& account() { return account_; }
  [[nodiscard]] const xmpp::Jid& jid() const { return jid_; }
  [[nodiscard]] bool managed() const { return managed_; }
  [[nodiscard]] bool online() const { return state_ == State::online; }
  [[nodiscard]] bool wanted() const { return wanted_; }
  // Nothing is on its way or waits.
  [[nodiscard]] bool quiet() const;

  // Whether it is to be connected.
  void want(bool connected);
  // Its connection breaks; the server learns of it at some time, and the client.
  void drop();
  void send(int message, std::string xml);

  // --- what the server tells, as it arrives ---

  void bound();
  void refused();
  void resumed(std::uint32_t h);
  // `h`: what the server nevertheless says it has dealt with.
  void not_resumed(std::optional<std::uint32_t> h);
  void ended(std::string_view why);
  void connection_lost();
  void acknowledged(std::uint32_t h);
  void received(const std::string& xml);

  [[nodiscard]] const std::shared_ptr<Connection>& connection() const { return connection_; }
  [[nodiscard]] const std::shared_ptr<Stream>& stream() const { return stream_; }
  // Full JIDs that it takes for available.
  [[nodiscard]] const std::map<std::string, bool>& contacts() const { return contacts_; }

 private:
  enum class State : std::uint8_t { offline, connecting, online };
  struct Sent {
    int message;
    std::string xml;
  };

  void connect();
  void connect_later();
  void bind_at(Node& node);
  void forget_session();
  void look_after(const std::shared_ptr<Connection>& connection);
  void look_at_progress(const std::shared_ptr<Connection>& connection);
  void to_server(std::function<void(Stream&)> said);
  void transmit(Sent sent);
  void pass_on(const Sent& sent);
  void plan_acknowledgement();

  World& world_;
  Account& account_;
  const xmpp::Jid jid_;
  const bool managed_;
  bool wanted_ = false;
  State state_ = State::offline;
  bool retrying_ = false;
  bool resumable_ = false;  // it knows of its session
  std::string session_;     // its id
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Stream> stream_;

  std::deque<Sent> unacknowledged_;  // sent on this session
  std::uint32_t first_ = 0;          // so many before them were acknowledged
  std::deque<Sent> waiting_;         // for a session
  TimePoint progress_{};             // the server was heard, or nothing was due

  std::uint32_t received_ = 0;  // on this session
  bool planned_ = false;
  std::map<std::string, bool> contacts_;
};

}  // namespace starling::sim
