// Resumption across nodes (XEP-0198 section 4): a session whose stream is, or was, at another node
// goes on here. Its home (core/remote.h) stays where it is; only the stream moves.
//
// The node that takes it asks the account's home, and through it the nodes that have connections of
// the account, for the session of that id. The one that has it waits until everything the client
// had sent is dealt with, lets go of it, and says how far it was.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/pause.h"
#include "core/hop.h"
#include "core/remote.h"
#include "core/server.h"
#include "stream/c2s_service.h"
#include "stream/c2s_stream.h"

namespace starling::stream {

using cluster::Decoder;
using cluster::Encoder;
using cluster::NodeId;
using core::SessionId;
using xmpp::Stanza;
using xmpp::StreamCondition;

namespace {

constexpr const char* kProcedure = "resume_session";

enum class Answer : std::uint8_t { elsewhere, expired, state };

constexpr std::chrono::seconds kClaimedElsewhere{10};  // who takes longer may have died over it
constexpr std::chrono::milliseconds kLookAgain{100};

}  // namespace

Task<Result<std::string>> C2sService::hand_over(std::string account, std::string id, NodeId to,
                                                SessionId expected) {
  co_await until_parked(account, id);
  C2sStream* former = find_resumable(id);
  if (former != nullptr && former->session_->jid.bare() == account) {
    if (former->phase_ == C2sStream::Phase::bound) former->pause(C2sStream::Pause::replaced);
    const auto state = former->managed_->state;
    co_await all_dealt_with(state);
    former = find_resumable(id);
    if (former != nullptr && state->to_note()) {
      co_await former->write_note(former->shared_from_this());
      // Its client would be told more than a crash might leave.
      if (state->to_note()) co_return fail(Errc::unavailable, "the store is away");
      former = find_resumable(id);
    }
    if (former != nullptr) co_return former->hand_over(to, expected);
  }
  Encoder answer;
  if (const auto h = find_expired(id)) {
    answer.number(static_cast<std::uint64_t>(Answer::expired)).number(*h);
    co_return std::move(answer).take();
  }
  const auto nodes = worker_.remote().guests().nodes_of(account);
  answer.number(static_cast<std::uint64_t>(Answer::elsewhere)).number(nodes.size());
  for (const NodeId node : nodes) answer.number(node);
  co_return std::move(answer).take();
}

void C2sService::add_procedures(core::Procedures& procedures,
                                const std::vector<std::unique_ptr<C2sService>>& services) {
  procedures[kProcedure] = [&services](core::Server& server,
                                       std::string bytes) -> Task<Result<std::string>> {
    Decoder in(bytes);
    std::string account(in.text());
    std::string id(in.text());
    const NodeId to = in.number();
    const SessionId expected = in.number();
    if (in.bad()) co_return fail(Errc::invalid, "not a resumption");
    C2sService& service = *services[server.home_of(account)];
    std::move_only_function<Task<Result<std::string>>()> there = [&service, account, id, to,
                                                                  expected] {
      return service.hand_over(account, id, to, expected);
    };
    auto state = co_await core::hop(service.worker(), std::move(there));
    if (!state) co_return fail(Errc::unavailable, "this node stops");
    co_return std::move(*state);
  };
}

// Everything the other node's stream needs to be this one.
std::string C2sStream::hand_over(NodeId to, SessionId expected) {
  core::Session& session = *std::exchange(session_, nullptr);
  const auto managed = std::move(managed_);
  service_->resumed_elsewhere(managed->id);
  StreamManagement& state = *managed->state;
  const std::uint32_t handled = state.handled();
  const std::uint32_t sent = state.sent_count();
  const xmpp::Jid full = session.jid;
  const SessionId former_id = session.id;
  const bool visiting = session.visiting;
  std::vector<Stanza> queue = state.take_queue();

  Encoder out;
  out.number(static_cast<std::uint64_t>(Answer::state)).text(full.full());
  Encoder stanzas;
  std::uint64_t number = 0;
  for (const Stanza& stanza : queue) {
    // The number under which the home keeps it: a visitor's has it, an own session's gets it now.
    ++number;
    stanzas.number(visiting ? stanza.archive_id() : number).text(stanza.to_xml());
  }
  const std::size_t count = queue.size();
  log::info("session_handed_over", {{"jid", full.full()}, {"session", former_id}, {"node", to}});
  const NodeId home = service_->worker().hand_over(session, to, expected, std::move(queue));
  out.number(home).number(former_id).number(handled).number(sent);
  out.number(static_cast<std::uint64_t>(managed->timeout.count()));
  out.number(count).rest(stanzas.view());

  if (phase_ == Phase::detached) {
    finish();
  } else {
    stream_error(StreamCondition::conflict, "the session was resumed on another stream");
  }
  return std::move(out).take();
}

// The first parameter keeps the stream alive until the answer is there. Whoever has claimed the
// session at another node may be about to bind it, or unable to: it is looked for again.
Task<void> C2sStream::resume_from_elsewhere(std::shared_ptr<C2sStream> self, std::string id,
                                            std::uint32_t h) {
  const core::Arriving arriving(service_->worker().server());
  if (service_->worker().server().drain().turns_away()) co_return send_elsewhere();
  Search search;
  search.until = service_->worker().loop().now() + kClaimedElsewhere;
  while (!co_await try_to_resume(self, id, h, &search)) {
    co_await starling::pause(service_->worker().loop(), kLookAgain);
    if (phase_ != Phase::binding) co_return;
    const C2sStream* here = service_->find_resumable(id);
    if (here != nullptr && here->session_->jid.bare() == negotiation_->account.full()) {
      co_return co_await resume_when_ready(self, id, h);
    }
  }
}

// False if it is worth another try.
Task<bool> C2sStream::try_to_resume(std::shared_ptr<C2sStream> self, std::string id,
                                    std::uint32_t h, Search* search) {
  core::Worker& worker = service_->worker();
  core::Server& server = worker.server();
  const xmpp::Jid owner = negotiation_->account;
  const std::string account(owner.full());
  const NodeId here = server.cluster() != nullptr ? server.cluster()->self() : 0;
  const SessionId expected = worker.remote().visitors().expect(*this);
  co_await service_->until_parked(account, id);
  std::optional<std::uint32_t> expired = service_->find_expired(id);
  std::vector<NodeId> ask;
  if (!core::other_nodes(server).empty()) ask.push_back(worker.remote().homes().place_of(account));
  bool taken = false;
  for (std::size_t i = 0; i < ask.size() && !taken; ++i) {
    Result<std::string> answer;
    if (ask[i] == here) {
      answer = co_await service_->hand_over(account, id, here, expected);
    } else {
      Encoder arguments;
      arguments.text(account).text(id).number(here).number(expected);
      // As long as the node may come back: what was sent to it is on its way elsewhere once it is
      // found dead, and must not come behind what is sent then.
      answer = co_await core::call_node(server, ask[i], kProcedure, std::move(arguments).take());
    }
    if (!answer) continue;
    Decoder in(*answer);
    switch (static_cast<Answer>(in.number())) {
      case Answer::state:
        taken = take_over(expected, ask[i], id, in);
        break;
      case Answer::expired:
        expired = static_cast<std::uint32_t>(in.number());
        break;
      case Answer::elsewhere:
        for (std::uint64_t n = in.number(); n > 0 && !in.bad(); --n) {
          const NodeId node = in.number();
          const bool asked = std::ranges::find(ask, node) != ask.end();
          if (!asked && node != here && !in.bad()) ask.push_back(node);
        }
        break;
    }
  }
  if (!taken) {
    worker.remote().visitors().abandon(expected);
    if (phase_ != Phase::binding) co_return true;
    auto parked = co_await worker.parking().claim(owner, id);
    if (parked) {
      // Counted until it is bound.
      auto counted = std::make_unique<core::Arriving>(server);
      worker.turns().run(account, [this, self, parked = std::move(*parked), h,
                                   counted = std::move(counted)]() mutable {
        return resume_parked(self, std::move(parked), h, std::move(counted));
      });
      co_return true;
    }
    const Errc why = parked.error().code;
    const C2sStream* bound = service_->find_resumable(id);  // since we looked
    if ((why == Errc::exists || bound != nullptr) && worker.loop().now() < search->until) {
      co_return phase_ != Phase::binding;
    }
    if (why != Errc::exists && why != Errc::not_found) {
      log_event(log::Level::warning, "session_not_found", {{"error", parked.error().message}});
      stream_error(StreamCondition::system_shutdown, kNotNow);
      co_return true;
    }
    // Between the two looks another node may have bound it, which its home knows by now.
    if (!expired && !ask.empty() && !std::exchange(search->looked_twice, true)) co_return false;
    // Its node is gone, if there ever was one: what has it left?
    if (!expired) expired = co_await worker.remains().take(owner, id);
    if (phase_ != Phase::binding) co_return true;
    fail_stream_management("item-not-found",
                           expired ? " h='" + std::to_string(*expired) + "'" : "");
    go_on();
    co_return true;
  }
  core::Session& session = *session_;
  if (phase_ == Phase::binding) {
    resumed(h);
    if (session_ == nullptr) co_return true;
  } else if (!keep_without_client(self)) {
    service_->not_resumable(id, *this, managed_->state->handled());
    worker.unbind(*std::exchange(session_, nullptr));
    co_return true;
  }
  if (session.visiting) worker.remote().visitors().settled(session);
  if (phase_ == Phase::bound) go_on();
  co_return true;
}

// False if the state cannot be read; then the session is lost.
bool C2sStream::take_over(SessionId expected, NodeId former_node, const std::string& id,
                          Decoder& in) {
  core::Worker& worker = service_->worker();
  const auto full = xmpp::Jid::parse(in.text());
  const NodeId home = in.number();
  const SessionId former_id = in.number();
  const auto handled = static_cast<std::uint32_t>(in.number());
  const auto sent = static_cast<std::uint32_t>(in.number());
  const std::chrono::seconds timeout(in.number());
  std::vector<Stanza> queue;
  for (std::uint64_t n = in.number(); n > 0 && !in.bad(); --n) {
    const std::uint64_t number = in.number();
    auto stanza = Stanza::parse(in.text());
    if (!stanza) return false;
    stanza->set_archive_id(number);
    queue.push_back(std::move(*stanza));
  }
  if (in.bad() || !full) return false;

  const std::uint64_t last = queue.empty() ? 0 : queue.back().archive_id();
  std::vector<Stanza> late;  // delivered here, and not by the other node any more
  if (home == worker.server().cluster()->self()) {
    auto taken = worker.remote().guests().take_back(former_node, former_id,
                                                    queue.empty() ? 0 : queue.front().archive_id());
    if (taken.session == nullptr) return false;
    worker.remote().visitors().abandon(expected);
    session_ = taken.session;
    session_->outbox = this;
    session_->counted = worker.server().add_session(full->domain(), 0);
    const std::size_t had = std::min(queue.size(), taken.unconfirmed.size());
    const auto behind = taken.unconfirmed.begin() + static_cast<std::ptrdiff_t>(had);
    late.assign(behind, taken.unconfirmed.end());
    taken.unconfirmed.erase(behind, taken.unconfirmed.end());
    queue = std::move(taken.unconfirmed);
  } else {
    session_ = worker.remote().visitors().settle(expected, *full, home, last);
    if (session_ == nullptr) return false;
  }
  managed_ = std::make_unique<Managed>();
  managed_->id = id;
  managed_->timeout = timeout;
  use(std::make_shared<StreamManagement>(worker.loop(), handled, sent, queue));
  managed_->state->resumable_by(id);
  for (const Stanza& stanza : late) managed_->state->sent(stanza);
  service_->resumable(id, *this);
  return true;
}

}  // namespace starling::stream
