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
      {"backup",
       "Copy the whole database into a file",
       {{kFile, "a new file; the node's user must be able to make it"}},
       "Accounts, rosters and archives as of one moment, while the node serves. The file has its "
       "name once it is complete, checked and on disk; only the node's user can read it. Answers "
       "with its size and what it holds. Fails if there is such a file, or the database is "
       "damaged.",
       "starlingctl backup /var/backups/starling.db",
       true},
      {"restore",
       "Put a backup in the place of a stopped node's database",
       {{kFile, "a file that backup has made"}, {"FOLDER", "the data_dir of the stopped node"}},
       "Checks the backup first, and keeps the database of before in FOLDER under a name with the "
       "date. Fails if a node runs there, or the backup is damaged or of a newer version; nothing "
       "is changed then.",
       "starlingctl restore /var/backups/starling.db /var/lib/starling",
       true,
       true},
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
