// C2sStream: one client's XML stream (RFC 6120), from accept to the last </stream:stream>.
//
// Negotiates TLS, SASL and resource binding, then turns what the client sends into stanzas for the
// router and what the session receives into bytes. Once authenticated it moves, with its
// connection, to the home worker of its account and stays there.
//
// Used on one worker's thread at a time. Held by the C2sService of that worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "cluster/wire.h"
#include "core/login_guard.h"
#include "core/session.h"
#include "core/worker.h"
#include "net/connection.h"
#include "stream/c2s_options.h"
#include "stream/sasl_exchange.h"
#include "stream/shaper.h"
#include "stream/stream_management.h"
#include "xml/stream_scanner.h"
#include "xml/writer.h"
#include "xmpp/errors.h"

namespace starling::core {
class Arriving;
}

namespace starling::stream {

class C2sService;
struct StreamMemory;

class C2sStream final : public net::ConnectionHandler,
                        public core::Outbox,
                        public Intake,
                        public std::enable_shared_from_this<C2sStream> {
 public:
  C2sStream(C2sService& service, std::shared_ptr<const C2sOptions> options,
            std::shared_ptr<net::Connection> connection);

  // net::ConnectionHandler
  void on_data(std::string_view bytes) override;
  void on_tls_established() override;
  void on_disconnected(net::CloseReason reason, std::string_view detail) override;

  // core::Outbox
  bool deliver(const xmpp::Stanza& stanza) override;
  std::vector<xmpp::Stanza> take_unacknowledged() override;
  [[nodiscard]] bool congested() const override;
  void end(xmpp::StreamCondition condition, std::string_view text) override;
  void leave(core::Leaving why) override;
  [[nodiscard]] bool resumable() const override {
    return phase_ == Phase::bound && managed_ && !managed_->id.empty() && !leaving_;
  }
  [[nodiscard]] std::int64_t lost_until_us() const override;
  [[nodiscard]] std::string remote() const override;
  [[nodiscard]] std::string_view connection() const override;

  // Intake
  void dealt_with(std::uint32_t number, std::size_t bytes) override;

  // Called by the service every few seconds: finds streams that are stuck or dead. `now_s` counts
  // seconds from any fixed point.
  void check(std::uint32_t now_s);

 private:
  friend class C2sService;

  enum class Phase : std::uint8_t {
    header,         // waiting for the client's stream header
    negotiation,    // features sent; waiting for starttls, auth, response, abort
    tls_handshake,  // <proceed/> sent
    binding,        // authenticated; waiting for the bind request
    bound,          // a session
    detached,       // the connection is lost; the session may be resumed (XEP-0198)
    ended,          // our </stream:stream> is sent
  };

  // Why nothing is read from the client at the moment; as many reasons at once as there are.
  enum class Pause : std::uint8_t {
    held = 1,     // an answer is being worked out; see hold()
    in_hand = 2,  // too many of its stanzas wait for the disk
    shaper = 4,   // it was faster than it may be
    replaced = 8  // its session is being resumed on another stream
  };

  // What one call of on_data holds for us; see process().
  void process(std::string_view input);
  void handle(const xml::ScanEvent& event, std::string_view& rest);
  void handle_header(const xml::Element& header);
  void handle_negotiation(xml::DocumentPtr document, std::string_view& rest);
  void handle_starttls(std::string_view& rest);
  void handle_registration(xml::DocumentPtr document);
  void handle_binding(xml::DocumentPtr document);
  Task<void> bind(std::shared_ptr<C2sStream> self, xmpp::Jid full, xml::DocumentPtr request);
  void not_bound(Errc why);
  void handle_bound(xml::DocumentPtr document);
  void handle_stanza(xml::DocumentPtr document);
  xmpp::ReceiptPtr receipt_for(const xml::Document& document);
  [[nodiscard]] bool in_hand_exceeds_part(std::size_t divisor) const;
  void read_on();

  // Stream management; in c2s_resumption.cc.
  void handle_stream_management(const xml::Element& element);
  void handle_enable(const xml::Element& enable);
  void handle_resume(const xml::Element& resume);
  void handle_acknowledgement(const xml::Element& a);
  Task<void> resume_when_ready(std::shared_ptr<C2sStream> self, std::string id, std::uint32_t h);
  void resume(C2sStream& former, std::uint32_t h);
  void resumed(std::uint32_t h);
  // The same across nodes; in c2s_takeover.cc.
  Task<void> resume_from_elsewhere(std::shared_ptr<C2sStream> self, std::string id,
                                   std::uint32_t h);
  struct Search {
    TimePoint until;  // then what was claimed by another is given up
    bool looked_twice = false;
  };
  Task<bool> try_to_resume(std::shared_ptr<C2sStream> self, std::string id, std::uint32_t h,
                           Search* search);
  static constexpr const char* kNotNow =
      "the session cannot be resumed at the moment; please try again";
  // What was parked in the store; in c2s_parking.cc.
  Task<void> park(std::shared_ptr<C2sStream> self);
  Task<void> park_in_turn(std::shared_ptr<C2sStream> self);
  [[nodiscard]] core::StreamState state_to_park() const;
  // The account's home leaves, this node does not: the session goes on here with another home.
  Task<void> find_new_home(std::shared_ptr<C2sStream> self, xmpp::Jid full);
  Task<void> settle_at_new_home(std::shared_ptr<C2sStream> self, core::ParkedSession parked,
                                std::unique_ptr<core::Arriving> counted);
  void go_on_with(core::ParkedSession parked);
  Task<void> resume_parked(std::shared_ptr<C2sStream> self, core::ParkedSession parked,
                           std::uint32_t h, std::unique_ptr<core::Arriving> counted);
  Task<bool> leave_for_later(const core::ParkedSession& parked, Errc why);
  bool take_over(core::SessionId expected, std::uint64_t former_node, const std::string& id,
                 cluster::Decoder& state);
  [[nodiscard]] std::string hand_over(bus::NodeId to, core::SessionId expected);
  void fail_stream_management(std::string_view condition, std::string_view attributes = {});
  [[nodiscard]] bool acknowledge(std::uint32_t h);
  void handled_count_too_high(std::uint32_t h);
  void use(std::shared_ptr<StreamManagement> management);
  void progressed();
  void answer();
  void send_acknowledgement();
  // What a crash is to leave of the session (core/remains.h): writes it down; it ends for good.
  void note();
  Task<void> write_note(std::shared_ptr<C2sStream> self);
  void forget_note();
  void ask_for_acknowledgement();
  void keep_for_resumption();
  bool keep_without_client(const std::shared_ptr<C2sStream>& self);
  void too_much_unacknowledged();

  [[nodiscard]] bool turn_to_other_node();
  void open_stream(std::string_view to);
  void send_features();
  void write_limits(xml::Writer& w) const;
  Task<void> authenticate(std::shared_ptr<C2sStream> self, xml::DocumentPtr document);
  [[nodiscard]] bool may_register() const;
  Task<void> register_account(std::shared_ptr<C2sStream> self, xml::DocumentPtr document,
                              xmpp::Jid account, std::string password, Duration delay);
  // Who asks, for access rules.
  [[nodiscard]] config::Subject subject(const xmpp::Jid* jid) const;
  [[nodiscard]] bool may_enter(const xmpp::Jid& account) const;
  void authenticated(const SaslExchange::Step& step);
  [[nodiscard]] core::LoginGuard::Attempt attempt(const xmpp::Jid& account) const;
  // While the stream is held: answers when the time has passed, if it is still there.
  void answer_after(Duration delay, Callback answer);
  // True, and the stream is ended, if nobody at its address is to be let in.
  bool refuse_if_banned();
  void go_home(const xmpp::Jid& account, std::string success);
  void restart();

  // Nothing more is read from the client until go_on(): an answer is being worked out.
  void hold();
  void go_on();

  // One line in the log about this stream: what is known of jid, session, stream and remote comes
  // behind `fields`.
  void log_event(log::Level level, log::Event event, log::Fields fields = {}) const;
  void trace_out(const xmpp::Stanza& stanza);
  void tell_journal(core::Journal::Event event, const xmpp::Stanza& stanza);

  // Bytes that are kept for the client; and what is done to keep them no longer.
  [[nodiscard]] std::size_t held_bytes() const;
  void add_to(StreamMemory& held) const;
  void shed();
  // True, and the stream is ended, if the node has no memory for another session.
  bool refuse_if_short_of_memory();

  [[nodiscard]] const config::HostOptions& host_options() const;

  // In c2s_limits.cc.
  void pause(Pause why);
  void unpause(Pause why);
  [[nodiscard]] bool paused(Pause why) const { return (pauses_ & static_cast<unsigned>(why)) != 0; }
  void use_shaper(std::shared_ptr<const config::Shaper> limits);
  [[nodiscard]] std::shared_ptr<const config::Shaper> shaper_of_session() const;
  void stop_shaping();
  void wait_for_shaper();
  [[nodiscard]] std::size_t max_queued() const;
  void watch_queue();
  void drop_if_too_slow();

  void stream_error(xmpp::StreamCondition condition, std::string_view text);
  // The client is to come back at once, to another node if that is known.
  void send_elsewhere();
  // The same where there may be many of it: the log has said why, once.
  void refuse(xmpp::StreamCondition condition, std::string_view text);
  void end_with_error(xmpp::StreamCondition condition, std::string_view text);
  void scan_error(xml::ScanError error);
  void finish();

  C2sService* service_;
  std::shared_ptr<const C2sOptions> options_;
  std::shared_ptr<net::Connection> connection_;
  xml::StreamScanner scanner_;
  core::Session* session_ = nullptr;  // owned by the worker's directory, while bound

  // Gone once bound.
  struct Negotiation {
    std::string host;   // the domain of the stream
    xmpp::Jid account;  // once authenticated
    std::unique_ptr<SaslExchange> sasl;
    int registrations = 0;  // tried (XEP-0077)
    bool registered = false;
    std::string held;  // input that came while an answer was being worked out
  };
  std::unique_ptr<Negotiation> negotiation_;

  // Once the client has enabled it.
  struct Managed {
    std::shared_ptr<StreamManagement> state;
    std::string id;  // to resume by; "": it cannot be
    std::chrono::seconds timeout{0};
    bool asked = false;        // an <r/> of ours is not yet answered
    bool ask_planned = false;  // one will go out at the end of this turn
    bool answer_planned = false;
    bool too_much = false;
    std::uint32_t since_s = 0;          // when the oldest <r/> of the client came that waits
    std::uint32_t sent_when_asked = 0;  // so many stanzas in all
  };
  std::unique_ptr<Managed> managed_;
  // Of a client that has not: only how much is in hand.
  struct InHand {
    std::uint32_t stanzas = 0;
    std::uint32_t bytes = 0;
  };
  InHand in_hand_;

  std::unique_ptr<Shaper> shaper_;                  // none: it may send as it likes
  std::unique_ptr<const xmpp::Jid> between_homes_;  // whose session; nullptr: it is not

  std::uint64_t id_;                // of this stream, for the log
  std::uint32_t index_ = 0;         // in the service's list
  std::uint32_t since_s_ = 0;       // when it was accepted
  std::uint32_t last_heard_s_ = 0;  // when bytes last came; or the connection was lost
  Phase phase_ = Phase::header;
  std::uint8_t pauses_ = 0;  // of Pause
  bool header_sent_ = false;
  bool pinged_ = false;
  bool overflowed_ = false;
  bool leaving_ = false;  // its client is about to be sent elsewhere
  bool being_parked_ = false;
  std::size_t sent_again_ = 0;  // bytes queued at once on resumption: not the client's slowness
};

}  // namespace starling::stream
