// Messages and archives.
#include <array>
#include <utility>

#include "admin/call.h"
#include "base/clock.h"
#include "core/in_turn.h"
#include "core/operations.h"
#include "core/retention.h"
#include "xml/document.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::admin {

namespace {

template <class T>
using Step = std::move_only_function<Task<Result<T>>(core::Worker&)>;

// Only those of this server have anything said in their name.
Result<> check_sender(const core::Server& server, const xmpp::Jid& from) {
  if (server.host(from.domain()) != nullptr) return {};
  return fail(Errc::invalid, "FROM is not of this server: " + from.str());
}

Task<Result<Json>> send(core::Server* server, xmpp::Stanza stanza, xmpp::Jid from, xmpp::Jid to) {
  if (auto good = check_sender(*server, from); !good) co_return std::unexpected(good.error());
  stanza.set_from(from);
  stanza.set_to(to);
  const auto sent = co_await core::send_as(*server, std::move(stanza));
  if (!sent) co_return std::unexpected(sent.error());
  co_return Json("sent to " + to.str());
}

Task<Result<Json>> send_message(Call call) {
  xml::Writer w;
  w.open("message");
  if (call.arguments[0] != "normal") w.attribute("type", call.arguments[0]);
  if (!call.arguments[3].empty()) w.open("subject").text(call.arguments[3]).close();
  w.open("body").text(call.arguments[4]).close().close();
  auto message = xmpp::Stanza::from_text(std::move(w).take());
  co_return co_await send(&call.server, std::move(message), call.jid(1), call.jid(2));
}

Task<Result<Json>> send_stanza(Call call) {
  const auto document = xml::Document::parse(call.arguments[2], xmpp::ns::kClient);
  if (!document) co_return fail(Errc::invalid, "STANZA is not one well-formed XML element");
  auto stanza = xmpp::Stanza::from_document(document, xmpp::ns::kClient);
  if (!stanza) {
    const auto& error = stanza.error().error;
    co_return fail(Errc::invalid, "STANZA is no stanza of jabber:client" +
                                      (error ? ": " + error->text : std::string()));
  }
  co_return co_await send(&call.server, std::move(*stanza), call.jid(0), call.jid(1));
}

Task<Result<Json>> get_offline_count(Call call) {
  Step<Json> step = [account = call.account()](core::Worker& home) -> Task<Result<Json>> {
    const auto loaded = co_await home.load(account);
    if (!loaded) co_return std::unexpected(loaded.error());
    const auto count = co_await home.offline().waiting(account);
    if (!count) co_return std::unexpected(count.error());
    co_return Json(*count);
  };
  co_return co_await core::in_turn<Json>(call.server, call.account(), std::move(step));
}

Task<Result<Json>> get_mam_count(Call call) {
  const auto count = co_await call.server.store().logs().count(
      call.account().str(), std::string(core::kArchiveLog), store::LogFilter());
  if (!count) co_return std::unexpected(count.error());
  co_return Json(*count);
}

// What passes the filter and does not wait for a client any more.
Task<Result<Json>> remove_settled(core::Server* server, xmpp::Jid account,
                                  store::LogFilter filter) {
  Step<Json> step = [account, filter](core::Worker& home) -> Task<Result<Json>> {
    const auto loaded = co_await home.load(account);
    if (!loaded) co_return std::unexpected(loaded.error());
    if (*loaded == nullptr) co_return fail(Errc::not_found, "there is no such account");
    co_await home.archive().written(account);
    const core::LocalAccount* live = home.directory().find(account.full());
    const auto waiting = co_await home.offline().waiting(account);
    if (!waiting) co_return std::unexpected(waiting.error());
    live = home.directory().find(account.full());
    store::LogFilter settled = filter;
    if (live != nullptr && *waiting > 0) settled.before = live->owed.first_unsettled();
    const auto removed =
        co_await core::trim_log(home.server().store().logs(), home.gate(), account.str(),
                                std::string(core::kArchiveLog), std::move(settled));
    if (!removed) co_return std::unexpected(removed.error());
    co_return Json(*removed);
  };
  co_return co_await core::in_turn<Json>(*server, account, std::move(step));
}

Task<Result<Json>> remove_mam_for_user(Call call) {
  co_return co_await remove_settled(&call.server, call.account(), store::LogFilter());
}

Task<Result<Json>> remove_mam_for_user_with_peer(Call call) {
  const xmpp::Jid peer = call.jid(2);
  store::LogFilter filter;
  filter.peer = peer.bare();
  if (!peer.is_bare()) filter.detail = peer.resource();
  co_return co_await remove_settled(&call.server, call.account(), std::move(filter));
}

Task<Result<Json>> delete_old_mam_messages(Call call) {
  constexpr std::int64_t kDayUs = std::int64_t{86'400} * 1'000'000;
  constexpr std::int64_t kMaxDays = 36'500;
  if (call.integer(1) > kMaxDays) co_return fail(Errc::invalid, "DAYS is at most 36500");
  std::uint64_t removed = 0;
  // There is no group chat yet, so no archive of any.
  if (call.arguments[0] == "groupchat") co_return Json(removed);
  store::LogFilter old;
  old.before = core::archive_id_at(wall_clock_us() - call.integer(1) * kDayUs);
  const std::vector<std::string> hosts = call.server.host_names();
  const Gate& gate = call.server.worker(0).gate();
  for (const auto& host : hosts) {
    const auto names = co_await core::registered_names(call.server, host);
    if (!names) co_return std::unexpected(names.error());
    for (const auto& name : *names) {
      if (gate.closed()) co_return fail(Errc::unavailable, "the server is stopping");
      const std::string owner = name + "@" + host;
      const auto gone = co_await core::trim_log(call.server.store().logs(), gate, owner,
                                                std::string(core::kArchiveLog), old);
      if (!gone) co_return std::unexpected(gone.error());
      removed += *gone;
    }
  }
  co_return Json(removed);
}

}  // namespace

std::span<const Handler> message_handlers() {
  static constexpr std::array kHandlers{
      Handler{"send_message", send_message},
      Handler{"send_stanza", send_stanza},
      Handler{"get_offline_count", get_offline_count, true},
      Handler{"get_mam_count", get_mam_count, true},
      Handler{"remove_mam_for_user", remove_mam_for_user, true},
      Handler{"remove_mam_for_user_with_peer", remove_mam_for_user_with_peer, true},
      Handler{"delete_old_mam_messages", delete_old_mam_messages},
  };
  return kHandlers;
}

}  // namespace starling::admin
