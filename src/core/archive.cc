#include "core/archive.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "cluster/cluster.h"
#include "core/archive_mark.h"
#include "core/messages_lost.h"
#include "core/server.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::core {

using xmpp::Jid;
using xmpp::Stanza;

std::optional<Stanza> message_of(const store::LogEntry& entry) {
  return Stanza::parse(entry.value);
}

void remove_foreign_ids(Stanza& message, const Jid& account) {
  message.remove_children([&account](const xml::Element& child) {
    if (!child.is("stanza-id", xmpp::ns::kStanzaId)) return false;
    const auto by = Jid::parse(child.attribute("by").value_or(""));
    return by && by->bare() == account.full();
  });
}

Archive::Archive(Worker& worker) : worker_(worker), uid_(random_bytes(ArchiveUid::kSecretBytes)) {}

void Archive::begin(std::string_view uid_secret, ArchiveId last_id) {
  uid_ = ArchiveUid(uid_secret);
  last_id_ = reserved_ = last_id;
}

ArchiveId Archive::next_id() {
  const ArchiveId now = archive_id_at(worker_.server().clock_us(worker_.loop().now()));
  const ArchiveId slot = worker_.server().slot();
  last_id_ = std::max(now, archive_id_at(archive_time_us(last_id_) + 1)) | slot;
  if (last_id_ >= reserved_) {
    // Queued before the write of what gets this id: the store keeps that order.
    constexpr ArchiveId kOneSecond = archive_id_at(1'000'000);
    reserved_ = last_id_ + kOneSecond;
    worker_.gate().spawn(reserve(reserved_));
  }
  return last_id_;
}

void Archive::saw(ArchiveId id) {
  last_id_ = std::max(last_id_, id);
  if (auto* const cluster = worker_.server().cluster()) {
    cluster->not_before(archive_time_us(id), worker_.loop().now());
  }
}

Task<void> Archive::reserve(ArchiveId until) {
  std::vector<store::Change> changes(1);
  changes[0].map = kClockMap;
  changes[0].key = std::to_string(worker_.server().slot()) + "." + std::to_string(worker_.index());
  changes[0].value = std::to_string(until);
  const auto done = co_await worker_.server().store().maps().apply("", std::move(changes));
  if (!done) reserved_ = 0;  // so that the next id tries again
}

std::string Archive::stanza_id(const Jid& account, ArchiveId id) const {
  xml::Writer w;
  w.open("stanza-id", xmpp::ns::kStanzaId).attribute("by", account.full());
  w.attribute("id", uid_.encode(id)).close();
  return std::move(w).take();
}

void Archive::store_incoming(LocalAccount& account, Keep keep, Stanza& message) {
  store::LogEntry entry;
  entry.id = next_id();
  entry.peer = message.from().bare();
  entry.detail = message.from().resource();
  entry.value = message.to_xml();
  message.set_archive_id(entry.id);
  if (keep == Keep::archived) {
    message.add_child(stanza_id(account.bare, entry.id));
  } else {
    account.has_transient = true;
  }
  const std::string_view log = keep == Keep::archived ? kArchiveLog : kTransientLog;
  begin_append(account, append(std::string(log), std::move(entry), account.bare, message, true));
}

ArchiveId Archive::store_sent(LocalAccount& account, const Stanza& message) {
  const ArchiveId id = next_id();
  store::LogEntry entry;
  entry.id = id;
  entry.peer = message.to().bare();
  entry.detail = message.to().resource();
  entry.value = message.to_xml();
  if (const auto& receipt = message.receipt()) add_mark(entry.value, receipt->archiving(id));
  begin_append(account,
               append(std::string(kArchiveLog), std::move(entry), account.bare, message, false));
  return id;
}

// While the worker stops it is refused; nobody is to wait for it then.
void Archive::begin_append(LocalAccount& account, Task<void> write) {
  ++account.appending;
  if (!worker_.gate().spawn(std::move(write))) --account.appending;
}

Task<void> Archive::written(Jid account_jid) {
  for (;;) {
    LocalAccount* account = worker_.directory().find(account_jid.full());
    if (account == nullptr || account->appending == 0) co_return;
    Completion<bool> appended(
        [account](auto resume) { account->when_appended.push_back(std::move(resume)); });
    co_await appended;
  }
}

// The message, and with it its receipt, lives until the write has ended.
Task<void> Archive::append(std::string log, store::LogEntry entry, Jid owner, Stanza message,
                           bool incoming) {
  const ArchiveId id = entry.id;
  const auto stored = co_await worker_.server().store().logs().append(owner.str(), std::move(log),
                                                                      std::move(entry));
  if (LocalAccount* account = worker_.directory().find(owner.full())) {
    if (!stored && incoming) account->owed.forget(id);
    if (--account->appending == 0) {
      for (auto& resume : std::exchange(account->when_appended, {})) resume(true);
    }
  }
  if (stored) co_return;
  if (!incoming && message.receipt()) message.receipt()->not_archived();
  log::error("message_not_stored", {{"owner", owner.full()},
                                    {"from", message.from().full()},
                                    {"error", stored.error().message},
                                    {"trace_id", message.trace_id().str()}});
  worker_.journal().note(Journal::Event::not_written, message, id);
  // The sender's copy fails when the addressee's does; one error is enough.
  if (!incoming) co_return;
  message_lost(Lost::not_stored);
  worker_.router().bounce(message, xmpp::StanzaCondition::resource_constraint,
                          "the message cannot be stored at the moment");
}

}  // namespace starling::core
