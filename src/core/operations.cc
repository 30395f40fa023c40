#include "core/operations.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "base/run_on.h"
#include "core/in_turn.h"
#include "core/server.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::core {

namespace {

template <class T>
using AccountStep = std::move_only_function<Task<Result<T>>(Worker&)>;

std::string text_of(const xmpp::Stanza& presence, std::string_view name) {
  const auto child = presence.element().child(name, xmpp::ns::kClient);
  return child ? child->text() : std::string();
}

SessionInfo info_of(const Session& session) {
  SessionInfo info;
  info.jid = session.jid;
  info.connection = session.outbox->connection();
  info.remote = session.outbox->remote();
  info.bound_at_us = session.bound_at_us;
  info.priority = session.priority;
  info.show = "unavailable";
  if (!session.available()) return info;
  info.show = text_of(*session.presence, "show");
  if (info.show.empty()) info.show = "available";
  info.status = text_of(*session.presence, "status");
  return info;
}

Error no_account(const xmpp::Jid& account) {
  return {Errc::not_found, "there is no account " + account.str()};
}

Error refusal(const xmpp::StanzaError& error) {
  const std::string words(xmpp::to_string(error.condition));
  const Errc code = error.condition == xmpp::StanzaCondition::item_not_found ? Errc::not_found
                    : error.condition == xmpp::StanzaCondition::resource_constraint
                        ? Errc::unavailable
                        : Errc::invalid;
  return {code, error.text.empty() ? words : words + ": " + error.text};
}

}  // namespace

Task<std::vector<SessionInfo>> session_infos(Server& server) {
  std::vector<SessionInfo> infos;
  for (std::size_t i = 0; i < server.worker_count(); ++i) {
    Worker& worker = server.worker(i);
    const auto collect = [&worker] {
      std::vector<SessionInfo> found;
      worker.directory().for_each(
          [&found](const Session& session) { found.push_back(info_of(session)); });
      return found;
    };
    auto found = co_await run_on(worker.loop(), collect);
    std::ranges::move(found, std::back_inserter(infos));
  }
  std::ranges::sort(infos, {}, &SessionInfo::jid);
  co_return infos;
}

Task<std::vector<SessionInfo>> session_infos(Server& server, xmpp::Jid account) {
  Worker& home = server.worker(server.home_of(account.bare()));
  const auto collect = [&home, account] {
    std::vector<SessionInfo> found;
    const LocalAccount* live = home.directory().find(account.bare());
    if (live == nullptr) return found;
    for (const auto& session : live->sessions) found.push_back(info_of(*session));
    return found;
  };
  co_return co_await run_on(home.loop(), collect);
}

Task<Result<std::string>> ask_as(Server& server, xmpp::Jid account, xmpp::StanzaType type,
                                 std::string payload) {
  xml::Writer w;
  w.open("iq").attribute("type", xmpp::to_string(type)).attribute("id", "ctl");
  w.raw(payload).close();
  auto iq = xmpp::Stanza::from_text(std::move(w).take());
  iq.set_from(account);
  iq.set_to(account);
  AccountStep<std::string> step = [account, iq](Worker& home) -> Task<Result<std::string>> {
    const auto loaded = co_await home.load(account);
    if (!loaded) co_return std::unexpected(loaded.error());
    if (*loaded == nullptr) co_return std::unexpected(no_account(account));
    const Host* host = home.server().host(account.domain());
    if (host == nullptr) co_return std::unexpected(no_account(account));  // since a moment ago
    const auto found = host->find_handler(At::account, iq);
    if (found.handler == nullptr || found.without_turn) {
      co_return fail(Errc::invalid, "no module of this host answers that");
    }
    IqRequest request{iq, &home, host, {}};
    auto reply = co_await (*found.handler)(std::move(request));
    if (!reply) co_return std::unexpected(refusal(reply.error()));
    co_return std::move(*reply);
  };
  co_return co_await in_turn(server, account, std::move(step));
}

Task<Result<>> send_as(Server& server, xmpp::Stanza stanza) {
  const xmpp::Jid sender = stanza.from().to_bare();
  if (sender.local().empty()) {
    Worker& worker = server.worker(0);
    const auto route = [&worker, stanza] {
      worker.router().route(stanza);
      return true;
    };
    co_await run_on(worker.loop(), route);
    co_return Result<>{};
  }
  AccountStep<void> step = [sender, stanza](Worker& home) -> Task<Result<>> {
    const auto loaded = co_await home.load(sender);
    if (!loaded) co_return std::unexpected(loaded.error());
    if (*loaded == nullptr) co_return std::unexpected(no_account(sender));
    if (stanza.kind() == xmpp::StanzaKind::message) {
      home.router().send(stanza);
    } else {
      home.router().route(stanza);
    }
    co_return Result<>{};
  };
  co_return co_await in_turn(server, sender, std::move(step));
}

Task<std::vector<xmpp::Jid>> connected_jids(Server& server) {
  std::vector<xmpp::Jid> jids;
  for (std::size_t i = 0; i < server.worker_count(); ++i) {
    Worker& worker = server.worker(i);
    const auto collect = [&worker] {
      std::vector<xmpp::Jid> found;
      worker.directory().for_each(
          [&found](const Session& session) { found.push_back(session.jid); });
      return found;
    };
    auto found = co_await run_on(worker.loop(), collect);
    jids.insert(jids.end(), found.begin(), found.end());
  }
  std::ranges::sort(jids);
  co_return jids;
}

Task<Result<std::vector<std::string>>> registered_names(Server& server, std::string host,
                                                        std::size_t limit) {
  constexpr std::size_t kPage = 1'000;
  std::vector<std::string> names;
  while (names.size() < limit) {
    const auto wanted = static_cast<std::uint32_t>(std::min(kPage, limit - names.size()));
    const std::string after = names.empty() ? std::string() : names.back();
    auto page = co_await server.store().accounts().list(host, after, wanted);
    if (!page) co_return std::unexpected(page.error());
    names.insert(names.end(), page->begin(), page->end());
    if (page->size() < wanted) break;
  }
  co_return names;
}

Task<std::size_t> end_sessions(Server& server, xmpp::Jid jid, std::string text) {
  Worker& home = server.worker(server.home_of(jid.bare()));
  const auto end = [&home, jid, text = std::move(text)]() -> std::size_t {
    constexpr auto kCondition = xmpp::StreamCondition::policy_violation;
    if (jid.is_bare()) return home.end_sessions(jid.full(), kCondition, text);
    Session* session = home.directory().find_session(jid);
    if (session == nullptr) return 0;
    Outbox* outbox = session->outbox;
    home.unbind(*session);
    outbox->end(kCondition, text);
    return 1;
  };
  co_return co_await run_on(home.loop(), end);
}

Task<std::size_t> announce(Server& server, std::string host, xmpp::Stanza message) {
  message.set_from(*xmpp::Jid::parse(host));
  std::size_t reached = 0;
  for (std::size_t i = 0; i < server.worker_count(); ++i) {
    Worker& worker = server.worker(i);
    const auto send = [&worker, &host, &message] {
      std::vector<xmpp::Jid> recipients;
      worker.directory().for_each([&](const Session& session) {
        if (session.available() && session.jid.domain() == host) recipients.push_back(session.jid);
      });
      for (const auto& recipient : recipients) {
        xmpp::Stanza copy = message;
        copy.set_to(recipient);
        worker.router().route(std::move(copy));
      }
      return recipients.size();
    };
    reached += co_await run_on(worker.loop(), send);
  }
  co_return reached;
}

}  // namespace starling::core
