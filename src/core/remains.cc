#include "core/remains.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <ranges>
#include <utility>

#include "base/log.h"
#include "cluster/wire.h"
#include "core/archive.h"
#include "core/archive_mark.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using cluster::Decoder;
using cluster::Encoder;
using store::LogEntry;
using store::LogFilter;
using xmpp::Jid;
using xmpp::Stanza;

namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::string_view kMap = Offline::kMap;  // beside the cursor: one read has both
constexpr std::string_view kPrefix = "count ";    // and the resumption id
constexpr std::uint32_t kPage = 100;
constexpr std::size_t kMostRead = 1'000;       // entries, for one that asks
constexpr std::chrono::seconds kRedoTime{10};  // a node that stops waits no longer either
// The clocks of two nodes differ by less.
constexpr ArchiveId kClocksDiffer = archive_id_at(10'000'000);

std::string key_of(std::string_view id) {
  return std::string(kPrefix) + std::string(id);
}

std::optional<Remains::Note> decode(std::string_view text) {
  Decoder in(text);
  if (in.number() != kFormat) return std::nullopt;
  Remains::Note note;
  note.handled = static_cast<std::uint32_t>(in.number());
  note.since = in.number();
  if (in.bad() || note.since > Remains::kNoMarks) return std::nullopt;
  return note;
}

// A message that the session has sent; numbers are those beyond the note's, which may wrap around.
struct Sent {
  std::int32_t number;
  std::int32_t handled;
  LogEntry entry;
};

// Newest first; nullopt if it cannot be known whether these are enough.
Task<std::optional<std::vector<Sent>>> read_sent(Worker& worker, Jid account, std::string tag,
                                                 Remains::Note note) {
  std::vector<Sent> sent;
  LogFilter filter;
  filter.after = note.since;
  std::int32_t handled = 0;
  for (std::size_t read = 0; read < kMostRead;) {
    auto page = co_await worker.server().store().logs().read(
        account.str(), std::string(kArchiveLog), filter, kPage, true);
    if (!page) co_return std::nullopt;
    for (LogEntry& entry : page->entries | std::views::reverse) {
      const auto mark = mark_of(entry.value);
      if (!mark || mark->tag != tag) continue;
      sent.push_back({static_cast<std::int32_t>(mark->number - note.handled),
                      static_cast<std::int32_t>(mark->handled - note.handled), std::move(entry)});
      handled = std::max(handled, sent.back().handled);
      // Numbers rise with ids: what lies before it is counted anyhow.
      if (sent.back().number <= handled + 1) co_return sent;
    }
    if (page->complete) co_return sent;
    read += page->entries.size();
    filter.before = page->entries.front().id;
  }
  co_return std::nullopt;
}

// Tells when all that it was given to is durable, or answered.
class Redone final : public xmpp::Receipt {
 public:
  Redone(EventLoop& loop, Completion<bool>::Resume resume)
      : loop_(loop), resume_(std::move(resume)) {}
  ~Redone() override {
    loop_.post([resume = std::move(resume_)]() mutable { resume(true); });
  }
  Redone(const Redone&) = delete;
  Redone& operator=(const Redone&) = delete;

 private:
  EventLoop& loop_;
  Completion<bool>::Resume resume_;
};

std::string text_of(const Stanza& message) {
  const auto body = message.element().child("body", message.element().ns());
  return std::string(message.id()) + "\n" + (body ? body->text() : std::string());
}

// What the sender's messages are in the archive of their addressee, from about this id on.
Task<std::optional<std::vector<std::string>>> read_received(Worker& worker, Jid from, Jid by,
                                                            ArchiveId id) {
  std::vector<std::string> received;
  LogFilter filter;
  filter.after = id - std::min(id, kClocksDiffer);
  filter.peer = from.bare();
  filter.detail = from.resource();
  for (const std::string_view log : {kArchiveLog, kTransientLog}) {
    const auto page = co_await worker.server().store().logs().read(by.str(), std::string(log),
                                                                   filter, kMostRead, false);
    if (!page) co_return std::nullopt;
    for (const LogEntry& entry : page->entries) {
      if (const auto message = message_of(entry)) received.push_back(text_of(*message));
    }
  }
  co_return received;
}

// The addressee's home may have died as well: then the keeper keeps it, as for anybody.
cluster::NodeId silent_home(const Server& server, std::string_view account) {
  const cluster::Cluster* cluster = server.cluster();
  const auto home = cluster != nullptr ? cluster->homes().find(account) : std::nullopt;
  return home && !cluster->reachable(home->node) ? home->node : 0;
}

// Every one of these, oldest first, reaches its addressee's archive, if it is not there. False if
// that cannot be known.
Task<bool> see_to(Worker& worker, std::vector<LogEntry> entries) {
  std::map<std::string, std::vector<std::string>, std::less<>> received;  // by addressee
  std::vector<Stanza> missing;
  for (const LogEntry& entry : entries) {
    auto message = message_of(entry);
    if (!message) continue;
    auto of = received.find(entry.peer);
    if (of == received.end()) {
      auto read =
          co_await read_received(worker, message->from(), message->to().to_bare(), entry.id);
      if (!read) co_return false;
      of = received.emplace(entry.peer, std::move(*read)).first;
    }
    // One without an id cannot be told from others: rather twice than not at all.
    const auto there = std::ranges::find(of->second, text_of(*message));
    if (there != of->second.end() && !message->id().empty()) {
      of->second.erase(there);
      continue;
    }
    message->set_archive_id(entry.id);
    add_delay(*message, message->from());
    message->set_archive_id(0);
    message->set_not_at(silent_home(worker.server(), entry.peer));
    worker.journal().identify(*message);
    worker.journal().note(Journal::Event::made_here, *message);
    log::info("message_sent_on", {{"jid", message->from().full()},
                                  {"to", message->to().full()},
                                  {"trace_id", message->trace_id().str()}});
    missing.push_back(std::move(*message));
  }
  if (missing.empty()) co_return true;
  Completion<bool> done([&](auto resume) {
    const auto once = std::make_shared<decltype(resume)>(std::move(resume));
    const auto end = [once](bool in_time) {
      if (*once) std::exchange(*once, nullptr)(in_time);
    };
    worker.loop().run_after(kRedoTime, [end] { end(false); });
    const xmpp::ReceiptPtr receipt(new Redone(worker.loop(), end));
    for (Stanza& message : missing) {
      message.set_receipt(receipt);
      worker.router().route(std::move(message));
    }
  });
  co_return co_await done;
}

}  // namespace

std::string_view Remains::tag_of(std::string_view id) {
  return id.substr(0, ArchiveMark::kTagBytes);
}

store::Change Remains::change(std::string_view id, std::optional<Note> note) {
  store::Change change;
  change.map = kMap;
  change.key = key_of(id);
  if (note) {
    Encoder out;
    change.value = std::move(out.number(kFormat).number(note->handled).number(note->since)).take();
  }
  return change;
}

Task<bool> Remains::write(Jid account, std::string id, Note note) {
  if (worker_.remote().lapsed()) co_return false;  // it may be at home elsewhere by now
  std::vector<store::Change> changes;
  changes.push_back(change(id, note));
  const auto written =
      co_await worker_.server().store().maps().apply(account.str(), std::move(changes));
  co_return written.has_value();
}

void Remains::erase(const Jid& account, const std::string& id) {
  const auto run = [](Worker* worker, std::string owner, std::string of) -> Task<void> {
    std::vector<store::Change> changes;
    changes.push_back(change(of, std::nullopt));
    static_cast<void>(
        co_await worker->server().store().maps().apply(std::move(owner), std::move(changes)));
  };
  worker_.gate().spawn(run(&worker_, account.str(), id));
}

void Remains::load(const LocalAccount& account, const std::vector<store::Entry>& entries) {
  const Host* host = worker_.server().host(account.bare.domain());
  if (host == nullptr) return;
  for (const store::Entry& entry : entries) {
    if (!entry.key.starts_with(kPrefix)) continue;
    worker_.loop().run_after(
        host->options().stream_management.max_resume_timeout,
        [this, bare = account.bare, entry] { worker_.gate().spawn(drop(bare, entry)); });
  }
}

Task<void> Remains::drop(Jid account, store::Entry entry) {
  const LocalAccount* here = worker_.directory().find(account.full());
  const auto elsewhere = [](const auto& session) { return session->outbox->node() != 0; };
  // It may be that one's.
  if (here != nullptr && std::ranges::any_of(here->sessions, elsewhere)) co_return;
  auto& maps = worker_.server().store().maps();
  const auto now = co_await maps.get(account.str(), std::string(kMap), entry.key);
  // Or somebody else's, who goes on with it.
  if (!now || *now != entry.value) co_return;
  erase(account, entry.key.substr(kPrefix.size()));
}

Task<std::optional<std::uint32_t>> Remains::take(Jid account, std::string id) {
  const auto value =
      co_await worker_.server().store().maps().get(account.str(), std::string(kMap), key_of(id));
  const auto note = value && *value ? decode(**value) : std::nullopt;
  if (!note) co_return std::nullopt;
  auto sent = co_await read_sent(worker_, account, std::string(tag_of(id)), *note);
  if (!sent) co_return std::nullopt;
  std::int32_t handled = 0;
  for (const Sent& one : *sent) handled = std::max(handled, one.handled);
  std::vector<LogEntry> doubtful;
  for (Sent& one : *sent | std::views::reverse) {
    if (one.number != handled + 1) continue;
    doubtful.push_back(std::move(one.entry));
    ++handled;
  }
  if (!co_await see_to(worker_, std::move(doubtful))) co_return std::nullopt;
  erase(account, id);
  const std::uint32_t h = note->handled + static_cast<std::uint32_t>(handled);
  log::info("session_lost", {{"jid", account.full()}, {"h", h}});
  co_return h;
}

}  // namespace starling::core
