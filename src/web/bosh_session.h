// BoshSession: an XMPP stream over BOSH (XEP-0124, XEP-0206), as a net::Connection, so that a
// C2sStream speaks on it as on any other. Requests come over any number of HTTP connections, on any
// worker; the session is on one loop at a time and moves with its stream.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/connection.h"
#include "net/connection_budget.h"
#include "web/bosh_body.h"

namespace starling::web {

// What was agreed when the session was made (section 7).
struct BoshTerms {
  std::chrono::seconds wait{60};  // the longest that a request is held
  std::size_t hold = 1;           // so many are, at most
  std::chrono::seconds inactivity{60};
  std::chrono::seconds polling{2};
  std::chrono::seconds max_pause{120};

  // What a client asks for, as far as we go along.
  static BoshTerms of(const BoshRequest& request);
  [[nodiscard]] std::size_t requests() const { return hold + 1; }
  // No request is ever held: the client comes and looks.
  [[nodiscard]] bool polls() const { return hold == 0 || wait.count() == 0; }
};

class BoshSession final : public net::Connection, public std::enable_shared_from_this<BoshSession> {
 public:
  // Gets the <body/> that answers a request; on the session's loop, once.
  using Answer = std::move_only_function<void(std::string body)>;

  // `gone` runs when there is no such session any more.
  BoshSession(EventLoop& loop, std::string sid, BoshTerms terms, std::string remote_address,
              bool secure, Callback gone);
  ~BoshSession() override;
  BoshSession(const BoshSession&) = delete;
  BoshSession& operator=(const BoshSession&) = delete;

  // Answers the request; on the session's loop, wherever that is by then. On any thread. The first
  // one is that which made the session.
  void take(BoshRequest request, Answer answer);

  // Given back when it ends.
  void keep(net::ConnectionBudget::Ticket ticket) { ticket_ = std::move(ticket); }

  // net::Connection
  void set_handler(net::ConnectionHandler* handler) override { handler_ = handler; }
  std::string& output() override;
  [[nodiscard]] std::size_t queued_bytes() const override { return out_.size() + ready_bytes_; }
  // Never: TLS, if any, is below HTTP.
  void start_tls(std::shared_ptr<net::TlsContext> tls, std::string server_name) override;
  [[nodiscard]] bool is_secure() const override { return secure_; }
  [[nodiscard]] net::TlsInfo tls_info() const override { return {}; }
  [[nodiscard]] std::optional<std::string> channel_binding(std::string_view) const override {
    return std::nullopt;  // requests come over many connections
  }
  void close() override;
  void abort() override { die(net::CloseReason::closed_by_us, ""); }
  [[nodiscard]] bool is_open() const override { return state_ == State::open; }
  void pause_reading() override { reading_ = false; }
  void resume_reading() override;
  void move_to(EventLoop& target, Callback arrived) override;
  [[nodiscard]] const std::string& remote_address() const override { return remote_address_; }
  [[nodiscard]] std::uint16_t remote_port() const override { return 0; }

 private:
  enum class State : std::uint8_t { open, closing, dead };
  struct Early {
    BoshRequest request;
    Answer answer;
  };
  struct Held {
    std::uint64_t rid;
    Answer answer;
    TimePoint until;
  };
  using Here = BoshSession*;

  void take_here(BoshRequest request, Answer answer);
  [[nodiscard]] bool too_often(const BoshRequest& request);
  void work_planned();
  // Does what is due: requests in their order, then answers, then the timer.
  void work();
  void take_requests();
  void hand_up(std::string_view bytes);
  void cut_output();
  void answer_requests();
  void answer_oldest();
  void write_terms(std::string& body);
  void set_timer();
  void plan_work();
  void refuse(Answer answer, std::string_view condition);
  void die(net::CloseReason reason, std::string_view detail);

  std::atomic<EventLoop*> loop_;
  const std::string sid_;
  const BoshTerms terms_;
  const std::string remote_address_;
  net::ConnectionBudget::Ticket ticket_;
  const bool secure_;
  Callback gone_;
  net::ConnectionHandler* handler_ = nullptr;
  std::shared_ptr<Here> here_;  // what calls that are planned on this loop go by

  std::uint64_t next_rid_ = 0;            // of the request that is to be taken next; 0: the first
  std::map<std::uint64_t, Early> early_;  // not taken yet
  std::deque<Held> held_;                 // taken, not answered; in order
  std::deque<std::pair<std::uint64_t, std::string>> answered_;  // the last ones, to be given again
  TimePoint idle_since_;             // when the last request was answered
  std::chrono::seconds patience_;    // how long there may be none
  std::optional<TimePoint> polled_;  // when a request came with nothing in it
  TimerId timer_ = 0;

  std::string out_;                // what the stream has said in this turn
  std::deque<std::string> ready_;  // what it has said before, in elements
  std::size_t ready_bytes_ = 0;
  std::string header_;  // its header, until the answer that tells of it
  BoshRequest first_;   // who wants what, for a restart
  State state_ = State::open;
  bool reading_ = true;
  bool work_planned_ = false;
  bool moving_ = false;
  bool doomed_ = false;  // died while it moved
  bool terms_told_ = false;
  bool failed_ = false;  // a stream error was said
  bool ended_ = false;   // its end was said
};

}  // namespace starling::web
