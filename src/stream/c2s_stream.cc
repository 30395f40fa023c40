#include "stream/c2s_stream.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "core/server.h"
#include "stream/c2s_service.h"
#include "stream/stanza_counters.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::stream {

using xmpp::StreamCondition;

namespace {
// Seconds after which an <r/> is answered even if the disk has not yet taken what it asks for, so
// that the client sees that the stream is alive.
constexpr std::uint32_t kMaxAckDelay = 5;
}  // namespace

C2sStream::C2sStream(C2sService& service, std::shared_ptr<const C2sOptions> options,
                     std::shared_ptr<net::Connection> connection)
    : service_(&service),
      options_(std::move(options)),
      connection_(std::move(connection)),
      scanner_(&options_->limits_before_auth),
      negotiation_(std::make_unique<Negotiation>()),
      id_(service.new_stream_id()),
      since_s_(service.now_s()),
      last_heard_s_(since_s_),
      phase_(options_->direct_tls ? Phase::tls_handshake : Phase::header) {
  use_shaper(options_->shaper_before_auth);
}

void C2sStream::on_data(std::string_view bytes) {
  last_heard_s_ = service_->now_s();
  pinged_ = false;
  if (shaper_) shaper_->took_bytes(bytes.size(), service_->worker().loop().now());
  if (paused(Pause::held)) {
    negotiation_->held += bytes;
    return;
  }
  process(bytes);
}

// Takes one thing after the other out of the input, until there is nothing whole left, or until an
// answer has to be worked out first: then the rest is kept, and no more is read.
void C2sStream::process(std::string_view input) {
  const auto alive = shared_from_this();
  while (phase_ != Phase::ended) {
    const xml::ScanEvent event = scanner_.next(input);
    if (event.kind == xml::ScanEvent::Kind::need_more) break;
    handle(event, input);
    watch_queue();
    if (paused(Pause::held)) {
      negotiation_->held = input;
      break;
    }
  }
  if (shaper_ && shaper_->timer == 0 && phase_ != Phase::ended) wait_for_shaper();
}

void C2sStream::handle(const xml::ScanEvent& event, std::string_view& rest) {
  switch (event.kind) {
    case xml::ScanEvent::Kind::stream_open:
      return handle_header(event.document->root());
    case xml::ScanEvent::Kind::stream_close:
      forget_note();
      if (managed_) {
        managed_->state->closed();
        send_acknowledgement();
      }
      return finish();
    case xml::ScanEvent::Kind::error:
      return scan_error(event.error);
    case xml::ScanEvent::Kind::stanza:
      if (shaper_) shaper_->took_stanza(service_->worker().loop().now());
      break;
    case xml::ScanEvent::Kind::need_more:
      return;
  }
  switch (phase_) {
    case Phase::negotiation:
      return handle_negotiation(event.document, rest);
    case Phase::binding:
      return handle_binding(event.document);
    case Phase::bound:
      return handle_bound(event.document);
    case Phase::header:
    case Phase::tls_handshake:
    case Phase::detached:
    case Phase::ended:
      return;
  }
}

// Of the host that the client has chosen; the defaults if that is not served (any more).
const config::HostOptions& C2sStream::host_options() const {
  static const config::HostOptions kDefaults;
  const std::string_view name = session_ != nullptr ? session_->jid.domain()
                                : negotiation_      ? std::string_view(negotiation_->host)
                                                    : std::string_view();
  const core::Host* host = service_->worker().server().host(name);
  return host != nullptr ? host->options() : kDefaults;
}

void C2sStream::handle_bound(xml::DocumentPtr document) {
  const xml::Element root = document->root();
  if (root.ns() == xmpp::ns::kClient) return handle_stanza(std::move(document));
  if (root.ns() == xmpp::ns::kStreamManagement) return handle_stream_management(root);
  if (service_->worker().nonza(*session_, root)) return;
  stream_error(StreamCondition::unsupported_stanza_type,
               "expected message, presence or iq in jabber:client");
}

void C2sStream::handle_stanza(xml::DocumentPtr document) {
  // Whatever becomes of it, it counts.
  const xmpp::ReceiptPtr receipt = receipt_for(*document);
  auto stanza = xmpp::Stanza::from_document(document, xmpp::ns::kClient);
  if (stanza) service_->worker().journal().identify(*stanza);
  if (const core::Trace& trace = service_->worker().trace(); trace.watches(session_->jid)) {
    trace.stanza(core::Trace::Direction::in, id_, *session_, document->root(),
                 document->wire().size(), stanza ? stanza->trace_id() : xmpp::TraceId());
  }
  if (!stanza) {
    const auto& malformed = stanza.error();
    if (!malformed.error) {
      return stream_error(StreamCondition::unsupported_stanza_type,
                          "expected message, presence or iq in jabber:client");
    }
    const auto answer = xmpp::make_error_for(document->root(), *malformed.error);
    if (answer) deliver(*answer);
    return;
  }
  count_received(stanza->kind());
  stanza->set_receipt(receipt);
  const auto submitted = service_->worker().router().submit(*session_, std::move(*stanza));
  if (submitted == core::Router::Submitted::invalid_from) {
    stream_error(StreamCondition::invalid_from, "'from' is not an address of this session");
  }
}

bool C2sStream::deliver(const xmpp::Stanza& stanza) {
  if (phase_ == Phase::ended) return false;
  count_sent(stanza.kind());
  note_routed(stanza.receipt());
  if (managed_) {
    managed_->state->sent(stanza);
    ask_for_acknowledgement();
    if (phase_ == Phase::detached) {
      tell_journal(core::Journal::Event::queued, stanza);
      return true;
    }
  }
  tell_journal(managed_ ? core::Journal::Event::sent : core::Journal::Event::delivered, stanza);
  trace_out(stanza);
  stanza.append_to(connection_->output());
  watch_queue();
  return managed_ != nullptr;
}

void C2sStream::tell_journal(core::Journal::Event event, const xmpp::Stanza& stanza) {
  if (session_ == nullptr) return;
  service_->worker().journal().note(event, stanza, session_->id, session_->jid.resource());
}

void C2sStream::trace_out(const xmpp::Stanza& stanza) {
  const core::Trace& trace = service_->worker().trace();
  if (session_ == nullptr || !trace.watches(session_->jid)) return;
  trace.stanza(core::Trace::Direction::out, id_, *session_, stanza);
}

bool C2sStream::congested() const {
  if (managed_) {
    const auto& limits = host_options().stream_management;
    if (managed_->state->unacknowledged() > limits.max_unacked_stanzas / 4 ||
        managed_->state->unacknowledged_bytes() > limits.max_unacked_bytes / 4) {
      return true;
    }
  }
  return phase_ == Phase::bound && connection_->queued_bytes() > options_->max_queued_bytes / 4;
}

std::size_t C2sStream::held_bytes() const {
  const std::size_t unacknowledged = managed_ ? managed_->state->unacknowledged_bytes() : 0;
  return unacknowledged + (phase_ == Phase::bound ? connection_->queued_bytes() : 0);
}

void C2sStream::add_to(StreamMemory& held) const {
  ++held.streams;
  if (connection_ && connection_->is_secure()) ++held.secure;
  if (phase_ == Phase::bound) held.queued += connection_->queued_bytes();
  if (managed_) {
    held.unacknowledged += managed_->state->unacknowledged_bytes();
    held.in_hand += managed_->state->in_hand_bytes();
  } else {
    held.in_hand += in_hand_.bytes;
  }
}

void C2sStream::shed() {
  if (phase_ != Phase::bound && phase_ != Phase::detached) return;
  static metrics::Counter& shed =
      metrics::counter("starling_sessions_shed_total", "Sessions ended for want of memory");
  shed.add();
  log_event(log::Level::warning, "session_shed", {{"queued_bytes", held_bytes()}});
  // A resumable one waits for its client first. If it is still too heavy then, it ends: what is
  // archived is offered again, the rest goes back to its senders.
  if (phase_ == Phase::bound && managed_ && !managed_->id.empty()) return connection_->abort();
  const auto connection = connection_;
  finish();
  if (connection) connection->abort();
}

bool C2sStream::refuse_if_short_of_memory() {
  if (!service_->worker().server().memory_budget().refuses_session()) return false;
  refuse(StreamCondition::resource_constraint, "the server is short of memory; try again later");
  return true;
}

void C2sStream::end(StreamCondition condition, std::string_view text) {
  session_ = nullptr;  // unbound by whoever ends it
  if (const auto full = std::exchange(between_homes_, nullptr);
      full != nullptr && condition == StreamCondition::system_shutdown &&
      service_->worker().gate().spawn(find_new_home(shared_from_this(), *full))) {
    return;
  }
  if (leaving_ && condition == StreamCondition::system_shutdown) return send_elsewhere();
  stream_error(condition, text);
}

std::string C2sStream::remote() const {
  if (!connection_) return "none: disconnected";
  const std::string& address = connection_->remote_address();
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(connection_->remote_port());
}

std::string_view C2sStream::connection() const {
  return connection_ && connection_->is_secure() ? "c2s_tls" : "c2s";
}

void C2sStream::log_event(log::Level level, log::Event event, log::Fields fields) const {
  if (!log::enabled(level, event.subsystem)) return;
  std::vector<log::Field> all(fields);
  if (session_ != nullptr) {
    all.emplace_back("jid", session_->jid.full());
    all.emplace_back("session", session_->id);
  } else if (negotiation_ && !negotiation_->account.empty()) {
    all.emplace_back("jid", negotiation_->account.full());
  } else if (level != log::Level::debug) {
    const auto held_back = service_->strangers_log().pass(service_->worker().loop().now());
    if (!held_back) return;
    if (*held_back > 0) all.emplace_back("not_logged", *held_back);
  }
  all.emplace_back("stream", id_);
  all.emplace_back("remote", remote());
  log::write(level, event, all);
}

void C2sStream::check(std::uint32_t now_s) {
  if (phase_ == Phase::ended) return;
  if (phase_ == Phase::detached) {
    if (now_s - last_heard_s_ < managed_->timeout.count()) return;
    log_event(log::Level::info, "resumption_timed_out");
    return finish();
  }
  if (phase_ != Phase::bound) {
    if (now_s - since_s_ > options_->negotiation_timeout.count()) {
      stream_error(StreamCondition::connection_timeout, "no session within the time allowed");
    }
    return;
  }
  if (managed_) managed_->state->release_memory();
  if (connection_->queued_bytes() <= options_->max_queued_bytes) sent_again_ = 0;
  if (managed_ && managed_->state->asked_and_waiting() &&
      now_s - managed_->since_s > kMaxAckDelay) {
    send_acknowledgement();
    note();
  }
  // It is not the client who is silent.
  if (paused(Pause::shaper) || paused(Pause::in_hand) || paused(Pause::replaced)) return;
  const auto silent = static_cast<std::int64_t>(now_s - last_heard_s_);
  const auto& ping = host_options().ping;
  if (silent <= ping.interval.count()) return;
  if (silent > ping.interval.count() + ping.ack_timeout.count()) {
    if (!managed_ || managed_->id.empty()) {
      return stream_error(StreamCondition::connection_timeout, "no answer to a ping");
    }
    log_event(log::Level::info, "client_silent");
    return connection_->abort();  // the session may be resumed
  }
  if (std::exchange(pinged_, true)) return;
  // With stream management an <r/> is a question as well, and no stanza that would be counted.
  if (managed_) return connection_->send("<r xmlns='urn:xmpp:sm:3'/>");
  xml::Writer w;
  w.open("iq").attribute("type", "get").attribute("id", "ping" + random_token(8));
  w.attribute("from", session_->jid.domain()).attribute("to", session_->jid.full());
  w.open("ping", xmpp::ns::kPing).close().close();
  connection_->send(w.view());
}

void C2sStream::scan_error(xml::ScanError error) {
  StreamCondition condition = StreamCondition::not_well_formed;
  switch (error) {
    case xml::ScanError::restricted_xml:
      condition = StreamCondition::restricted_xml;
      break;
    case xml::ScanError::unsupported_encoding:
      condition = StreamCondition::unsupported_encoding;
      break;
    case xml::ScanError::bad_namespace_prefix:
      condition = StreamCondition::bad_namespace_prefix;
      break;
    case xml::ScanError::bad_format:
      condition = StreamCondition::bad_format;
      break;
    case xml::ScanError::too_large:
    case xml::ScanError::too_deep:
    case xml::ScanError::too_many_attributes:
    case xml::ScanError::too_many_elements:
      condition = StreamCondition::policy_violation;
      break;
    case xml::ScanError::none:
    case xml::ScanError::not_well_formed:
    case xml::ScanError::bad_encoding:
      break;
  }
  metrics::counter("starling_parse_errors_total", "Streams ended for what they sent as XML",
                   {{"error", std::string(xml::to_string(error))}})
      .add();
  stream_error(condition, xml::to_string(error));
}

// RFC 6120 section 4.9: our header first if it is not sent yet, the error, and the end.
void C2sStream::stream_error(StreamCondition condition, std::string_view text) {
  if (phase_ == Phase::ended) return;
  log_event(log::Level::info, "stream_error",
            {{"condition", to_string(condition)}, {"error", text}});
  end_with_error(condition, text);
}

void C2sStream::refuse(StreamCondition condition, std::string_view text) {
  if (phase_ == Phase::ended) return;
  log_event(log::Level::debug, "connection_refused",
            {{"condition", to_string(condition)}, {"error", text}});
  end_with_error(condition, text);
}

void C2sStream::end_with_error(StreamCondition condition, std::string_view text) {
  metrics::counter("starling_stream_errors_total", "Streams ended by us with an error",
                   {{"condition", std::string(to_string(condition))}})
      .add();
  if (phase_ != Phase::tls_handshake && phase_ != Phase::detached) {
    if (!header_sent_) open_stream("");
    if (managed_) send_acknowledgement();
    connection_->send(xmpp::stream_error_xml(condition, text));
  }
  finish();
}

// Both sides' last word (section 4.4); the answer to a client's </stream:stream> goes out at once.
void C2sStream::finish() {
  if (phase_ == Phase::ended) return;
  stop_shaping();
  forget_note();
  const bool detached = phase_ == Phase::detached;
  if (!detached && header_sent_ && phase_ != Phase::tls_handshake) {
    connection_->send("</stream:stream>");
  }
  phase_ = Phase::ended;
  if (managed_) service_->not_resumable(managed_->id, *this, managed_->state->handled());
  if (session_ != nullptr) {
    log_event(log::Level::info, "session_closed");
    service_->worker().unbind(*std::exchange(session_, nullptr));
  }
  if (!detached) return connection_->close();
  // Not at once: whoever ends it may be walking over the streams.
  service_->worker().loop().post([self = shared_from_this()] { self->service_->remove(*self); });
}

void C2sStream::on_disconnected(net::CloseReason reason, std::string_view detail) {
  stop_shaping();
  if (phase_ != Phase::ended) {
    log_event(log::Level::info, "connection_lost",
              {{"reason", net::to_string(reason)}, {"error", detail}});
  }
  if (phase_ == Phase::bound && managed_ && !managed_->id.empty()) return keep_for_resumption();
  const auto alive = service_->remove(*this);
  phase_ = Phase::ended;
  if (session_ != nullptr) service_->worker().unbind(*std::exchange(session_, nullptr));
}

}  // namespace starling::stream
