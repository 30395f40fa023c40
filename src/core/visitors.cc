#include "core/visitors.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/clock.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using cluster::Decoder;
using cluster::Encoder;
using cluster::NodeId;

namespace {
constexpr std::chrono::milliseconds kBindTime{3'000};
constexpr std::chrono::milliseconds kLookEvery{200};
constexpr std::uint64_t kNoAnswer = 254;  // beside the values of Errc, and kBound

std::string_view account_of(const Session& session) {
  return session.jid.bare();
}
}  // namespace

Task<Result<Session*>> Visitors::bind(NodeId home, xmpp::Jid full, Outbox& outbox,
                                      const ParkedSession* parked) {
  const Host* host = worker_.server().host(full.domain());
  if (host == nullptr) co_return fail(Errc::not_found, "the host is not served any more");
  auto made = std::make_unique<Visitor>();
  made->id = worker_.next_session_id();
  made->jid = full;
  made->outbox = &outbox;
  made->bound_at_us = wall_clock_us();
  made->visiting = true;
  made->home = home;
  const SessionId id = made->id;

  Encoder parcel = begin_parcel(ParcelKind::bind, full.bare());
  parcel.number(id).text(full.resource()).text(outbox.remote()).text(outbox.connection());
  if (parked != nullptr) {
    parcel.rest(parked->encode());
    made->moved_at_us = made->bound_at_us;
    made->delivered = parked->stream.queue.size();
    made->early = std::make_unique<std::vector<xmpp::Stanza>>();
  }
  // From now on it gets what is delivered, but only once the client knows of its session: what
  // comes in the same batch as the answer is behind it.
  visitors_.emplace(id, std::move(made));
  Completion<std::uint64_t> answer([&](auto resume) {
    questions_.emplace(id, Question{home, TimerId(), std::move(resume)});
    wait_for_answer(id, worker_.loop().now() + kBindTime);
    if (worker_.remote().send(home, std::move(parcel))) return;
    worker_.loop().post([this, id] { answered(id, kNoAnswer); });
  });
  const std::uint64_t bound = co_await answer;
  const auto visitor = visitors_.find(id);
  if (bound == kBound && visitor != visitors_.end()) {
    if (worker_.server().add_session(full.domain(), host->options().max_sessions)) {
      co_return visitor->second.get();
    }
    worker_.remote().send(home, begin_parcel(ParcelKind::unbind, full.bare()).number(id));
    visitors_.erase(id);
    co_return fail(Errc::limit, "too many sessions");
  }
  visitors_.erase(id);
  if (bound == kNoAnswer) {
    worker_.remote().send(home, begin_parcel(ParcelKind::unbind, full.bare()).number(id));
    co_return fail(Errc::unavailable, "the account's node does not answer");
  }
  co_return fail(static_cast<Errc>(bound), "the account's node refused the session");
}

// As long as the home is heard: a user whose node has died does not wait for the rest.
void Visitors::wait_for_answer(SessionId id, TimePoint until) {
  Question& question = questions_.at(id);
  question.timer = worker_.loop().run_after(kLookEvery, [this, id, until] {
    const bool heard = worker_.server().cluster()->reachable(questions_.at(id).home);
    if (!heard || worker_.loop().now() >= until) return answered(id, kNoAnswer);
    wait_for_answer(id, until);
  });
}

void Visitors::answered(SessionId id, std::uint64_t answer) {
  const auto question = questions_.find(id);
  if (question == questions_.end()) return;
  worker_.loop().cancel(question->second.timer);
  auto resume = std::move(question->second.resume);
  questions_.erase(question);
  resume(answer);
}

void Visitors::unbind(Session& session) {
  const auto found = visitors_.find(session.id);
  static_cast<void>(session.outbox->take_unacknowledged());  // the guest has them
  send_confirmations();
  worker_.remote().send(found->second->home,
                        begin_parcel(ParcelKind::unbind, account_of(session)).number(session.id));
  worker_.server().remove_session(session.jid.domain());
  worker_.remote().forget_those_of(session.id);
  visitors_.erase(found);
}

void Visitors::park(Session& session, const StreamState& stream) {
  send_confirmations();
  const auto& visitor = static_cast<Visitor&>(session);
  // Of what the client was sent, the home has all that it has not acknowledged.
  Encoder parcel = begin_parcel(ParcelKind::park, account_of(session));
  parcel.number(session.id).text(stream.id).number(stream.handled).number(stream.sent);
  parcel.number(static_cast<std::uint64_t>(stream.timeout.count()));
  parcel.number(visitor.delivered - stream.queue.size()).number(visitor.delivered);
  worker_.remote().send(visitor.home, std::move(parcel));
}

std::vector<SessionId> Visitors::all() const {
  std::vector<SessionId> ids;
  for (const auto& [id, unused] : visitors_) ids.push_back(id);
  return ids;
}

void Visitors::for_each(const std::function<void(const Visitor&)>& visit) const {
  for (const auto& [unused, visitor] : visitors_) visit(*visitor);
}

void Visitors::leave(SessionId id, Leaving why) {
  const auto found = visitors_.find(id);
  // One that is just coming is not there yet.
  if (found != visitors_.end() && !questions_.contains(id)) found->second->outbox->leave(why);
}

void Visitors::leave_some(std::size_t most,
                          bool (*may_go)(const Session& visitor, std::int64_t now_us)) {
  const std::int64_t now_us = wall_clock_us();
  std::vector<SessionId> going;
  for (const auto& [id, visitor] : visitors_) {
    if (going.size() >= most) break;
    if (!visitor->early && may_go(*visitor, now_us)) going.push_back(id);
  }
  for (const SessionId id : going) leave(id, Leaving::connection);
}

void Visitors::submit(Session& session, xmpp::Stanza stanza) {
  const auto& visitor = static_cast<Visitor&>(session);
  Remote& remote = worker_.remote();
  worker_.journal().note(Journal::Event::to_home, stanza, visitor.home);
  const std::uint64_t number = remote.keep(visitor.home, stanza, session.id);
  Encoder parcel = begin_parcel(ParcelKind::submit, account_of(session), remote.carried(stanza));
  parcel.number(session.id).number(number).rest(stanza.to_xml());
  remote.send(visitor.home, std::move(parcel));
}

void Visitors::nonza(Session& session, const xml::Element& element) {
  Encoder parcel = begin_parcel(ParcelKind::nonza, account_of(session));
  parcel.number(session.id).rest(element.canonical(""));
  worker_.remote().send(static_cast<Visitor&>(session).home, std::move(parcel));
}

void Visitors::active(Session& session) {
  worker_.remote().send(static_cast<Visitor&>(session).home,
                        begin_parcel(ParcelKind::active, account_of(session)).number(session.id));
}

void Visitors::acknowledged(const Session& session, std::span<const std::uint64_t> numbers) {
  const auto found = visitors_.find(session.id);
  if (found != visitors_.end()) confirm(*found->second, std::ranges::max(numbers));
}

void Visitors::take(NodeId from, const ParcelHead& head, Decoder& parcel) {
  if (head.kind == ParcelKind::bound) {
    const std::uint64_t answer = parcel.number();
    if (!parcel.bad()) answered(head.number, answer);
    return;
  }
  const auto found = visitors_.find(head.number);
  if (found == visitors_.end()) return;  // it has ended
  if (found->second->home != from && !found->second->early) return;
  if (head.kind == ParcelKind::deliver) return deliver(*found->second, head.trace_id, parcel);
  if (head.kind == ParcelKind::leave) return leave(head.number, Leaving::home);
  const auto condition = static_cast<xmpp::StreamCondition>(parcel.number());
  const std::string_view text = parcel.text();
  if (parcel.bad()) return;
  end(*found->second, condition, text);
}

void Visitors::deliver(Visitor& visitor, const xmpp::TraceId& trace_id, Decoder& parcel) {
  const std::uint64_t number = parcel.number();
  auto stanza = parcel.bad() ? std::nullopt : xmpp::Stanza::parse(parcel.rest());
  if (!stanza) return;
  // To the stream it is an archived message with this id: it says when the client has it.
  stanza->set_archive_id(number);
  stanza->set_trace_id(trace_id);
  visitor.delivered = number;
  if (visitor.early) return visitor.early->push_back(std::move(*stanza));
  if (!visitor.outbox->deliver(*stanza)) confirm(visitor, number);
}

SessionId Visitors::expect(Outbox& outbox) {
  auto made = std::make_unique<Visitor>();
  made->id = worker_.next_session_id();
  made->outbox = &outbox;
  made->visiting = true;
  made->early = std::make_unique<std::vector<xmpp::Stanza>>();
  const SessionId id = made->id;
  visitors_.emplace(id, std::move(made));
  return id;
}

Session* Visitors::settle(SessionId expected, const xmpp::Jid& full, NodeId home,
                          std::uint64_t delivered) {
  const auto found = visitors_.find(expected);
  if (found == visitors_.end()) return nullptr;
  Visitor& visitor = *found->second;
  visitor.jid = full;
  visitor.home = home;
  visitor.delivered = std::max(visitor.delivered, delivered);
  visitor.bound_at_us = wall_clock_us();
  static_cast<void>(worker_.server().add_session(full.domain(), 0));
  return &visitor;
}

void Visitors::settled(Session& session) {
  auto& visitor = static_cast<Visitor&>(session);
  const auto early = std::exchange(visitor.early, nullptr);
  for (const xmpp::Stanza& stanza : *early) {
    if (!visitor.outbox->deliver(stanza)) confirm(visitor, stanza.archive_id());
  }
}

NodeId Visitors::hand_over(Session& session, NodeId to, SessionId expected) {
  const auto found = visitors_.find(session.id);
  const Visitor& visitor = *found->second;
  const NodeId home = visitor.home;
  send_confirmations();
  Encoder parcel = begin_parcel(ParcelKind::moved, account_of(session));
  parcel.number(session.id).number(to).number(expected).number(visitor.delivered);
  worker_.remote().send(home, std::move(parcel));
  worker_.server().remove_session(session.jid.domain());
  visitors_.erase(found);
  return home;
}

void Visitors::end(Visitor& visitor, xmpp::StreamCondition condition, std::string_view text) {
  Outbox* const outbox = visitor.outbox;
  const SessionId id = visitor.id;
  // One that is expected, and has not come, was not counted.
  if (visitor.home != 0) worker_.server().remove_session(visitor.jid.domain());
  visitors_.erase(id);
  outbox->end(condition, text);
  // Only now: nothing that is given up here may be acknowledged.
  worker_.remote().forget_those_of(id);
}

void Visitors::end_those_of(NodeId home, xmpp::StreamCondition condition, std::string_view text) {
  std::vector<SessionId> unanswered;
  for (const auto& [id, question] : questions_) {
    if (home == 0 || question.home == home) unanswered.push_back(id);
  }
  for (const SessionId id : unanswered) answered(id, kNoAnswer);
  std::vector<SessionId> ended;
  for (const auto& [id, visitor] : visitors_) {
    const bool asked = questions_.contains(id);
    if (!asked && (home == 0 || visitor->home == home)) ended.push_back(id);
  }
  for (const SessionId id : ended) {
    const auto found = visitors_.find(id);
    if (found != visitors_.end()) end(*found->second, condition, text);
  }
}

void Visitors::confirm(Visitor& visitor, std::uint64_t number) {
  visitor.confirmed = std::max(visitor.confirmed, number);
  if (std::exchange(visitor.to_confirm, true)) return;
  if (to_confirm_.empty()) worker_.loop().at_turn_end([this] { send_confirmations(); });
  to_confirm_.push_back(visitor.id);
}

void Visitors::send_confirmations() {
  for (const SessionId id : std::exchange(to_confirm_, {})) {
    const auto found = visitors_.find(id);
    if (found == visitors_.end()) continue;
    Visitor& visitor = *found->second;
    visitor.to_confirm = false;
    Encoder parcel = begin_parcel(ParcelKind::confirmed, account_of(visitor));
    parcel.number(id).number(visitor.confirmed);
    worker_.remote().send(visitor.home, std::move(parcel));
  }
}

}  // namespace starling::core
