#include "core/operations.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <utility>

#include "base/run_on.h"
#include "core/account_ban.h"
#include "core/account_removal.h"
#include "core/in_turn.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::core {

namespace {

template <class T>
using AccountStep = std::move_only_function<Task<Result<T>>(Worker&)>;

// Lists of sessions are no place for essays.
std::string beginning_of(std::string text) {
  constexpr std::size_t kMost = 1'000;
  if (text.size() <= kMost) return text;
  std::size_t size = kMost;
  while ((static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;  // not within a letter
  text.resize(size);
  return text;
}

std::string text_of(const xmpp::Stanza& presence, std::string_view name) {
  const auto child = presence.element().child(name, xmpp::ns::kClient);
  return child ? beginning_of(child->text()) : std::string();
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

SessionInfo info_of(const Session& session) {
  SessionInfo info;
  info.jid = session.jid;
  info.connection = session.outbox->connection();
  info.remote = session.outbox->remote();
  info.node = session.outbox->node();
  info.bound_at_us = session.bound_at_us;
  info.priority = session.priority;
  info.inactive = session.holdback != nullptr;
  info.show = "unavailable";
  if (!session.available()) return info;
  info.show = text_of(*session.presence, "show");
  if (info.show.empty()) info.show = "available";
  info.status = text_of(*session.presence, "status");
  return info;
}

namespace {

using cluster::Decoder;
using cluster::Encoder;
using cluster::NodeId;

std::string encode(const std::vector<SessionInfo>& infos) {
  Encoder out;
  for (const SessionInfo& info : infos) {
    out.text(info.jid.full()).text(info.connection).text(info.remote);
    out.number(static_cast<std::uint64_t>(info.bound_at_us));
    out.number(static_cast<std::uint8_t>(info.priority)).text(info.show).text(info.status);
    out.number(info.node);
  }
  return std::move(out).take();
}

std::vector<SessionInfo> decode(std::string_view bytes) {
  std::vector<SessionInfo> infos;
  Decoder in(bytes);
  while (!in.at_end()) {
    SessionInfo info;
    auto jid = xmpp::Jid::parse(in.text());
    info.connection = in.text();
    info.remote = in.text();
    info.bound_at_us = static_cast<std::int64_t>(in.number());
    info.priority = static_cast<std::int8_t>(in.number());
    info.show = in.text();
    info.status = in.text();
    info.node = in.number();
    if (in.bad() || !jid) break;
    info.jid = std::move(*jid);
    infos.push_back(std::move(info));
  }
  return infos;
}

// How many sessions a node tells another of at once: so many take a link some milliseconds.
constexpr std::size_t kAtOnce = 10'000;

// Of this node, the first `limit` behind `after`, in byte order of their JIDs.
Task<std::vector<SessionInfo>> session_infos_here(Server& server, std::string after,
                                                  std::size_t limit) {
  const auto by_jid = [](const Session* session) { return session->jid.full(); };
  std::vector<SessionInfo> infos;
  for (std::size_t i = 0; i < server.worker_count(); ++i) {
    Worker& worker = server.worker(i);
    const auto collect = [&worker, &after, limit, by_jid] {
      std::vector<const Session*> behind;
      worker.directory().for_each([&](const Session& session) {
        if (session.jid.full() > after) behind.push_back(&session);
      });
      const std::size_t size = std::min(limit, behind.size());
      std::ranges::partial_sort(behind, behind.begin() + static_cast<std::ptrdiff_t>(size), {},
                                by_jid);
      behind.resize(size);
      std::vector<SessionInfo> found;
      for (const Session* session : behind) found.push_back(info_of(*session));
      return found;
    };
    auto found = co_await run_on(worker.loop(), collect);
    std::ranges::move(found, std::back_inserter(infos));
  }
  std::ranges::sort(infos, {}, [](const SessionInfo& info) { return info.jid.full(); });
  infos.resize(std::min(limit, infos.size()));
  co_return infos;
}

Task<Result<std::string>> on_other_place(Server& server, NodeId node, std::string procedure,
                                         Encoder arguments) {
  co_return co_await call_node(server, node, std::move(procedure), std::move(arguments).take());
}

Result<xmpp::Jid> read_jid(Decoder& in) {
  auto jid = xmpp::Jid::parse(in.text());
  if (!jid) return fail(Errc::invalid, "not an address");
  return *jid;
}

std::uint64_t number_in(const Result<std::string>& result) {
  if (!result) return 0;
  Decoder in(*result);
  return in.number();
}

std::string as_number(std::uint64_t number) {
  Encoder out;
  out.number(number);
  return std::move(out).take();
}

// By and by. One of an older version tells of all at once.
Task<std::vector<SessionInfo>> session_infos_at(Server* server, NodeId node) {
  std::vector<SessionInfo> infos;
  for (std::size_t size = kAtOnce; size == kAtOnce;) {
    const std::string after(infos.empty() ? "" : infos.back().jid.full());
    Encoder arguments;
    arguments.text(after).number(kAtOnce);
    const auto told =
        co_await call_node(*server, node, "session_infos", std::move(arguments).take());
    if (!told) break;
    auto more = decode(*told);
    const auto known = [&](const SessionInfo& info) { return info.jid.full() <= after; };
    if (std::ranges::any_of(more, known)) break;  // it has told them before
    size = more.size();
    std::ranges::move(more, std::back_inserter(infos));
  }
  co_return infos;
}

}  // namespace

Task<std::vector<SessionInfo>> session_infos(Server& server) {
  auto infos = co_await session_infos_here(server, "", SIZE_MAX);
  for (const NodeId node : other_nodes(server)) {
    auto there = co_await session_infos_at(&server, node);
    std::ranges::move(there, std::back_inserter(infos));
  }
  std::ranges::sort(infos, {}, &SessionInfo::jid);
  co_return infos;
}

Task<std::vector<SessionInfo>> session_infos(Server& server, xmpp::Jid account) {
  if (const NodeId node = other_place(server, account); node != 0) {
    Encoder arguments;
    arguments.text(account.bare());
    const auto there =
        co_await on_other_place(server, node, "session_infos_of", std::move(arguments));
    co_return there ? decode(*there) : std::vector<SessionInfo>();
  }
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
  if (const NodeId node = other_place(server, account); node != 0) {
    Encoder arguments;
    arguments.text(account.full()).number(static_cast<std::uint64_t>(type)).rest(payload);
    co_return co_await on_other_place(server, node, "ask_as", std::move(arguments));
  }
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
  if (const NodeId node = sender.local().empty() ? 0 : other_place(server, sender); node != 0) {
    Encoder arguments;
    arguments.rest(stanza.to_xml());
    const auto sent = co_await on_other_place(server, node, "send_as", std::move(arguments));
    if (!sent) co_return std::unexpected(sent.error());
    co_return Result<>{};
  }
  if (sender.local().empty()) {
    Worker& worker = server.worker(0);
    const auto route = [&worker, stanza] {
      worker.router().route_own(stanza);
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
  for (auto& info : co_await session_infos(server)) jids.push_back(std::move(info.jid));
  co_return jids;
}

Task<std::int64_t> session_count(Server& server) {
  std::int64_t count = server.session_count();
  for (const NodeId node : other_nodes(server)) {
    count +=
        static_cast<std::int64_t>(number_in(co_await call_node(server, node, "session_count", "")));
  }
  co_return count;
}

Task<Result<std::vector<std::string>>> registered_names(Server& server, std::string host,
                                                        std::size_t limit, std::string after) {
  constexpr std::size_t kPage = 1'000;
  std::vector<std::string> names;
  while (names.size() < limit) {
    const auto wanted = static_cast<std::uint32_t>(std::min(kPage, limit - names.size()));
    if (!names.empty()) after = names.back();
    auto page = co_await server.store().accounts().list(host, after, wanted);
    if (!page) co_return std::unexpected(page.error());
    names.insert(names.end(), page->begin(), page->end());
    if (page->size() < wanted) break;
  }
  co_return names;
}

Task<std::size_t> end_sessions(Server& server, xmpp::Jid jid, std::string text) {
  if (const NodeId node = other_place(server, jid); node != 0) {
    Encoder arguments;
    arguments.text(jid.full()).rest(text);
    co_return number_in(
        co_await on_other_place(server, node, "end_sessions", std::move(arguments)));
  }
  Worker& home = server.worker(server.home_of(jid.bare()));
  const auto end = [&home, jid, text = std::move(text)]() -> std::size_t {
    constexpr auto kCondition = xmpp::StreamCondition::policy_violation;
    if (jid.is_bare()) return home.end_sessions(jid.full(), kCondition, text);
    Session* session = home.directory().find_session(jid);
    if (session == nullptr) return 0;
    home.end_session(*session, kCondition, text);
    return 1;
  };
  co_return co_await run_on(home.loop(), end);
}

namespace {

// To the sessions of accounts whose home this node is.
Task<std::size_t> announce_here(Server& server, std::string host, xmpp::Stanza message) {
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

}  // namespace

Task<std::size_t> announce(Server& server, std::string host, xmpp::Stanza message) {
  std::size_t reached = co_await announce_here(server, host, message);
  for (const NodeId node : other_nodes(server)) {
    Encoder arguments;
    arguments.text(host).rest(message.to_xml());
    reached += number_in(co_await on_other_place(server, node, "announce", std::move(arguments)));
  }
  co_return reached;
}

// What comes is for this node: the caller has found out.
void add_operations(Procedures& procedures) {
  procedures["session_infos"] = [](Server& server, std::string bytes) -> Task<Result<std::string>> {
    Decoder in(bytes);
    std::string after(in.at_end() ? "" : in.text());
    // A node of an older version asks for all.
    const std::size_t limit = in.at_end() ? SIZE_MAX : in.number();
    co_return encode(co_await session_infos_here(server, std::move(after), limit));
  };
  procedures["session_count"] = [](Server& server, std::string) -> Task<Result<std::string>> {
    co_return as_number(static_cast<std::uint64_t>(server.session_count()));
  };
  procedures["session_infos_of"] = [](Server& server,
                                      std::string bytes) -> Task<Result<std::string>> {
    Decoder in(bytes);
    const auto account = read_jid(in);
    if (!account) co_return std::unexpected(account.error());
    co_return encode(co_await session_infos(server, *account));
  };
  procedures["ask_as"] = [](Server& server, std::string bytes) -> Task<Result<std::string>> {
    Decoder in(bytes);
    const auto account = read_jid(in);
    const auto type = static_cast<xmpp::StanzaType>(in.number());
    if (!account || in.bad()) co_return fail(Errc::invalid, "not a request");
    co_return co_await ask_as(server, *account, type, std::string(in.rest()));
  };
  procedures["send_as"] = [](Server& server, std::string bytes) -> Task<Result<std::string>> {
    auto stanza = xmpp::Stanza::parse(bytes);
    if (!stanza) co_return fail(Errc::invalid, "not a stanza");
    const auto sent = co_await send_as(server, std::move(*stanza));
    if (!sent) co_return std::unexpected(sent.error());
    co_return std::string();
  };
  procedures["end_sessions"] = [](Server& server, std::string bytes) -> Task<Result<std::string>> {
    Decoder in(bytes);
    const auto jid = read_jid(in);
    if (!jid) co_return std::unexpected(jid.error());
    co_return as_number(co_await end_sessions(server, *jid, std::string(in.rest())));
  };
  procedures["ban_account"] = [](Server& server, std::string bytes) -> Task<Result<std::string>> {
    Decoder in(bytes);
    const auto account = read_jid(in);
    std::string reason(in.text());
    std::string by(in.text());
    if (!account || in.bad()) co_return fail(Errc::invalid, "not an account");
    const auto ended = co_await ban_account(server, *account, std::move(reason), std::move(by));
    if (!ended) co_return std::unexpected(ended.error());
    co_return as_number(*ended);
  };
  procedures["unban_account"] = [](Server& server, std::string bytes) -> Task<Result<std::string>> {
    Decoder in(bytes);
    const auto account = read_jid(in);
    if (!account) co_return std::unexpected(account.error());
    const auto was_banned = co_await unban_account(server, *account);
    if (!was_banned) co_return std::unexpected(was_banned.error());
    co_return as_number(*was_banned ? 1 : 0);
  };
  procedures["remove_account"] = [](Server& server,
                                    std::string bytes) -> Task<Result<std::string>> {
    Decoder in(bytes);
    const auto account = read_jid(in);
    if (!account) co_return std::unexpected(account.error());
    const auto removed = co_await remove_account(server, *account);
    if (!removed) co_return std::unexpected(removed.error());
    co_return std::string();
  };
  procedures["announce"] = [](Server& server, std::string bytes) -> Task<Result<std::string>> {
    Decoder in(bytes);
    std::string host(in.text());
    auto message = in.bad() ? std::nullopt : xmpp::Stanza::parse(in.rest());
    if (!message || !xmpp::Jid::parse(host)) co_return fail(Errc::invalid, "not a message");
    co_return as_number(co_await announce_here(server, std::move(host), std::move(*message)));
  };
}

}  // namespace starling::core
