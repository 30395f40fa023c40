#include "commands/tables.h"

namespace starling::commands {

std::vector<Command> account_commands() {
  return {
      {"register",
       "accounts",
       "Create an account",
       {kUser,
        kHost,
        {"PASSWORD", "its first password; only SCRAM keys of it are kept", Type::new_password}},
       "Fails if the account exists, the host is not served, or the address or password is not "
       "allowed. A PASSWORD that is left out, or -, is asked for, or read from standard input.",
       "starlingctl register alice example.org"},
      {"unregister",
       "accounts",
       "Delete an account with everything it owns",
       {kUser, kHost},
       "Removes the account, its roster and all its data, and ends its sessions. Cannot be undone. "
       "Fails if there is no such account.",
       "starlingctl unregister alice example.org"},
      {"change_password",
       "accounts",
       "Set an account's password",
       {kUser, kHost, {"PASSWORD", "the new password", Type::new_password}},
       "Sessions that are connected stay connected. Fails if there is no such account. A PASSWORD "
       "that is left out, or -, is asked for, or read from standard input.",
       "starlingctl change_password alice example.org < password.txt"},
      reads({"check_account",
             "accounts",
             "Say whether there is such an account",
             {kUser, kHost},
             "Changes nothing. Fails, with exit code 1, if there is none.",
             "starlingctl check_account alice example.org"}),
      reads(
          {"check_password",
           "accounts",
           "Say whether this is an account's password",
           {kUser, kHost, {"PASSWORD", "what to try", Type::password}},
           "Changes nothing. Fails, with exit code 1, if it is not, or there is no such account. A "
           "PASSWORD that is left out, or -, is asked for, or read from standard input.",
           "starlingctl check_password alice example.org"}),
      reads({"registered_users",
             "accounts",
             "List the accounts of a host",
             {kHost, kAfter, kLimit},
             "Changes nothing. One name a line, in byte order. The name that a page ends with is "
             "AFTER of the next; one with fewer than LIMIT is the last.",
             "starlingctl registered_users example.org",
             true}),
      reads({"num_active_users",
             "accounts",
             "Count the accounts that were used lately",
             {kHost, {"DAYS", "since when", Type::integer}},
             "Changes nothing. Those with a session now, or whose last one ended within DAYS days. "
             "Reads "
             "one small value of every account.",
             "starlingctl num_active_users example.org 30",
             true}),
      reads({"get_last",
             "accounts",
             "Show when an account was last online",
             {kUser, kHost},
             "Changes nothing. The time and the user's last status; ONLINE while it has a session; "
             "NOT "
             "FOUND if it never had one.",
             "starlingctl get_last alice example.org"}),
      {"set_last",
       "accounts",
       "Set when an account was last online",
       {kUser,
        kHost,
        {"TIMESTAMP", "seconds since 1970-01-01T00:00:00Z", Type::integer},
        written("STATUS", "the user's last status")},
       "For moving accounts here. Fails if there is no such account.",
       "starlingctl set_last alice example.org 1771000000 'Good night'"},
      {"ban_account",
       "bans",
       "Shut an account out",
       {kUser, kHost, {"REASON", "kept for the record; its sessions are told"}},
       "Ends its sessions, and refuses log-ins with the right password with <account-disabled/>. "
       "Nothing of the account is lost; messages for it are kept. Answers with the number of "
       "sessions ended. Fails if there is no such account.",
       "starlingctl ban_account mallory example.org 'sends spam'"},
      {"unban_account",
       "bans",
       "Let a banned account in again",
       {kUser, kHost},
       "Fails if the account is not banned.",
       "starlingctl unban_account mallory example.org"},
      reads({"get_ban_details",
             "bans",
             "Show since when and why an account is banned",
             {kUser, kHost},
             "Changes nothing. Fails if the account is not banned.",
             "starlingctl get_ban_details mallory example.org"}),
      reads(
          {"list_banned",
           "bans",
           "List the accounts that ban_account has shut out",
           {{"HOST", "a domain this server serves, or all"}, kAfter, kLimit},
           "Changes nothing. One bare JID a line, host after host. Reads one small value of every "
           "account. The bare JID that a page ends with is AFTER of the next; one with fewer than "
           "LIMIT is the last.",
           "starlingctl list_banned all",
           true}),
      reads(
          {"list_refused",
           "bans",
           "List the addresses and accounts that fail2ban refuses",
           {},
           "Changes nothing. One a line, by tabs: address or bare JID, failed log-ins, since when, "
           "until when, at which node. Each node counts for itself.",
           "starlingctl list_refused"}),
      {"unban_ip",
       "bans",
       "Let an address in again that fail2ban refuses",
       {{"ADDRESS", "an IP address, a range of them (192.0.2.0/24), or a bare JID"}},
       "At all nodes. Forgets its failed log-ins, too. Answers with the number of bans that were "
       "lifted.",
       "starlingctl unban_ip 203.0.113.7"},
      reads({"list_accounts",
             "accounts",
             "List accounts of a host, a page at a time",
             {kHost,
              {"PREFIX", "what their names begin with; '' for any", Type::text, true},
              {"AFTER", "the name that the page before ended with; '' for the first page",
               Type::text, true},
              {"LIMIT", "of the page, 1000 at most; 100 if left out", Type::integer, true}},
             "Changes nothing. One account a line, in byte order, by tabs: user, host, sessions at "
             "all "
             "nodes, whether it is banned. `next`, if there are more, is the AFTER of the next "
             "page. A "
             "page takes as long with a million accounts as with a hundred.",
             "starlingctl list_accounts example.org al"}),
      reads(
          {"account_info",
           "accounts",
           "Show all that is known of an account",
           {kUser, kHost},
           "Changes nothing. When it was created, its sessions, contacts in its roster, archived "
           "messages (counted up to 10,000) with the times of the newest and the oldest, messages "
           "that wait for a client, the ban with its reason, and when it was last online.",
           "starlingctl account_info alice example.org"}),
  };
}

}  // namespace starling::commands
