#include "core/directory.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace starling::core {

namespace {
// Accounts without sessions that are kept, so that a message for one costs no look-up each time.
constexpr std::size_t kMaxIdle = 4'096;
}  // namespace

Session* LocalAccount::find(std::string_view resource) const {
  const auto found = std::ranges::find_if(
      sessions, [&](const auto& session) { return session->jid.resource() == resource; });
  return found == sessions.end() ? nullptr : found->get();
}

bool LocalAccount::available() const {
  return std::ranges::any_of(sessions, [](const auto& session) { return session->available(); });
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

LocalAccount& Directory::add_account(std::unique_ptr<LocalAccount> account) {
  assert(find(account->bare.full()) == nullptr);
  make_room();
  LocalAccount& added = *account;
  idle_.push_back(added.bare);
  accounts_.emplace(added.bare.full(), std::move(account));
  ++account_count_;
  return added;
}

void Directory::remove_account(std::string_view bare) {
  const auto entry = accounts_.find(bare);
  if (entry == accounts_.end()) return;
  assert(entry->second->sessions.empty());
  const auto removed = std::move(entry->second);  // its key is looked at until it is erased
  accounts_.erase(entry);
  --account_count_;
  for (auto& resume : std::exchange(removed->when_appended, {})) resume(true);
}

void Directory::make_room() {
  // Looks at each at most once, should all of them be in use.
  for (std::size_t i = idle_.size(); i > 0 && idle_.size() >= kMaxIdle; --i) {
    const xmpp::Jid bare = std::move(idle_.front());
    idle_.pop_front();
    const LocalAccount* account = find(bare.full());
    if (account == nullptr || !account->sessions.empty()) continue;
    if (account->appending > 0 || account->owed_changed || account->parked) {
      idle_.push_back(bare);
    } else {
      remove_account(bare.full());
    }
  }
}

Session& Directory::add(std::unique_ptr<Session> session) {
  assert(find_session(session->jid) == nullptr);
  LocalAccount* account = find(session->jid.bare());
  assert(account != nullptr && "an account is loaded before its sessions are bound");
  ++session_count_;
  session->account = account;
  return *account->sessions.emplace_back(std::move(session));
}

std::unique_ptr<Session> Directory::remove(Session& session) {
  make_room();  // now, since this account, which has a session still, is not among who goes
  LocalAccount* account = session.account;
  assert(account != nullptr);
  const auto found = std::ranges::find(account->sessions, &session, &std::unique_ptr<Session>::get);
  assert(found != account->sessions.end());
  std::unique_ptr<Session> removed = std::move(*found);
  removed->account = nullptr;
  account->sessions.erase(found);
  --session_count_;
  if (account->sessions.empty()) {
    if (!account->keeps_roster) account->roster.reset();
    idle_.push_back(account->bare);
  }
  return removed;
}

void Directory::for_each_account(const std::function<void(const LocalAccount&)>& visit) const {
  for (const auto& [bare, account] : accounts_) visit(*account);
}

void Directory::for_each_while(const std::function<bool(const Session&)>& visit) const {
  for (const auto& [bare, account] : accounts_) {
    for (const auto& session : account->sessions) {
      if (!visit(*session)) return;
    }
  }
}

void Directory::for_each(const std::function<void(const Session&)>& visit) const {
  for (const auto& [bare, account] : accounts_) {
    for (const auto& session : account->sessions) visit(*session);
  }
}

}  // namespace starling::core
