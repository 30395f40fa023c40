#include "core/directory.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace starling::core {

Session* LocalAccount::find(std::string_view resource) const {
  const auto found = std::ranges::find_if(
      sessions, [&](const auto& session) { return session->jid.resource() == resource; });
  return found == sessions.end() ? nullptr : found->get();
}

LocalAccount* Directory::find(std::string_view bare) const {
  const auto found = accounts_.find(bare);
  return found == accounts_.end() ? nullptr : found->second.get();
}

Session* Directory::find_session(const xmpp::Jid& full) const {
  const LocalAccount* account = find(full.bare());
  return account == nullptr ? nullptr : account->find(full.resource());
}

Session* Directory::find(const SessionRef& ref) const {
  Session* session = find_session(ref.jid);
  return session != nullptr && session->id == ref.id ? session : nullptr;
}

Session& Directory::add(std::unique_ptr<Session> session) {
  assert(find_session(session->jid) == nullptr);
  LocalAccount* account = find(session->jid.bare());
  if (account == nullptr) {
    auto fresh = std::make_unique<LocalAccount>();
    fresh->bare = session->jid.to_bare();
    account = fresh.get();
    accounts_.emplace(account->bare.full(), std::move(fresh));
  }
  ++session_count_;
  return *account->sessions.emplace_back(std::move(session));
}

std::unique_ptr<Session> Directory::remove(Session& session) {
  LocalAccount* account = find(session.jid.bare());
  assert(account != nullptr);
  const auto found = std::ranges::find(account->sessions, &session, &std::unique_ptr<Session>::get);
  assert(found != account->sessions.end());
  std::unique_ptr<Session> removed = std::move(*found);
  account->sessions.erase(found);
  --session_count_;
  if (account->sessions.empty()) {
    const auto entry = accounts_.find(account->bare.full());
    const auto keep_key_alive = std::move(entry->second);
    accounts_.erase(entry);
  }
  return removed;
}

void Directory::for_each(const std::function<void(const Session&)>& visit) const {
  for (const auto& [bare, account] : accounts_) {
    for (const auto& session : account->sessions) visit(*session);
  }
}

}  // namespace starling::core
