// Shown: the sessions whose contacts have been told that they are available, in the store, so that
// somebody can tell them otherwise when the node of such a session has died.
//
// Only in a cluster: else there is nobody who could. What is written is a hint, and nothing waits
// for it. Used on the worker of the account.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/task.h"
#include "core/session.h"
#include "store/store.h"
#include "xmpp/jid.h"

namespace starling::core {

class Worker;

class Shown {
 public:
  explicit Shown(Worker& worker) : worker_(worker) {}

  // The session has sent its first presence, or goes on here.
  void began(const xmpp::Jid& full);
  // Its contacts have been told that it is gone.
  void ended(const xmpp::Jid& full);

  // From the entries of the map that also has the account's cursor: who is shown by a node that is
  // no more is gone, unless it is back.
  void load(const LocalAccount& account, const std::vector<store::Entry>& entries);
  // This node is no more: the accounts that were loaded while it still seemed to live.
  std::vector<std::string> orphans_of(std::uint64_t node);

 private:
  void write(const xmpp::Jid& full, std::optional<std::string> value);
  Task<void> end(xmpp::Jid full, std::string by);

  Worker& worker_;
  std::map<std::uint64_t, std::set<std::string>> shown_elsewhere_;  // by node; accounts
};

}  // namespace starling::core
