#include "core/parking.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/pause.h"
#include "base/random.h"
#include "cluster/wire.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using cluster::Decoder;
using cluster::Encoder;
using xmpp::Jid;
using xmpp::Stanza;

namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::string_view kMap = Offline::kMap;  // beside the cursor: one read has both
// Nobody's: which sessions are parked, for whoever has to watch over them.
constexpr std::string_view kIndex = "parked";
constexpr std::size_t kTokenCharacters = 20;
constexpr std::uint64_t kMostTime = std::uint64_t{1} << 62U;
constexpr std::chrono::seconds kClaimTime{30};  // to bind what was claimed
constexpr std::chrono::seconds kAgain{1};       // what the store did not do
constexpr int kReadTries = 10;

std::string key_of(std::string_view id) {
  return std::string(Parking::kKeyPrefix) + std::string(id);
}
// Whose value is the first to be written has claimed the session.
std::string claim_key_of(std::string_view id) {
  return "claim " + std::string(id);
}

std::string missed_key_of(std::string_view id) {
  return "missed " + std::string(id);
}

using MissedPresence = std::map<std::string, ParkedSession::Missed>;

std::string encode_missed(const MissedPresence& missed) {
  Encoder out;
  out.number(missed.size());
  for (const auto& [from, last] : missed) {
    out.text(from).number(static_cast<std::uint64_t>(last.at_us)).text(last.presence);
  }
  return std::move(out).take();
}

MissedPresence decode_missed(std::string_view text) {
  MissedPresence missed;
  Decoder in(text);
  for (std::uint64_t n = in.number(); n > 0 && !in.bad(); --n) {
    std::string from(in.text());
    const auto at_us = static_cast<std::int64_t>(in.number());
    std::string presence(in.text());
    if (!in.bad()) missed[std::move(from)] = {at_us, std::move(presence)};
  }
  return missed;
}

// Nodes that have the account one after the other each see some of it.
void merge_missed(MissedPresence& missed, MissedPresence others) {
  for (auto& [from, last] : others) {
    const auto [there, added] = missed.try_emplace(from, last);
    if (!added && there->second.at_us < last.at_us) there->second = std::move(last);
  }
}

store::Change put(std::string key, std::optional<std::string> value, bool if_absent = false) {
  store::Change change;
  change.map = kMap;
  change.key = std::move(key);
  change.value = std::move(value);
  change.if_absent = if_absent;
  return change;
}

// The entry of that id; nullptr if there is none.
ParkedSession* find(const LocalAccount* account, std::string_view id) {
  if (account == nullptr || !account->parked) return nullptr;
  const auto entry = std::ranges::find_if(
      *account->parked, [id](const ParkedSession& parked) { return parked.stream.id == id; });
  return entry == account->parked->end() ? nullptr : &*entry;
}

// Its client has what it was sent, or gets it when it comes back: nobody else does before.
void hold(LocalAccount& account, const ParkedSession& parked) {
  for (const Stanza& stanza : parked.stream.queue) {
    if (stanza.archive_id() != 0) account.owed.hold(stanza.archive_id());
  }
}

// To others the session is what it was.
void show_as(Session& session, const ParkedSession& parked) {
  auto presence = parked.available() ? Stanza::parse(parked.presence) : std::nullopt;
  if (presence) {
    session.priority = Presence::priority_of(*presence).value_or(0);
    session.presence = std::make_unique<const Stanza>(std::move(*presence));
  }
  if (parked.directed.empty()) return;
  session.directed =
      std::make_unique<std::set<Jid>>(parked.directed.begin(), parked.directed.end());
}

// It holds nothing any more. Gives what it has missed.
MissedPresence forget(LocalAccount* account, std::string_view id) {
  ParkedSession* const entry = find(account, id);
  if (entry == nullptr) return {};
  for (const Stanza& stanza : entry->stream.queue) {
    if (stanza.archive_id() != 0) account->owed.give_back(stanza.archive_id());
  }
  auto missed = std::move(entry->missed);
  account->parked->erase(account->parked->begin() + (entry - account->parked->data()));
  if (account->parked->empty()) account->parked.reset();
  return missed;
}

}  // namespace

std::string ParkedSession::encode() const {
  Encoder out;
  out.number(kFormat).text(jid.full()).text(stream.id);
  out.number(stream.handled).number(stream.sent);
  out.number(static_cast<std::uint64_t>(stream.timeout.count()));
  out.number(static_cast<std::uint64_t>(until_us)).number(interested ? 1 : 0).text(presence);
  out.number(directed.size());
  for (const Jid& to : directed) out.text(to.full());
  out.number(marks.size());
  for (const std::string& mark : marks) out.text(mark);
  out.number(stream.queue.size());
  for (const Stanza& stanza : stream.queue) {
    out.number(stanza.archive_id()).text(stanza.to_xml());
  }
  return std::move(out).take();
}

std::optional<ParkedSession> ParkedSession::decode(std::string_view text) {
  Decoder in(text);
  if (in.number() != kFormat) return std::nullopt;
  ParkedSession parked;
  auto jid = Jid::parse(in.text());
  if (in.bad() || !jid || jid->is_bare()) return std::nullopt;
  parked.jid = std::move(*jid);
  parked.stream.id = in.text();
  parked.stream.handled = static_cast<std::uint32_t>(in.number());
  parked.stream.sent = static_cast<std::uint32_t>(in.number());
  const std::uint64_t timeout = in.number();
  const std::uint64_t until = in.number();
  if (timeout > kMostTime || until > kMostTime) return std::nullopt;
  parked.stream.timeout = std::chrono::seconds(timeout);
  parked.until_us = static_cast<std::int64_t>(until);
  parked.interested = in.number() != 0;
  parked.presence = in.text();
  for (std::uint64_t n = in.number(); n > 0 && !in.bad(); --n) {
    if (auto to = Jid::parse(in.text())) parked.directed.push_back(std::move(*to));
  }
  for (std::uint64_t n = in.number(); n > 0 && !in.bad(); --n) parked.marks.emplace_back(in.text());
  for (std::uint64_t n = in.number(); n > 0 && !in.bad(); --n) {
    const ArchiveId id = in.number();
    auto stanza = Stanza::parse(in.text());
    if (!stanza) return std::nullopt;
    stanza->set_archive_id(id);
    parked.stream.queue.push_back(std::move(*stanza));
  }
  if (in.bad() || !in.at_end()) return std::nullopt;
  return parked;
}

void ParkedSession::send_missed() {
  for (const auto& [unused, last] : missed) {
    auto stanza = Stanza::parse(last.presence);
    if (!stanza) continue;
    stream.queue.push_back(std::move(*stanza));
    ++stream.sent;
  }
  missed.clear();
}

void Parking::load(LocalAccount& account, const std::vector<store::Entry>& entries) {
  std::vector<ParkedSession> stored;
  for (const store::Entry& entry : entries) {
    if (!entry.key.starts_with(kKeyPrefix)) continue;
    auto parked = ParkedSession::decode(entry.value);
    if (parked && parked->jid.bare() == account.bare.full()) {
      stored.push_back(std::move(*parked));
    } else {
      log::error("parked_session_damaged", {{"jid", account.bare.full()}, {"key", entry.key}});
    }
  }
  // A session that was claimed and parked once more has its old id, but another time.
  const auto same_as = [](const ParkedSession& one) {
    return [&one](const ParkedSession& other) {
      return one.stream.id == other.stream.id && one.until_us == other.until_us;
    };
  };
  std::vector<std::string> gone;
  if (account.parked) {
    for (const ParkedSession& parked : *account.parked) {
      if (std::ranges::none_of(stored, same_as(parked))) gone.push_back(parked.stream.id);
    }
  }
  for (const std::string& id : gone) abandon(account.bare, id);
  const std::int64_t now = worker_.server().clock_us(worker_.loop().now());
  const auto before = std::exchange(account.parked, nullptr);
  for (ParkedSession& parked : stored) {
    const auto known = before ? std::ranges::find_if(*before, same_as(parked))
                              : std::vector<ParkedSession>::iterator();
    if (before && known != before->end()) {
      // What it holds, and what of that was given to others, is known here only.
      parked = std::move(*known);
    } else {
      // If its time is over, nobody has held them since: whoever is there gets them.
      if (parked.until_us <= now) {
        std::erase_if(parked.stream.queue, [](const Stanza& s) { return s.archive_id() != 0; });
      }
      hold(account, parked);
    }
    const auto missed =
        std::ranges::find(entries, missed_key_of(parked.stream.id), &store::Entry::key);
    if (missed != entries.end()) merge_missed(parked.missed, decode_missed(missed->value));
    watch(parked);
    if (!account.parked) account.parked = std::make_unique<std::vector<ParkedSession>>();
    account.parked->push_back(std::move(parked));
  }
}

// What it held waits for others.
void Parking::abandon(const Jid& bare, std::string_view id) {
  LocalAccount* const account = worker_.directory().find(bare.full());
  if (account == nullptr) return;
  forget(account, id);
  if (!account->owed.backlog()) return;
  if (!worker_.offline().look_again(*account)) worker_.remote().homes().kept_for_later(bare);
}

Task<void> Parking::park(SessionRef ref, StreamState stream) {
  const Session* session = worker_.directory().find(ref);
  if (session == nullptr) co_return;
  const Server& server = worker_.server();
  ParkedSession parked;
  parked.jid = session->jid;
  parked.stream = std::move(stream);
  parked.until_us = server.clock_us(worker_.loop().now()) +
                    std::chrono::microseconds(parked.stream.timeout).count();
  parked.interested = session->interested;
  if (session->presence) parked.presence = session->presence->to_xml();
  if (session->directed)
    parked.directed.assign(session->directed->begin(), session->directed->end());
  if (const Host* host = server.host(session->jid.domain()))
    parked.marks = host->marks_of(*session);

  LocalAccount& account = *session->account;
  if (!account.parked) account.parked = std::make_unique<std::vector<ParkedSession>>();
  account.parked->push_back(parked);
  const auto gone = worker_.directory().remove(const_cast<Session&>(*session));
  if (gone->counted) worker_.server().remove_session(gone->jid.domain());

  const Jid bare = ref.jid.to_bare();
  std::vector<store::Change> changes;
  // Both or none: by an older cursor whoever resumes it would be offered what it has.
  if (auto cursor = worker_.offline().cursor_change(account)) changes.push_back(std::move(*cursor));
  changes.push_back(put(claim_key_of(parked.stream.id), std::nullopt));
  changes.push_back(put(key_of(parked.stream.id), parked.encode()));
  changes.push_back(Remains::change(parked.stream.id, std::nullopt));
  const auto stored =
      co_await worker_.server().store().maps().apply(bare.str(), std::move(changes));
  if (!stored) {
    log::error("session_not_parked", {{"jid", ref.jid.full()}, {"error", stored.error().message}});
    co_await end(std::move(parked));
  } else {
    log::info("session_parked", {{"jid", ref.jid.full()},
                                 {"unacknowledged", parked.stream.queue.size()},
                                 {"timeout_s", parked.stream.timeout.count()}});
    co_await write_index(bare, parked.stream.id, std::string());
    LocalAccount* const here = worker_.directory().find(bare.full());
    if (ParkedSession* entry = find(here, parked.stream.id)) watch(*entry);
    co_await worker_.offline().save_cursor(bare);
  }
  if (server.cluster() == nullptr) co_return;
  const LocalAccount* left = worker_.directory().find(bare.full());
  if (left != nullptr && !left->sessions.empty()) co_return;
  worker_.remote().homes().release(bare);
}

// The first to write the claim has it. The entry stays until the session is bound, so that nobody
// who looks at the account meanwhile takes it for gone; then both are erased at once.
Task<Result<ParkedSession>> Parking::claim(Jid account, std::string id) {
  auto& maps = worker_.server().store().maps();
  const auto value_of = [](const std::vector<store::Entry>& entries, const std::string& key) {
    const auto entry = std::ranges::find(entries, key, &store::Entry::key);
    return entry == entries.end() ? std::nullopt : std::optional(entry->value);
  };
  const auto before = co_await maps.scan(account.str(), std::string(kMap));
  if (!before) co_return std::unexpected(before.error());
  if (!value_of(*before, key_of(id))) {
    abandon(account, id);
    co_return fail(Errc::not_found, "no such session is parked");
  }
  constexpr const char* kTaken = "somebody else is about to resume it";
  if (value_of(*before, claim_key_of(id))) co_return fail(Errc::exists, kTaken);
  const std::string token = random_token(kTokenCharacters);
  std::vector<store::Change> changes;
  changes.push_back(put(claim_key_of(id), token, true));
  const auto done = co_await maps.apply(account.str(), std::move(changes));
  if (!done) co_return std::unexpected(done.error());
  // Whoever has it now is not to lose it because the store was away for a moment.
  auto entries = co_await maps.scan(account.str(), std::string(kMap));
  for (int tries = 0; !entries && tries < kReadTries && !worker_.gate().closed(); ++tries) {
    co_await pause(worker_.loop(), kAgain);
    entries = co_await maps.scan(account.str(), std::string(kMap));
  }
  if (!entries) co_return std::unexpected(entries.error());
  const bool ours = value_of(*entries, claim_key_of(id)) == token;
  const auto value = value_of(*entries, key_of(id));
  if (!value) {
    // Bound by somebody else since we looked: it lives.
    abandon(account, id);
    if (ours) static_cast<void>(co_await erase(account, id));
  }
  if (!value || !ours) co_return fail(Errc::exists, kTaken);
  auto parked = ParkedSession::decode(*value);
  if (!parked || parked->jid.bare() != account.full()) {
    co_return fail(Errc::not_found, "the parked session is damaged");
  }
  co_return std::move(*parked);
}

Task<bool> Parking::put_back(Jid account, std::string id) {
  const auto known = co_await try_to_put_back(account, id);
  if (!known) worker_.gate().spawn(put_back_later(account, id));
  co_return !known || *known;
}

Task<Result<bool>> Parking::try_to_put_back(Jid account, std::string id) {
  auto& maps = worker_.server().store().maps();
  const auto there = co_await maps.get(account.str(), std::string(kMap), key_of(id));
  if (!there) co_return std::unexpected(there.error());
  if (!*there) co_return false;
  std::vector<store::Change> changes;
  changes.push_back(put(claim_key_of(id), std::nullopt));
  const auto done = co_await maps.apply(account.str(), std::move(changes));
  if (!done) co_return std::unexpected(done.error());
  co_return true;
}

Task<void> Parking::put_back_later(Jid account, std::string id) {
  while (!worker_.gate().closed()) {
    co_await pause(worker_.loop(), kAgain);
    if (co_await try_to_put_back(account, id)) co_return;
  }
}

Task<Result<>> Parking::erase(Jid account, std::string id, std::optional<store::Change> remains) {
  std::vector<store::Change> changes;
  if (remains) changes.push_back(std::move(*remains));
  for (const std::string& key : {key_of(id), claim_key_of(id), missed_key_of(id)}) {
    changes.push_back(put(key, std::nullopt));
  }
  auto erased = co_await worker_.server().store().maps().apply(account.str(), std::move(changes));
  if (erased) co_await write_index(account, id, std::nullopt);
  co_return erased;
}

void Parking::presence_came(LocalAccount& account, const Stanza& presence) {
  if (!account.parked) return;
  constexpr std::size_t kMax = 2'000;
  const bool availability = presence.type() == xmpp::StanzaType::available ||
                            presence.type() == xmpp::StanzaType::unavailable;
  if (presence.kind() != xmpp::StanzaKind::presence || !availability) return;
  const std::int64_t now = worker_.server().clock_us(worker_.loop().now());
  for (ParkedSession& parked : *account.parked) {
    const bool for_it = presence.to().is_bare() ? parked.available() : presence.to() == parked.jid;
    if (!for_it || parked.missed.size() >= kMax) continue;
    parked.missed[presence.from().str()] = {now, presence.to_xml()};
    parked.missed_changed = true;
  }
}

bool Parking::has_unsaved(const LocalAccount& account) {
  return account.parked && std::ranges::any_of(*account.parked, &ParkedSession::missed_changed);
}

Task<void> Parking::save_missed(Jid account) {
  const LocalAccount* here = worker_.directory().find(account.full());
  if (here == nullptr || !has_unsaved(*here)) co_return;
  auto& maps = worker_.server().store().maps();
  const auto entries = co_await maps.scan(account.str(), std::string(kMap));
  here = worker_.directory().find(account.full());
  if (here == nullptr || !here->parked) co_return;
  std::vector<store::Change> changes;
  for (ParkedSession& parked : *here->parked) {
    if (!std::exchange(parked.missed_changed, false) || !entries) continue;
    const std::string key = missed_key_of(parked.stream.id);
    const auto stored = std::ranges::find(*entries, key, &store::Entry::key);
    if (stored != entries->end()) merge_missed(parked.missed, decode_missed(stored->value));
    changes.push_back(put(key, encode_missed(parked.missed)));
  }
  // If the store is away, its clients see who has gone when those come again.
  const auto saved = co_await maps.apply(account.str(), std::move(changes));
  if (!entries || !saved) log::warning("missed_presence_not_stored", {{"jid", account.full()}});
}

Task<Result<>> Parking::collect_missed(ParkedSession& parked) {
  const std::string id = parked.stream.id;
  const Jid owner = parked.jid.to_bare();
  const auto stored = co_await worker_.server().store().maps().get(owner.str(), std::string(kMap),
                                                                   missed_key_of(id));
  if (!stored) co_return std::unexpected(stored.error());
  if (*stored) merge_missed(parked.missed, decode_missed(**stored));
  const Remains::Note note{parked.stream.handled, worker_.archive().last_id()};
  if (auto erased = co_await erase(owner, id, Remains::change(id, note)); !erased) {
    co_return erased;
  }
  merge_missed(parked.missed, forget(worker_.directory().find(owner.full()), id));
  co_return Result<>();
}

void Parking::restore(Session& session, const ParkedSession& parked) {
  LocalAccount& account = *session.account;
  session.interested = parked.interested;
  session.moved_at_us = session.bound_at_us;
  show_as(session, parked);
  if (const Host* host = worker_.server().host(session.jid.domain())) {
    host->set_marks(session, parked.marks);
  }
  hold(account, parked);
  if (session.available()) worker_.shown().began(session.jid);
  log::info("session_claimed", {{"jid", session.jid.full()}});
  worker_.offline().look_again(account);
  worker_.presence().probe_contacts({session.jid, session.id});
}

// As if its stream had ended now.
Task<void> Parking::end(ParkedSession parked) {
  const Jid bare = parked.jid.to_bare();
  static_cast<void>(
      co_await erase(bare, parked.stream.id, Remains::change(parked.stream.id, std::nullopt)));
  abandon(bare, parked.stream.id);
  Session gone;
  gone.jid = parked.jid;
  show_as(gone, parked);
  const auto roster = co_await worker_.roster(bare);
  worker_.presence().session_ended(gone, roster ? *roster : nullptr);
  // Of what is archived the cursor takes care.
  std::erase_if(parked.stream.queue, [](const Stanza& s) { return s.archive_id() != 0; });
  worker_.offline().return_unacknowledged(bare, std::move(parked.stream.queue));
}

Task<void> Parking::end_of_resource(Jid full, std::string except) {
  for (;;) {
    const LocalAccount* account = worker_.directory().find(full.bare());
    if (account == nullptr || !account->parked) co_return;
    const auto entry = std::ranges::find_if(*account->parked, [&](const ParkedSession& parked) {
      return parked.jid == full && parked.stream.id != except;
    });
    if (entry == account->parked->end()) co_return;
    const std::string id = entry->stream.id;
    ParkedSession parked = *entry;
    auto claimed = co_await claim(full.to_bare(), id);
    // If its client has claimed it elsewhere, that came to nothing, or it would not bind anew.
    const bool there = claimed || find(worker_.directory().find(full.bare()), id) != nullptr;
    if (claimed) parked = std::move(*claimed);
    if (there) co_await end(std::move(parked));
  }
}

Task<bool> Parking::read_again(Jid account) {
  if (worker_.directory().find(account.full()) == nullptr) {
    co_return (co_await worker_.load(account)).has_value();
  }
  const auto entries =
      co_await worker_.server().store().maps().scan(account.str(), std::string(kMap));
  LocalAccount* here = worker_.directory().find(account.full());
  if (entries && here != nullptr) {
    load(*here, *entries);
    worker_.shown().load(*here, *entries);
  }
  co_return entries.has_value();
}

void Parking::watch_all() {
  worker_.gate().spawn(look_at_all());
}

void Parking::when_known(std::move_only_function<void()> fn) {
  constexpr std::size_t kMax = 10'000;
  if (when_known_.size() < kMax) when_known_.push_back(std::move(fn));
}

Task<void> Parking::look_at_all() {
  ++looking_;
  co_await look_at_index();
  if (--looking_ > 0) co_return;
  // Behind what is to be looked at, account by account.
  for (auto& fn : std::exchange(when_known_, {})) worker_.loop().post(std::move(fn));
}

Task<void> Parking::look_at_index() {
  auto& maps = worker_.server().store().maps();
  auto parked = co_await maps.scan("", std::string(kIndex));
  // The store is away: what is parked must not be forgotten for that.
  while (!parked && !worker_.gate().closed()) {
    co_await pause(worker_.loop(), kAgain);
    parked = co_await maps.scan("", std::string(kIndex));
  }
  if (!parked) co_return;
  for (const store::Entry& entry : *parked) {
    const std::string_view account = std::string_view(entry.key).substr(0, entry.key.rfind(' '));
    if (worker_.server().home_of(account) != worker_.index() ||
        !worker_.remote().homes().is_here(account))
      continue;
    auto jid = Jid::parse(account);
    if (!jid) continue;
    const std::string id = entry.key.substr(account.size() + 1);
    worker_.turns().run(account,
                        [this, jid = std::move(*jid), id] { return look_at_indexed(jid, id); });
  }
}

Task<bool> Parking::adopt(Jid account) {
  // It may have a home elsewhere by now: what is read here would be out of date soon.
  if (!worker_.remote().homes().is_here(account.full())) co_return false;
  co_return co_await read_again(account);
}

Task<void> Parking::look_at_indexed(Jid account, std::string id) {
  if (!co_await adopt(account)) co_return;
  // Its account was removed, or the node that took it died before it had said so.
  if (find(worker_.directory().find(account.full()), id) == nullptr) {
    co_await write_index(account, id, std::nullopt);
  }
}

Task<void> Parking::write_index(Jid account, std::string id, std::optional<std::string> value) {
  std::vector<store::Change> changes(1);
  changes[0].map = kIndex;
  changes[0].key = account.str() + " " + id;
  changes[0].value = std::move(value);
  static_cast<void>(co_await worker_.server().store().maps().apply("", std::move(changes)));
}

void Parking::watch(ParkedSession& parked) {
  const std::int64_t now = worker_.server().clock_us(worker_.loop().now());
  const std::chrono::microseconds left(std::max<std::int64_t>(0, parked.until_us - now));
  parked.ends = worker_.loop().now() + left;
  watch(parked.jid.to_bare(), parked.stream.id, left);
}

void Parking::watch(const Jid& account, const std::string& id, Duration left) {
  worker_.loop().run_after(left, [this, account, id] {
    worker_.turns().run(account.full(), [this, account, id] { return look(account, id); });
  });
}

// Its time is over, unless somebody has resumed it.
Task<void> Parking::look(Jid account, std::string id) {
  const ParkedSession* const known = find(worker_.directory().find(account.full()), id);
  if (known == nullptr) co_return;
  if (!worker_.remote().homes().is_here(account.full())) co_return;  // another's business by now
  // It was resumed and parked once more since this timer was set.
  if (known->ends > worker_.loop().now()) co_return;
  auto parked = co_await claim(account, id);
  ParkedSession* const entry = find(worker_.directory().find(account.full()), id);
  const bool is_known =
      parked || parked.error().code == Errc::not_found || parked.error().code == Errc::exists;
  if (!is_known) {
    watch(account, id, kAgain);  // the store is away
  } else if (!parked && entry != nullptr) {
    // Somebody resumes it, and may have died over it.
    const TimePoint now = worker_.loop().now();
    if (!entry->overdue) {
      entry->overdue = now;
      watch(account, id, kClaimTime);
    } else if (now - *entry->overdue >= kClaimTime) {
      parked = *entry;  // which end() forgets
    }
  }
  if (!parked) co_return;
  log::info("parked_session_ended", {{"jid", parked->jid.full()}});
  co_await end(std::move(*parked));
}

}  // namespace starling::core
