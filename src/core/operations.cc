#include "core/operations.h"

#include <algorithm>
#include <utility>

#include "base/run_on.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

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
