// CommandSessions: who is in the middle of which ad-hoc command (XEP-0050 section 3.3), on one
// worker. A user has a few at most, and one that nobody goes on with expires. Used on the worker's
// thread.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "xmpp/data_form.h"
#include "xmpp/jid.h"

namespace starling::core {

struct CommandSession {
  std::string id;
  std::string node;
  std::vector<xmpp::DataForm> filled;  // stage after stage
  xmpp::DataForm asked;                // the form that waits to be filled in
  bool last_form = true;
};

class CommandSessions {
 public:
  static constexpr std::size_t kMaxPerUser = 10;
  static constexpr Duration kLifetime = std::chrono::minutes(10);

  // Keeps it until take(), kLifetime, or too many newer ones of the same user.
  void put(const xmpp::Jid& user, CommandSession session, TimePoint now);
  // Hands it over, to be put back; nullopt if this full JID has no such session.
  std::optional<CommandSession> take(const xmpp::Jid& user, std::string_view id, TimePoint now);

  [[nodiscard]] std::size_t count() const;

 private:
  struct Entry {
    xmpp::Jid user;  // full
    CommandSession session;
    TimePoint expires;
  };
  void forget_expired(TimePoint now);

  std::map<std::string, std::vector<Entry>, std::less<>> users_;  // by bare JID, oldest first
};

}  // namespace starling::core
