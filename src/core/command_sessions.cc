#include "core/command_sessions.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace starling::core {

void CommandSessions::put(const xmpp::Jid& user, CommandSession session, TimePoint now) {
  forget_expired(now);
  auto& entries = users_[std::string(user.bare())];
  if (entries.size() == kMaxPerUser) entries.erase(entries.begin());
  entries.push_back({user, std::move(session), now + kLifetime});
}

std::optional<CommandSession> CommandSessions::take(const xmpp::Jid& user, std::string_view id,
                                                    TimePoint now) {
  forget_expired(now);
  const auto of_user = users_.find(user.bare());
  if (of_user == users_.end()) return std::nullopt;
  auto& entries = of_user->second;
  const auto found = std::ranges::find_if(
      entries, [&](const Entry& entry) { return entry.session.id == id && entry.user == user; });
  if (found == entries.end()) return std::nullopt;
  CommandSession session = std::move(found->session);
  entries.erase(found);
  if (entries.empty()) users_.erase(of_user);
  return session;
}

std::size_t CommandSessions::count() const {
  std::size_t count = 0;
  for (const auto& [user, entries] : users_) count += entries.size();
  return count;
}

void CommandSessions::forget_expired(TimePoint now) {
  for (auto user = users_.begin(); user != users_.end();) {
    std::erase_if(user->second, [now](const Entry& entry) { return entry.expires <= now; });
    user = user->second.empty() ? users_.erase(user) : std::next(user);
  }
}

}  // namespace starling::core
