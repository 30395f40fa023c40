#include "core/worker.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/pause.h"
#include "cluster/cluster.h"
#include "core/account_ban.h"
#include "core/node_calls.h"
#include "core/remote.h"
#include "core/server.h"

namespace starling::core {

using namespace std::chrono_literals;

namespace {
// Between two tries to bind a session whose account is about to leave its home.
constexpr std::chrono::milliseconds kHomeMoves{50};
}  // namespace

Worker::Worker(Server& server, std::size_t index, EventLoop& loop)
    : server_(server),
      index_(index),
      loop_(loop),
      turns_(gate_),
      router_(*this),
      delivery_(*this),
      archive_(*this),
      offline_(*this),
      presence_(*this),
      parking_(*this),
      shown_(*this),
      remains_(*this),
      subscriptions_(*this),
      remote_(std::make_unique<Remote>(*this)),
      calls_(std::make_unique<NodeCalls>(*this)) {}

Worker::~Worker() = default;

Task<Result<LocalAccount*>> Worker::load(xmpp::Jid bare) {
  const Host* host = server_.host(bare.domain());
  if (host == nullptr) co_return nullptr;
  if (LocalAccount* account = directory_.find(bare.full())) co_return account;
  assert(turns_.busy(bare.full()) && "an account is loaded in its turn");
  const auto found = co_await server_.store().accounts().find(std::string(bare.domain()),
                                                              std::string(bare.local()));
  if (!found) {
    if (found.error().code == Errc::not_found) co_return nullptr;
    co_return std::unexpected(found.error());
  }
  auto account = std::make_unique<LocalAccount>();
  account->bare = bare;
  auto loaded = co_await offline_.load(*account);
  if (loaded) loaded = co_await host->load_account(*this, *account);
  if (!loaded) co_return std::unexpected(loaded.error());
  co_return &directory_.add_account(std::move(account));
}

Task<Result<Session*>> Worker::bind(xmpp::Jid full, Outbox& outbox, ParkedSession* parked) {
  constexpr int kTries = 3;
  const Arriving arriving(server_);  // before the question: the drain asks the other way round
  if (server_.drain().turns_away()) co_return fail(Errc::unavailable, "this node leaves");
  if (server_.cluster() == nullptr) {
    co_return co_await bind_here(full, outbox, Counted::yes, parked);
  }
  for (int tries = 0; tries < kTries; ++tries) {
    const auto home = co_await remote_->homes().find_home(full.to_bare());
    if (!home) co_return std::unexpected(home.error());
    if (*home == server_.cluster()->self()) {
      auto bound = co_await bind_here(full, outbox, Counted::yes, parked);
      if (!bound) remote_->homes().release(full.to_bare());
      co_return bound;
    }
    auto bound = co_await remote_->visitors().bind(*home, full, outbox, parked);
    if (bound) co_return bound;
    // unavailable: it does not answer, and may be found unreachable by now.
    const Errc why = bound.error().code;
    if (why != Errc::exists && why != Errc::unavailable) co_return bound;
    co_await pause(loop_, kHomeMoves);
  }
  co_return fail(Errc::unavailable, "the account's home is moving");
}

Task<Result<Session*>> Worker::bind_here(xmpp::Jid full, Outbox& outbox, Counted counted,
                                         ParkedSession* parked) {
  cluster::Cluster* const cluster = server_.cluster();
  const cluster::NodeId self = cluster != nullptr ? cluster->self() : 0;
  const auto ban = co_await ban_of(server_.store(), full.to_bare());
  if (!ban) co_return std::unexpected(ban.error());
  if (*ban) co_return fail(Errc::denied, "the account is disabled");
  const auto account = co_await load(full.to_bare());
  if (!account) co_return std::unexpected(account.error());
  if (*account != nullptr && (*account)->parked) {
    co_await parking_.end_of_resource(full, parked != nullptr ? parked->stream.id : "");
  }
  if (*account != nullptr && parked != nullptr) {
    // It does not begin with a first presence, which would bring the roster into memory.
    if (const auto read = co_await roster(full.to_bare()); !read) {
      co_return std::unexpected(read.error());
    }
    if (auto collected = co_await parking_.collect_missed(*parked); !collected) {
      co_return std::unexpected(collected.error());
    }
  }
  const Host* host = server_.host(full.domain());
  if (host == nullptr || *account == nullptr || removing_.contains((*account)->bare)) {
    co_return fail(Errc::not_found, "there is no such account any more");
  }
  // It was fenced meanwhile: the others do not know of a home here any more.
  if (cluster != nullptr && (cluster->self() != self || !cluster->serving())) {
    co_return fail(Errc::unavailable, "the node is not in its cluster");
  }
  if (Session* old = directory_.find_session(full)) {
    log::info("session_replaced", {{"jid", full.full()}, {"remote", old->outbox->remote()}});
    Outbox* old_outbox = old->outbox;
    unbind(*old);
    old_outbox->end(xmpp::StreamCondition::conflict, "the resource was bound by a newer session");
  }
  if (has_all_sessions(*host, **account) ||
      (counted == Counted::yes &&
       !server_.add_session(full.domain(), host->options().max_sessions))) {
    co_return fail(Errc::limit, "too many sessions");
  }
  if (cluster != nullptr) remote_->homes().claim(full.bare());
  auto session = std::make_unique<Session>();
  session->id = next_session_id();
  session->counted = counted == Counted::yes;
  session->jid = full;
  session->outbox = &outbox;
  session->bound_at_us = wall_clock_us();
  Session& bound = directory_.add(std::move(session));
  if (parked != nullptr) parking_.restore(bound, *parked);
  co_return &bound;
}

void Worker::unbind(Session& session) {
  if (session.visiting) return remote_->visitors().unbind(session);
  auto roster = session.account->roster;
  auto unacknowledged = session.outbox->take_unacknowledged();
  std::unique_ptr<Session> gone = directory_.remove(session);
  if (gone->counted) server_.remove_session(gone->jid.domain());
  const xmpp::Jid jid = gone->jid;
  if (!turns_.busy(jid.bare())) {
    return session_ended(*gone, std::move(roster), std::move(unacknowledged));
  }
  // What it sent before waits for its turn; its end must not overtake that.
  turns_.run(jid.bare(), [this, gone = std::move(gone), roster = std::move(roster),
                          unacknowledged = std::move(unacknowledged)]() mutable {
    session_ended(*gone, std::move(roster), std::move(unacknowledged));
    return completed();
  });
}

void Worker::session_ended(const Session& gone, std::shared_ptr<const Roster> roster,
                           std::vector<xmpp::Stanza> unacknowledged) {
  presence_.session_ended(gone, std::move(roster));
  offline_.return_unacknowledged(gone.jid.to_bare(), std::move(unacknowledged));
  // It may have been let go already, by a step that came in between.
  LocalAccount* account = directory_.find(gone.jid.bare());
  if (account != nullptr && !account->sessions.empty()) return;
  if (account != nullptr) offline_.store_cursor(*account);
  if (server_.cluster() != nullptr) remote_->homes().release(gone.jid.to_bare());
}

bus::NodeId Worker::hand_over(Session& session, bus::NodeId to, SessionId expected,
                              std::vector<xmpp::Stanza> unacknowledged) {
  if (session.visiting) return remote_->visitors().hand_over(session, to, expected);
  if (std::exchange(session.counted, false)) server_.remove_session(session.jid.domain());
  remote_->guests().adopt(session, to, expected, std::move(unacknowledged));
  return server_.cluster()->self();
}

void Worker::acknowledged(const Session& session, std::span<const ArchiveId> ids) {
  if (session.visiting) return remote_->visitors().acknowledged(session, ids);
  offline_.acknowledged(session.jid.to_bare(), ids);
}

void Worker::active(Session& session) {
  if (session.visiting) return remote_->visitors().active(session);
  session.end_holdback();
}

bool Worker::nonza(Session& session, const xml::Element& element) {
  const Host* host = server_.host(session.jid.domain());
  if (host == nullptr) return true;  // gone, and the session is about to end
  const auto* handler = host->find_nonza(element);
  if (handler == nullptr) return false;
  if (session.visiting) {
    remote_->visitors().nonza(session, element);
  } else {
    (*handler)(session, element);
  }
  return true;
}

// RFC 6120 section 7.6.2.1 leaves the number to the server.
bool Worker::has_all_sessions(const Host& host, const LocalAccount& account) {
  const std::uint32_t most = host.options()
                                 .access.limit("max_user_sessions", {&account.bare, std::nullopt})
                                 .value_or(config::Access::kMaxUserSessions);
  return most != 0 && account.sessions.size() >= most;
}

std::size_t Worker::end_sessions(std::string_view bare, xmpp::StreamCondition condition,
                                 std::string_view text) {
  std::size_t ended = 0;
  const std::string key(bare);
  for (LocalAccount* account = directory_.find(key);
       account != nullptr && !account->sessions.empty(); account = directory_.find(key)) {
    end_session(*account->sessions.front(), condition, text);
    ++ended;
  }
  return ended;
}

void Worker::end_session(Session& session, xmpp::StreamCondition condition, std::string_view text) {
  Outbox* outbox = session.outbox;
  unbind(session);
  outbox->end(condition, text);
}

void Worker::end_all_sessions(xmpp::StreamCondition condition, std::string_view text) {
  std::set<xmpp::Jid> accounts;
  directory_.for_each([&](const Session& session) { accounts.insert(session.jid.to_bare()); });
  for (const auto& account : accounts) end_sessions(account.full(), condition, text);
}

void Worker::stop(Gate::Callback ended) {
  server_.set_stopping();
  end_all_sessions(xmpp::StreamCondition::system_shutdown,
                   "this node is about to stop; please connect again");
  gate_.close(std::move(ended));
  calls().peer_gone(0);
}

void Worker::end_sessions_of_hosts_gone() {
  std::set<xmpp::Jid> accounts;
  directory_.for_each([&](const Session& session) {
    if (server_.host(session.jid.domain()) == nullptr) accounts.insert(session.jid.to_bare());
  });
  for (const auto& account : accounts) {
    end_sessions(account.full(), xmpp::StreamCondition::host_gone,
                 "this server does not serve the host any more");
  }
}

Task<Result<std::shared_ptr<Roster>>> Worker::roster(xmpp::Jid bare) {
  if (const LocalAccount* account = directory_.find(bare.full()); account && account->roster) {
    co_return account->roster;
  }
  assert(turns_.busy(bare.full()) && "a roster is loaded in its account's turn");
  auto loaded = co_await load_roster(server_.store().maps(), bare);
  if (!loaded) co_return std::unexpected(loaded.error());
  auto roster = std::make_shared<Roster>(std::move(*loaded));
  if (LocalAccount* account = directory_.find(bare.full())) account->roster = roster;
  co_return roster;
}

Task<Result<std::shared_ptr<const Roster>>> Worker::peek_roster(xmpp::Jid bare) {
  if (const LocalAccount* account = directory_.find(bare.full()); account && account->roster) {
    co_return account->roster;
  }
  auto loaded = co_await load_roster(server_.store().maps(), bare);
  if (!loaded) co_return std::unexpected(loaded.error());
  co_return std::make_shared<const Roster>(std::move(*loaded));
}

void Worker::send_to(std::size_t worker, xmpp::Stanza stanza) {
  if (mailboxes_.size() <= worker) mailboxes_.resize(server_.worker_count());
  mailboxes_[worker].push_back(std::move(stanza));
  if (std::exchange(mailboxes_dirty_, true)) return;
  loop_.at_turn_end([this] { flush_mailboxes(); });
}

void Worker::flush_mailboxes() {
  mailboxes_dirty_ = false;
  for (std::size_t i = 0; i < mailboxes_.size(); ++i) {
    if (mailboxes_[i].empty()) continue;
    Worker& target = server_.worker(i);
    target.loop().post([&target, batch = std::exchange(mailboxes_[i], {})]() mutable {
      for (auto& stanza : batch) target.router().route(std::move(stanza));
    });
  }
}

}  // namespace starling::core
