#include "commands/commands.h"

#include <algorithm>

namespace starling::commands {

namespace {

constexpr Argument kUser{"USER", "the part of the address before the @"};
constexpr Argument kHost{"HOST", "a domain this server serves"};

const std::vector<Command>& table() {
  static const std::vector<Command> kTable{
      {"status",
       "Show the node's version, uptime, hosts, workers and sessions",
       {},
       "Changes nothing. Fails if no node answers on the socket.",
       "starlingctl status"},
      {"stop",
       "Stop the node",
       {},
       "Tells every client that the server is stopping, closes all streams and ends the process "
       "with exit code 0. Returns as soon as the node has begun to stop.",
       "starlingctl stop"},
      {"register",
       "Create an account",
       {kUser, kHost, {kPassword, "its first password; only SCRAM keys of it are kept"}},
       "Fails if the account exists, the host is not served, or the address or password is not "
       "allowed.",
       "starlingctl register alice example.org 'correct horse'"},
      {"unregister",
       "Delete an account with everything it owns",
       {kUser, kHost},
       "Removes the account, its roster and all its data, and ends its sessions. Cannot be undone. "
       "Fails if there is no such account.",
       "starlingctl unregister alice example.org"},
      {"change_password",
       "Set an account's password",
       {kUser, kHost, {kPassword, "the new password"}},
       "Sessions that are connected stay connected. Fails if there is no such account.",
       "starlingctl change_password alice example.org 'battery staple'"},
      {"registered_users",
       "List the accounts of a host",
       {kHost},
       "Changes nothing. One name a line, in byte order.",
       "starlingctl registered_users example.org"},
      {"connected_users",
       "List the sessions of this node",
       {},
       "Changes nothing. One full JID a line, in byte order.",
       "starlingctl connected_users"},
      {"connected_users_number",
       "Count the sessions of this node",
       {},
       "Changes nothing.",
       "starlingctl connected_users_number"},
      {"kick_user",
       "End all sessions of an account",
       {kUser, kHost},
       "Each session's stream is closed with a policy-violation error; the user may log in again. "
       "Answers with the number of sessions ended.",
       "starlingctl kick_user alice example.org"},
  };
  return kTable;
}

}  // namespace

std::span<const Command> all() {
  return table();
}

const Command* find(std::string_view name) {
  const auto found = std::ranges::find(table(), name, &Command::name);
  return found == table().end() ? nullptr : &*found;
}

}  // namespace starling::commands
