#include "core/offline.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "core/archive.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::core {

using xmpp::Jid;
using xmpp::Stanza;
using xmpp::StanzaKind;

namespace {

constexpr std::string_view kCursor = "cursor";
constexpr std::uint32_t kPage = 100;
// A crash in between makes messages be offered twice; shorter costs more writes.
constexpr std::chrono::milliseconds kStoreAfter{200};
constexpr std::chrono::milliseconds kLookAgainAfter{100};
// No node archives anything with an id that is older: a write ends, one way or the other, and a
// node that stands still is fenced.
constexpr std::int64_t kSureAfterUs = 60'000'000;
// In a cluster the floor is not left further behind: whoever becomes the home later reads all that
// is above it, and what another node stored without our knowledge is found.
constexpr ArchiveId kFloorBehind = archive_id_at(300'000'000);

// What the account sent is in the archive, but is not for it.
bool sent_by(const Jid& account, const Stanza& message) {
  return message.from().bare() == account.full() && message.to().bare() != account.full();
}

bool takes_messages(const Session& session) {
  return session.available() && session.priority >= 0;
}

}  // namespace

void add_delay(Stanza& message, const Jid& account) {
  xml::Writer w;
  w.open("delay", xmpp::ns::kDelay).attribute("from", account.domain());
  w.attribute("stamp", xmpp_datetime_us(archive_time_us(message.archive_id()))).close();
  message.add_child(w.view());
}

Task<Result<>> Offline::load(LocalAccount& account) {
  auto& maps = worker_.server().store().maps();
  const auto entries = co_await maps.scan(account.bare.str(), std::string(kMap));
  if (!entries) co_return std::unexpected(entries.error());
  const auto cursor = std::ranges::find(*entries, kCursor, &store::Entry::key);
  if (cursor != entries->end() && !cursor->value.empty() && !account.owed.decode(cursor->value)) {
    log::error("offline_cursor_damaged", {{"jid", account.bare.full()}, {"cursor", cursor->value}});
  }
  worker_.parking().load(account, *entries);
  worker_.shown().load(account, *entries);
  worker_.remains().load(account, *entries);
  account.has_transient = true;  // for all we know
  // Whoever gave ids before us, and whatever the clocks say: what comes is above the cursor.
  worker_.archive().saw(account.owed.highest());
  co_return Result<>{};
}

void Offline::stored(LocalAccount& account, ArchiveId id, std::size_t handed, std::size_t holders) {
  const bool alone = worker_.server().cluster() == nullptr;
  account.owed.stored(id, handed > 0, static_cast<unsigned>(holders),
                      alone ? Owed::Writers::one : Owed::Writers::several);
  if (handed > 0) changed(account);
  if (handed == 0) worker_.remote().homes().kept_for_later(account.bare);
}

// Up to here no other node adds anything to an archive any more.
ArchiveId Offline::sure() const {
  const Server& server = worker_.server();
  if (server.cluster() == nullptr) return store::LogFilter::kNoLimit;
  return archive_id_at(server.clock_us(worker_.loop().now()) - kSureAfterUs);
}

void Offline::acknowledged(const Jid& account_jid, std::span<const ArchiveId> ids) {
  LocalAccount* account = worker_.directory().find(account_jid.full());
  if (account == nullptr) return;
  for (const ArchiveId id : ids) account->owed.settle(id);
  changed(*account);
}

void Offline::return_unacknowledged(const Jid& account_jid, std::vector<Stanza> stanzas) {
  LocalAccount* account = worker_.directory().find(account_jid.full());
  for (Stanza& stanza : stanzas) {
    if (stanza.archive_id() != 0) {
      // Of an account that was let go the stored cursor knows them.
      if (account != nullptr) give_back(*account, std::move(stanza));
    } else if (stanza.kind() == StanzaKind::iq ||
               (stanza.kind() == StanzaKind::message && has_body(stanza))) {
      // As to a resource that is not there (RFC 6121 section 8.5.3.2).
      worker_.router().bounce(stanza, xmpp::StanzaCondition::service_unavailable);
    }
  }
}

void Offline::give_back(LocalAccount& account, Stanza message) {
  const ArchiveId id = message.archive_id();
  if (!account.owed.give_back(id)) return;
  std::size_t handed = 0;
  unsigned holders = 0;
  add_delay(message, account.bare);
  worker_.journal().note(Journal::Event::returned, message, id);
  for (const auto& session : account.sessions) {
    if (!takes_messages(*session)) continue;
    ++handed;
    if (session->deliver(message)) ++holders;
  }
  if (handed > 0) account.owed.handed_again(id, holders);
  if (handed == 0) {
    worker_.journal().note(Journal::Event::waits, message, id);
    worker_.remote().homes().kept_for_later(account.bare);
  }
  changed(account);
}

Task<void> Offline::hand_out(SessionRef ref) {
  const Jid account_jid = ref.jid.to_bare();
  for (ArchiveId last = 0;;) {
    LocalAccount* account = worker_.directory().find(account_jid.full());
    Session* session = worker_.directory().find(ref);
    if (session == nullptr || !takes_messages(*session) || !account->owed.backlog()) break;
    if (account->appending > 0) {
      // What is being written belongs to the backlog and would not be seen yet.
      Completion<bool> appended(
          [account](auto resume) { account->when_appended.push_back(std::move(resume)); });
      co_await appended;
      continue;
    }
    const ArchiveId after = std::max(last, account->owed.backlog_after());
    const ArchiveId sure = this->sure();
    const auto page = co_await read_page(account_jid, after);
    account = worker_.directory().find(account_jid.full());
    session = worker_.directory().find(ref);
    if (session == nullptr) break;
    if (!page) {
      // They stay where they are; the next log-in tries again.
      log::error("offline_messages_unavailable",
                 {{"jid", ref.jid.full()}, {"error", page.error().message}});
      break;
    }
    if (!hand_out_page(*account, *session, *page, sure)) {
      account->catching_up = ref.id;
      hand_out_later(ref);
      co_return;
    }
    last = page->complete ? store::LogFilter::kNoLimit : page->last();
    account->owed.forget_unfound(after, last);
    if (!page->complete) continue;
    // Nothing was stored meanwhile: it waits for its turn.
    account->owed.backlog_read(sure);
    if (page->transient.empty()) account->has_transient = false;
  }
  LocalAccount* account = worker_.directory().find(account_jid.full());
  if (account != nullptr && account->catching_up == ref.id) account->catching_up = 0;
}

Task<Result<Offline::Page>> Offline::read_page(Jid account, ArchiveId after) {
  auto& logs = worker_.server().store().logs();
  store::LogFilter filter;
  filter.after = after;
  const LocalAccount* live = worker_.directory().find(account.full());
  const bool has_transient = live == nullptr || live->has_transient;
  auto archived = co_await logs.read(account.str(), std::string(kArchiveLog), filter, kPage, false);
  if (!archived) co_return std::unexpected(archived.error());
  Page page;
  page.complete = archived->complete;
  page.archived = std::move(archived->entries);
  if (!has_transient) co_return page;
  // Both in order of their ids: only as far as both are known.
  if (!page.complete) filter.before = page.archived.back().id;
  auto transient =
      co_await logs.read(account.str(), std::string(kTransientLog), filter, kPage, false);
  if (!transient) co_return std::unexpected(transient.error());
  page.transient = std::move(transient->entries);
  if (!transient->complete) {
    page.complete = false;
    const ArchiveId last = page.transient.back().id;
    std::erase_if(page.archived, [last](const store::LogEntry& e) { return e.id > last; });
  }
  co_return page;
}

// False if the client cannot take more for now.
bool Offline::hand_out_page(LocalAccount& account, Session& session, const Page& page,
                            ArchiveId sure) {
  auto archived = page.archived.begin();
  auto transient = page.transient.begin();
  while (archived != page.archived.end() || transient != page.transient.end()) {
    if (session.outbox->congested()) return false;
    const bool kept = transient == page.transient.end() ||
                      (archived != page.archived.end() && archived->id < transient->id);
    const store::LogEntry& entry = kept ? *archived++ : *transient++;
    auto message = account.owed.waits(entry.id) ? message_of(entry) : std::nullopt;
    if (!message || sent_by(account.bare, *message)) {
      account.owed.passed(entry.id, false, false, sure);
      continue;
    }
    changed(account);
    message->set_archive_id(entry.id);
    worker_.journal().note(Journal::Event::offered, *message, entry.id, session.jid.resource());
    if (kept) message->add_child(worker_.archive().stanza_id(account.bare, entry.id));
    add_delay(*message, account.bare);
    account.owed.passed(entry.id, true, session.deliver(*message), sure);
  }
  return true;
}

Task<Result<std::uint64_t>> Offline::waiting(Jid account_jid) {
  co_await worker_.archive().written(account_jid);
  const LocalAccount* account = worker_.directory().find(account_jid.full());
  if (account == nullptr || !account->owed.backlog()) co_return 0;
  std::uint64_t count = 0;
  ArchiveId after = account->owed.backlog_after();
  for (;;) {
    const auto page = co_await read_page(account_jid, after);
    if (!page) co_return std::unexpected(page.error());
    account = worker_.directory().find(account_jid.full());
    if (account == nullptr) co_return 0;
    for (const auto* entries : {&page->archived, &page->transient}) {
      for (const auto& entry : *entries) {
        after = std::max(after, entry.id);
        const auto message = account->owed.waits(entry.id) ? message_of(entry) : std::nullopt;
        if (message && !sent_by(account_jid, *message)) ++count;
      }
    }
    if (page->complete) co_return count;
  }
}

void Offline::hand_out_later(SessionRef ref) {
  worker_.loop().run_after(kLookAgainAfter, [this, ref = std::move(ref)] {
    const Session* session = worker_.directory().find(ref);
    if (session == nullptr) return;
    if (session->outbox->congested()) return hand_out_later(ref);
    worker_.turns().run(ref.jid.bare(), [this, ref] { return hand_out(ref); });
  });
}

void Offline::changed(LocalAccount& account) {
  if (std::exchange(account.owed_changed, true)) return;
  changed_.push_back(account.bare);
  if (std::exchange(timer_, true)) return;
  worker_.loop().run_after(kStoreAfter, [this] {
    timer_ = false;
    store_changed();
  });
}

void Offline::store_changed() {
  for (const Jid& jid : std::exchange(changed_, {})) {
    if (LocalAccount* account = worker_.directory().find(jid.full())) store_cursor(*account);
  }
}

void Offline::store_cursor(LocalAccount& account) {
  if (!std::exchange(account.owed_changed, false)) return;
  worker_.gate().spawn(save(account.bare));
}

Task<void> Offline::save_cursor(Jid account_jid) {
  LocalAccount* account = worker_.directory().find(account_jid.full());
  // Who only kept messages never moved it, and must not put it back over what the home has stored.
  if (account == nullptr || (!account->owed_changed && !account->owed_stored)) co_return;
  account->owed_changed = false;
  // Even if it did not move since: an earlier write of it may be under way, and ends before this.
  co_await save(account_jid);
}

std::optional<store::Change> Offline::cursor_change(const LocalAccount& account) const {
  if ((!account.owed_changed && !account.owed_stored) || worker_.remote().lapsed()) {
    return std::nullopt;
  }
  store::Change change;
  change.map = kMap;
  change.key = kCursor;
  change.value = account.owed.encode();
  return change;
}

bool Offline::look_again(LocalAccount& account) {
  account.owed.look_again();
  for (const auto& session : account.sessions) {
    if (!takes_messages(*session)) continue;
    // What waits for its turn already comes behind.
    account.catching_up = session->id;
    worker_.turns().run(account.bare.full(), [this, ref = SessionRef{session->jid, session->id}] {
      return hand_out(ref);
    });
    return true;
  }
  return false;
}

Task<void> Offline::save(Jid account_jid) {
  if (worker_.remote().lapsed()) co_return;  // the cursor is another's
  LocalAccount* account = worker_.directory().find(account_jid.full());
  account->owed_stored = true;
  // Not while it is busy: reading would wait for the writes.
  if (account->owed.behind() > kFloorBehind && account->appending == 0) look_again(*account);
  const std::string owner = account_jid.str();
  std::vector<store::Change> changes(1);
  changes[0].map = kMap;
  changes[0].key = kCursor;
  changes[0].value = account->owed.encode();
  store::LogFilter delivered;
  delivered.before = account->owed.first_unsettled();
  const bool trim = account->has_transient;
  auto& store = worker_.server().store();
  auto stored = co_await store.maps().apply(owner, std::move(changes));
  if (!stored) {
    account = worker_.directory().find(account_jid.full());
    if (account != nullptr) changed(*account);
    co_return;
  }
  if (!trim) co_return;
  const auto trimmed =
      co_await store.logs().trim(owner, std::string(kTransientLog), std::move(delivered));
  if (!trimmed) log::warning("undelivered_not_trimmed", {{"jid", account_jid.full()}});
}

}  // namespace starling::core
