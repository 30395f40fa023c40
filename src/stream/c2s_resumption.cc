// Stream management on a client's stream (XEP-0198): acknowledgements both ways, and resumption.
// The counters are in stream_management.h, the rest of C2sStream in c2s_stream.cc.
//
// A session whose connection is lost stays with its stream, which is then detached: it goes on
// queueing what comes, until a new stream takes the session over or the time to do so has passed.
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/pause.h"
#include "base/random.h"
#include "core/limits_hit.h"
#include "core/node_calls.h"
#include "core/server.h"
#include "stream/c2s_service.h"
#include "stream/c2s_stream.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::stream {

using xmpp::StreamCondition;

namespace {

constexpr std::size_t kIdCharacters = 26;
constexpr std::chrono::seconds kNoteAgain{1};  // if it could not be written
constexpr std::chrono::milliseconds kLookAgain{20};

std::optional<std::uint32_t> number(const xml::Element& element, std::string_view attribute) {
  const auto text = element.attribute(attribute);
  if (!text) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

bool is_true(const xml::Element& element, std::string_view attribute) {
  const auto text = element.attribute(attribute).value_or("");
  return text == "true" || text == "1";
}

}  // namespace

void C2sStream::handle_stream_management(const xml::Element& element) {
  if (element.name() == "resume") return handle_resume(element);
  if (element.name() == "enable") return handle_enable(element);
  if (!managed_ || (element.name() != "r" && element.name() != "a")) {
    return fail_stream_management("unexpected-request");
  }
  if (element.name() == "a") return handle_acknowledgement(element);
  auto& state = *managed_->state;
  if (!state.asked_and_waiting()) managed_->since_s = service_->now_s();
  state.asked();
  if (state.answerable()) answer();
}

// Section 3.
void C2sStream::handle_enable(const xml::Element& enable) {
  if (phase_ != Phase::bound) return fail_stream_management("unexpected-request");
  if (managed_) {
    return stream_error(StreamCondition::policy_violation, "stream management is enabled already");
  }
  managed_ = std::make_unique<Managed>();
  use(std::make_shared<StreamManagement>(service_->worker().loop()));
  xml::Writer w;
  w.open("enabled", xmpp::ns::kStreamManagement);
  if (is_true(enable, "resume")) {
    const auto& options = host_options().stream_management;
    managed_->timeout = options.resume_timeout;
    if (const auto wanted = number(enable, "max")) {
      managed_->timeout = std::min(std::chrono::seconds(*wanted), options.max_resume_timeout);
    }
    managed_->id = random_token(kIdCharacters);
    managed_->state->resumable_by(managed_->id);
    service_->resumable(managed_->id, *this);
    w.attribute("resume", "true").attribute("id", managed_->id);
    w.attribute("max", std::to_string(managed_->timeout.count()));
    w.attribute_if("location", options.location);
  }
  w.close();
  connection_->send(w.view());
}

void C2sStream::use(std::shared_ptr<StreamManagement> management) {
  managed_->state = std::move(management);
  // It may outlive this stream: a note is being written, and another stream takes it over.
  managed_->state->on_progress([weak = weak_from_this()] {
    const auto alive = weak.lock();
    if (alive && alive->managed_) alive->progressed();
  });
}

void C2sStream::progressed() {
  read_on();
  if (!managed_->state->answerable() || std::exchange(managed_->answer_planned, true)) return;
  service_->worker().loop().at_turn_end([self = shared_from_this()] {
    if (!self->managed_) return;  // its session was resumed on another stream
    self->managed_->answer_planned = false;
    if (self->managed_->state->answerable()) self->answer();
  });
}

// As far as a crash would leave it; the rest when that is written. What comes meanwhile waits for
// the next note, however much it is.
void C2sStream::answer() {
  if (managed_->state->answer_due()) send_acknowledgement();
  if (managed_->state->answerable()) note();
}

void C2sStream::note() {
  const StreamManagement& state = *managed_->state;
  if (session_ == nullptr || !state.to_note() || state.noting()) return;
  service_->worker().gate().spawn(write_note(shared_from_this()));
}

// The first parameter keeps the stream alive; what it manages may go to another meanwhile.
Task<void> C2sStream::write_note(std::shared_ptr<C2sStream> /*self*/) {
  core::Worker& worker = service_->worker();
  const auto state = managed_->state;
  const auto last = session_->visiting ? core::Remains::kNoMarks : worker.archive().last_id();
  const core::Remains::Note note = state->begin_note(last);
  const bool written = co_await worker.remains().write(session_->jid.to_bare(), managed_->id, note);
  if (!written) co_await starling::pause(worker.loop(), kNoteAgain);
  state->noted(note.handled, written);
}

void C2sStream::forget_note() {
  if (session_ == nullptr || !managed_ || !managed_->state->to_forget()) return;
  service_->worker().remains().erase(session_->jid.to_bare(), managed_->id);
  managed_->state->forgotten();
}

void C2sStream::send_acknowledgement() {
  managed_->state->answered();
  managed_->since_s = service_->now_s();
  if (phase_ != Phase::bound) return;
  connection_->send("<a xmlns='urn:xmpp:sm:3' h='" + std::to_string(managed_->state->told()) +
                    "'/>");
}

// Called for every stanza sent: asks at the end of the turn, if there is not a question out
// already.
void C2sStream::ask_for_acknowledgement() {
  const auto& state = *managed_->state;
  const auto& limits = host_options().stream_management;
  if (!managed_->too_much && (state.unacknowledged() > limits.max_unacked_stanzas ||
                              state.unacknowledged_bytes() > limits.max_unacked_bytes)) {
    managed_->too_much = true;
    service_->worker().loop().at_turn_end(
        [self = shared_from_this()] { self->too_much_unacknowledged(); });
  }
  if (managed_->asked || std::exchange(managed_->ask_planned, true)) return;
  service_->worker().loop().at_turn_end([self = shared_from_this()] {
    if (!self->managed_) return;
    self->managed_->ask_planned = false;
    if (self->phase_ != Phase::bound || self->managed_->state->unacknowledged() == 0) return;
    self->managed_->asked = true;
    self->managed_->sent_when_asked = self->managed_->state->sent_count();
    self->connection_->send("<r xmlns='urn:xmpp:sm:3'/>");
  });
}

void C2sStream::too_much_unacknowledged() {
  if (!managed_ || session_ == nullptr) return;
  core::limit_hit(core::Limit::unacknowledged);
  log_event(log::Level::warning, "too_much_unacknowledged",
            {{"stanzas", managed_->state->unacknowledged()},
             {"bytes", managed_->state->unacknowledged_bytes()}});
  stream_error(StreamCondition::policy_violation, "too many stanzas are not acknowledged");
}

void C2sStream::handle_acknowledgement(const xml::Element& a) {
  const auto h = number(a, "h");
  if (!h) return stream_error(StreamCondition::invalid_xml, "an <a/> needs a number 'h'");
  managed_->asked = false;
  if (!acknowledge(*h)) return handled_count_too_high(*h);
  // A client that acknowledges less than it got (some do not count what they asked for) is not
  // asked again before it gets more.
  const bool sent_since = managed_->state->sent_count() != managed_->sent_when_asked;
  if (sent_since && managed_->state->unacknowledged() > 0) ask_for_acknowledgement();
}

bool C2sStream::acknowledge(std::uint32_t h) {
  std::vector<core::ArchiveId> archived;
  const auto acknowledged = [this](const xmpp::Stanza& stanza) {
    tell_journal(core::Journal::Event::acknowledged, stanza);
  };
  if (!managed_->state->acknowledge(h, archived, acknowledged)) return false;
  if (!archived.empty()) service_->worker().acknowledged(*session_, archived);
  return true;
}

// Section 5.
void C2sStream::handled_count_too_high(std::uint32_t h) {
  const std::string sent = std::to_string(managed_->state->sent_count());
  log_event(log::Level::info, "handled_count_too_high", {{"h", h}, {"send-count", sent}});
  connection_->send(
      "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
      "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='" +
      std::to_string(h) + "' send-count='" + sent + "'/></stream:error>");
  finish();
}

void C2sStream::fail_stream_management(std::string_view condition, std::string_view attributes) {
  std::string failed = "<failed xmlns='urn:xmpp:sm:3'";
  failed += attributes;
  failed += "><";
  failed += condition;
  failed += " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
  connection_->send(failed);
}

std::vector<xmpp::Stanza> C2sStream::take_unacknowledged() {
  forget_note();
  return managed_ ? managed_->state->take_queue() : std::vector<xmpp::Stanza>();
}

// The connection is lost; the session waits here to be resumed.
void C2sStream::keep_for_resumption() {
  phase_ = Phase::detached;
  shaper_.reset();
  pauses_ = 0;
  last_heard_s_ = service_->now_s();
  log_event(log::Level::info, "session_detached",
            {{"unacknowledged", managed_->state->unacknowledged()},
             {"timeout_s", managed_->timeout.count()}});
  // Not from inside a call of the connection.
  service_->worker().loop().post([connection = std::move(connection_)] {});
}

// Its client went while the session was taken over: it is the same as if it had gone just after.
// False if it was we who ended the stream; then its session ends.
bool C2sStream::keep_without_client(const std::shared_ptr<C2sStream>& self) {
  if (service_->has(*this) || service_->shutting_down()) return false;
  service_->add(self);
  negotiation_.reset();
  keep_for_resumption();
  return true;
}

std::int64_t C2sStream::lost_until_us() const {
  if (phase_ != Phase::detached) return 0;
  const std::int64_t left = managed_->timeout.count() - (service_->now_s() - last_heard_s_);
  return wall_clock_us() + left * 1'000'000;
}

// Section 4.
void C2sStream::handle_resume(const xml::Element& element) {
  if (phase_ != Phase::binding) return fail_stream_management("unexpected-request");
  const std::string id(element.attribute("previd").value_or(""));
  const auto h = number(element, "h");
  if (id.empty() || !h) return fail_stream_management("bad-request");
  C2sStream* former = service_->find_resumable(id);
  if (former != nullptr && former->being_parked_) former = nullptr;  // it is in the store soon
  // Only the account itself may take it; to others there is no such session.
  if (former == nullptr || former->session_->jid.bare() != negotiation_->account.full()) {
    if (former == nullptr) {
      hold();
      service_->worker().gate().spawn(resume_from_elsewhere(shared_from_this(), id, *h));
      return;
    }
    const auto expired = service_->find_expired(id);
    return fail_stream_management("item-not-found",
                                  expired ? " h='" + std::to_string(*expired) + "'" : "");
  }
  // The stream that has it may still be connected: a connection that is dead and does not know it.
  if (former->phase_ == Phase::bound) former->pause(Pause::replaced);
  StreamManagement& state = *former->managed_->state;
  if (state.in_hand() == 0 && !state.to_note()) return resume(*former, *h);
  // The client sends again what <resumed/> does not count, so first the disk has to have all of it;
  // and what it counts is to outlive a crash.
  hold();
  service_->worker().gate().spawn(resume_when_ready(shared_from_this(), id, *h));
}

// Meanwhile it may come to be parked, which waits for the same: then it is found in the store.
Task<void> C2sStream::resume_when_ready(std::shared_ptr<C2sStream> self, std::string id,
                                        std::uint32_t h) {
  for (; phase_ == Phase::binding;
       co_await starling::pause(service_->worker().loop(), kLookAgain)) {
    C2sStream* former = service_->find_resumable(id);
    if (former == nullptr || former->being_parked_) {
      co_return co_await resume_from_elsewhere(self, id, h);
    }
    const StreamManagement& state = *former->managed_->state;
    if (state.in_hand() > 0) continue;
    if (state.to_note()) {
      former->note();
      continue;
    }
    resume(*former, h);
    co_return go_on();
  }
}

// Takes the session over from the stream that had it.
void C2sStream::resume(C2sStream& former, std::uint32_t h) {
  session_ = std::exchange(former.session_, nullptr);
  session_->outbox = this;
  managed_ = std::move(former.managed_);
  managed_->asked = managed_->ask_planned = managed_->answer_planned = false;
  use(managed_->state);
  service_->resumable(managed_->id, *this);
  if (former.phase_ == Phase::detached) {
    former.finish();
  } else {
    former.stream_error(StreamCondition::conflict, "the session was resumed on another stream");
  }
  resumed(h);
}

void C2sStream::resumed(std::uint32_t h) {
  phase_ = Phase::bound;
  use_shaper(shaper_of_session());
  if (!acknowledge(h)) return handled_count_too_high(h);
  xml::Writer w;
  w.open("resumed", xmpp::ns::kStreamManagement).attribute("previd", managed_->id);
  w.attribute("h", std::to_string(managed_->state->handled())).close();
  connection_->send(w.view());
  for (const xmpp::Stanza& stanza : managed_->state->queue()) {
    tell_journal(core::Journal::Event::sent_again, stanza);
    trace_out(stanza);
    stanza.append_to(connection_->output());
  }
  sent_again_ = connection_->queued_bytes();
  service_->worker().active(*session_);  // XEP-0352 section 5.2: a resumed stream begins active
  if (managed_->state->unacknowledged() > 0) ask_for_acknowledgement();
  log_event(log::Level::info, "session_resumed",
            {{"sent_again", managed_->state->unacknowledged()}});
  if (!paused(Pause::held)) negotiation_.reset();
}

}  // namespace starling::stream
