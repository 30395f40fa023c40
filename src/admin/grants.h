// Grants: what lets somebody in over HTTP without a password at each request: a bearer token of a
// program, or the session of a browser that has signed in.
//
// Who has one holds `ID_SECRET`; the store holds a hash of it, in a map of the server's own, so
// every node knows it and nobody who reads the store can use it. When it was last used is kept in a
// map beside, so that noting that can never bring back one that was ended meanwhile.
//
// Used on the loop of worker 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/task.h"
#include "commands/commands.h"
#include "core/server.h"
#include "store/store.h"

namespace starling::admin {

// What may be done: "read", "write", or either of one tag of the commands: "accounts:read".
using Scopes = std::vector<std::string>;
// From a list with commas or spaces. Errors: invalid.
[[nodiscard]] Result<Scopes> parse_scopes(std::string_view text);
[[nodiscard]] std::string to_string(const Scopes& scopes);
// Whether they cover a command of this tag; `write`: for reading is not enough for it.
[[nodiscard]] bool cover(const Scopes& scopes, std::string_view tag, bool write);

struct Grant {
  std::string id{};       // public
  std::string name{};     // of a token, as its maker called it
  Scopes scopes{};        // of a token
  std::string account{};  // bare JID with whose rights it was made, and whose seal below; or ""
  std::string seal{};     // of its password then
  std::string created_by{};
  std::int64_t created_us = 0;  // wall clock, as all
  std::int64_t expires_us = 0;
  std::int64_t used_us = 0;  // lately, more or less; 0: never
};

class Grants {
 public:
  // `map` and `map`-used are the maps of this kind. A use is noted if the last one that was is
  // `every` ago.
  Grants(store::Maps& maps, std::string map, std::chrono::seconds every)
      : maps_(maps), map_(std::move(map)), every_(every) {}

  // Gives the text that lets its holder in. Its id is chosen here. Errors: unavailable.
  Task<Result<std::string>> make(Grant grant);
  // nullopt if there is none like that. It may have expired. Errors: unavailable.
  Task<Result<std::optional<Grant>>> find(std::string text);
  // In the order of their making. Errors: unavailable.
  Task<Result<std::vector<Grant>>> list();
  // Errors: unavailable.
  Task<Result<>> end(std::vector<std::string> ids);
  Task<void> note_use(Grant grant);

 private:
  store::Maps& maps_;
  const std::string map_;
  const std::chrono::seconds every_;
};

[[nodiscard]] Grants tokens(store::Store& store);
[[nodiscard]] Grants page_sessions(store::Store& store);

// What changes when the password of the account does. Errors: denied (there is no such account, it
// is banned, or `is_admin` says no: what it was granted is no good any more), unavailable.
Task<Result<std::string>> seal_of_admin(core::Server& server,
                                        const std::function<bool(const xmpp::Jid&)>& is_admin,
                                        xmpp::Jid account);

}  // namespace starling::admin
