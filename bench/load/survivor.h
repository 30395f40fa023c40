// Survivor: a client that comes back. When its stream breaks it connects again at once, where the
// server sends it or to the next address, and goes on with its session (XEP-0198) if it can; if not
// it begins a new one, and sends again what was not acknowledged.
#pragma once

#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "loop.h"
#include "options.h"
#include "scram.h"
#include "socket.h"

namespace load {

class Survivor;

// Whoever wants to know what becomes of survivors.
class Witness {
 public:
  virtual ~Witness() = default;
  // Its session goes on, or a new one is bound; it is available, and may speak.
  virtual void on_back(Survivor&, bool resumed) = 0;
  // Its stream broke, or an attempt to come back failed; `why` is a word or two.
  virtual void on_lost(Survivor&, bool was_back, std::string_view why) = 0;
  virtual void on_stanza(Survivor&, std::string_view name, std::string_view text) = 0;
  virtual void on_acknowledged(std::uint64_t message) = 0;
  virtual void on_sent_again(std::uint64_t message) = 0;
};

class Survivor : public Handler {
 public:
  // `servers` may change. `managed`: with stream management.
  Survivor(Loop& loop, const Options& options, const std::vector<Address>& servers,
           Witness& witness, unsigned number, bool managed);

  // Every few milliseconds, from when it is to log in: what is due by now.
  void tick(std::int64_t now);
  // Logs out, as soon as nothing of what it sent waits, and stays away.
  void leave() { wanted_ = false; }
  // Is to be there (again).
  void come() { wanted_ = true; }
  void say(std::uint64_t message, std::string text) { send({std::move(text), message}); }
  void ask(std::string iq) { send({std::move(iq), kNone}); }

  [[nodiscard]] unsigned number() const { return number_; }
  [[nodiscard]] bool managed() const { return managed_; }
  [[nodiscard]] bool is_back() const { return stage_ == Stage::ready; }
  [[nodiscard]] bool is_gone() const { return stage_ == Stage::away && !wanted_ && id_.empty(); }
  // Nothing of what it sent waits to be acknowledged.
  [[nodiscard]] bool is_settled() const { return is_back() && unacknowledged_.empty(); }
  // Counts the sessions; one that is resumed is the same.
  [[nodiscard]] unsigned session() const { return session_; }
  // Stanzas of this session so far, and how many of those of the one before it acknowledged.
  [[nodiscard]] std::uint32_t handled() const { return handled_; }
  [[nodiscard]] std::uint32_t told_before() const { return told_before_; }

  void on_event(bool writable) override;

 private:
  enum class Stage { away, features, challenge, success, resume, bind, enable, ready, leaving };
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
  struct Sent {
    std::string text;
    std::uint64_t message = kNone;
  };

  void connect();
  void send(Sent stanza);
  void read();
  void flush();
  void received(std::string_view bytes);
  void on_element(std::string_view name, std::string_view text);
  void on_features(std::string_view text);
  void on_ready(std::string_view name, std::string_view text);
  void on_error(std::string_view text);
  void log_out();
  void acknowledge();
  void acknowledged(std::string_view h);
  void resumed();
  void begin_session();
  void lost(std::string_view why);
  void try_next();

  Loop& loop_;
  const Options& options_;
  const std::vector<Address>& servers_;
  Witness& witness_;
  unsigned number_;
  bool managed_;
  std::string user_;
  std::minstd_rand random_;
  Socket socket_;
  Stage stage_ = Stage::away;
  bool wanted_ = true;
  bool authenticated_ = false;
  bool watching_writes_ = false;
  std::unique_ptr<Scram> scram_;
  std::string rest_;  // of an element that has not come as a whole

  std::size_t server_;                 // of servers_, the one to try next or in use
  std::optional<Address> redirected_;  // by the server, for the next attempt
  unsigned refusals_ = 0;              // one after the other
  std::int64_t began_ns_ = 0;          // the attempt
  std::int64_t retry_ns_ = 0;          // the next one, while away

  std::string id_;  // by which the session is resumed
  unsigned session_ = 0;
  std::uint32_t handled_ = 0, told_ = 0, told_before_ = 0;
  std::uint32_t counted_ = 0;  // of what it sent, by the server
  std::deque<Sent> unacknowledged_;
  bool asks_at_once_ = false;
  std::int64_t asked_ns_ = 0;
};

}  // namespace load
