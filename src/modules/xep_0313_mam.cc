// Message archive management (XEP-0313): an account's clients read the archive of its messages.
//
// What is archived, and by which ids, is core's (archive.h, archive_rules.h); this answers queries.
// Others are told service-unavailable, as for whatever only an account itself may ask.
#include <ranges>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "core/archive.h"
#include "core/archive_mark.h"
#include "core/archive_page.h"
#include "core/archive_query.h"
#include "core/module.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

using core::ArchiveId;
using core::ArchivePage;
using core::At;
using core::IqReply;
using core::IqRequest;
using xmpp::Stanza;
using xmpp::StanzaType;

constexpr std::string_view kExtended = "urn:xmpp:mam:2#extended";
constexpr std::string_view kGroupchatField = "urn:xmpp:mam:2#groupchat-field";

// The stored <message/>, as it stands in another element; "" if it is damaged.
std::string embedded(const store::LogEntry& entry) {
  constexpr std::string_view kStart = "<message";
  const auto message = core::message_of(entry);
  if (!message || message->kind() != xmpp::StanzaKind::message ||
      !entry.value.starts_with(kStart)) {
    return {};
  }
  std::string text(kStart);
  text += " xmlns='jabber:client'";
  text += core::behind_mark(entry.value);
  return text;
}

// Section 4.2.
std::string result_xml(std::string_view uid, std::string_view query_id, ArchiveId id,
                       std::string_view message) {
  xml::Writer w;
  w.open("result", xmpp::ns::kArchive).attribute_if("queryid", query_id).attribute("id", uid);
  w.open("forwarded", xmpp::ns::kForward);
  w.open("delay", xmpp::ns::kDelay);
  w.attribute("stamp", xmpp_datetime_us(core::archive_time_us(id))).close();
  w.raw(message).close().close();
  return std::move(w).take();
}

// To this session, past whatever holds back what comes by itself: it was asked for.
void send_results(const IqRequest& request, const ArchivePage& page,
                  const core::ArchiveQuery& query) {
  core::Session* session = request.worker->directory().find(request.session);
  if (session == nullptr) return;
  Stanza envelope = Stanza::from_text("<message/>");
  envelope.set_from(request.stanza.to());
  envelope.set_to(session->jid);
  const auto send = [&](const store::LogEntry& entry) {
    const std::string message = embedded(entry);
    if (message.empty()) {
      log::error("archived_message_damaged",
                 {{"jid", request.stanza.to().full()}, {"id", entry.id}});
      return;
    }
    Stanza result = envelope;
    result.add_child(result_xml(request.worker->archive().uid().encode(entry.id), query.query_id,
                                entry.id, message));
    session->outbox->deliver(result);
  };
  if (query.flipped) {
    for (const auto& entry : page.entries | std::views::reverse) send(entry);
  } else {
    for (const auto& entry : page.entries) send(entry);
  }
}

std::string fin_xml(const core::ArchiveUid& uid, const ArchivePage& page) {
  xmpp::PageAnswer answer;
  if (!page.entries.empty()) {
    answer.first = uid.encode(page.entries.front().id);
    answer.last = uid.encode(page.entries.back().id);
  }
  answer.count = page.count;
  xml::Writer w;
  w.open("fin", xmpp::ns::kArchive).attribute_if("complete", page.complete ? "true" : "");
  answer.write(w);
  w.close();
  return std::move(w).take();
}

// Section 4.
Task<IqReply> answer_query(IqRequest request) {
  auto query = core::ArchiveQuery::parse(request.payload());
  if (!query) co_return std::unexpected(std::move(query.error()));
  // Of many questions asked at once, those of a client that has gone meanwhile cost nothing.
  if (request.worker->directory().find(request.session) == nullptr) {
    co_return std::unexpected(xmpp::StanzaError{xmpp::StanzaCondition::gone, {}, {}});
  }
  const auto page = co_await core::read_archive(*request.worker, request.stanza.to(), *query);
  if (!page) co_return std::unexpected(page.error());
  send_results(request, *page, *query);
  co_return fin_xml(request.worker->archive().uid(), *page);
}

// Section 4.1.5.
Task<IqReply> answer_form(IqRequest /*request*/) {
  co_return core::archive_query_form();
}

// Section 5.
Task<IqReply> answer_metadata(IqRequest request) {
  const auto ends = co_await core::read_archive_ends(*request.worker, request.stanza.to());
  if (!ends) co_return std::unexpected(ends.error());
  xml::Writer w;
  w.open("metadata", xmpp::ns::kArchive);
  const auto write = [&](std::string_view name, ArchiveId id) {
    w.open(name).attribute("id", request.worker->archive().uid().encode(id));
    w.attribute("timestamp", xmpp_datetime_us(core::archive_time_us(id))).close();
  };
  if (ends->last != 0) {
    write("start", ends->first);
    write("end", ends->last);
  }
  w.close();
  co_return std::move(w).take();
}

void setup(core::Host& host) {
  // Section 7: of the JID that has the archive, which the host has not.
  host.disco_feature(At::account, xmpp::ns::kArchive);
  host.disco_feature(At::account, kExtended);
  host.disco_feature(At::account, kGroupchatField);
  host.disco_feature(At::account, xmpp::ns::kStanzaId);
  host.on_own_iq(StanzaType::set, "query", xmpp::ns::kArchive, answer_query);
  host.on_own_iq(StanzaType::get, "query", xmpp::ns::kArchive, answer_form);
  host.on_own_iq(StanzaType::get, "metadata", xmpp::ns::kArchive, answer_metadata);
}

}  // namespace

extern const core::Module kMam;
const core::Module kMam{"archive", {313, "1.1.3"}, "Message archive management", setup};

}  // namespace starling::modules
