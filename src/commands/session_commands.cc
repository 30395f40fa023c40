#include "commands/tables.h"

namespace starling::commands {

namespace {

constexpr Argument kStatus{"STATUS", "of their presence; all: any", Type::choice, false,
                           "available|away|chat|dnd|xa|unavailable|all"};

}  // namespace

std::vector<Command> session_commands() {
  return {
      reads({"connected_users",
             "session",
             "List all sessions",
             {kAfter, kLimit},
             "Changes nothing. One full JID a line, in byte order. The full JID that a page ends "
             "with is AFTER of the next; one with fewer than LIMIT is the last. A node that has "
             "not answered after three seconds is left out.",
             "starlingctl connected_users"}),
      reads({"connected_users_info",
             "session",
             "List all sessions with what is known of them",
             {kAfter, kLimit},
             "Changes nothing. One session a line, in byte order, by tabs: full JID, connection "
             "(c2s or c2s_tls), address, port, priority, seconds since it was bound, show, "
             "resource, status. Pages as with connected_users.",
             "starlingctl connected_users_info '' 1000"}),
      reads({"connected_users_number",
             "session",
             "Count all sessions",
             {},
             "Changes nothing.",
             "starlingctl connected_users_number"}),
      reads({"connected_users_vhost",
             "session",
             "List the sessions of a host",
             {kHost, kAfter, kLimit},
             "Changes nothing. One full JID a line, in byte order. Pages as with connected_users.",
             "starlingctl connected_users_vhost example.org"}),
      reads({"user_sessions_info",
             "session",
             "List an account's sessions with what is known of them",
             {kUser, kHost},
             "Changes nothing. One session a line, by tabs: connection, address, port, priority, "
             "seconds "
             "since it was bound, show, resource, status.",
             "starlingctl user_sessions_info alice example.org"}),
      reads({"user_resources",
             "session",
             "List the resources of an account's sessions",
             {kUser, kHost},
             "Changes nothing. One a line, in order of binding.",
             "starlingctl user_resources alice example.org"}),
      reads({"num_resources",
             "session",
             "Count an account's sessions",
             {kUser, kHost},
             "Changes nothing.",
             "starlingctl num_resources alice example.org"}),
      reads({"resource_num",
             "session",
             "Show the resource of one of an account's sessions",
             {kUser, kHost, {"NUM", "which, from 1 on, in order of binding", Type::integer}},
             "Changes nothing. Fails if there are fewer.",
             "starlingctl resource_num alice example.org 1"}),
      reads({"get_presence",
             "session",
             "Show an account's presence",
             {kUser, kHost},
             "Changes nothing. That of its session with the highest priority: full JID, show "
             "(available, away, chat, dnd, xa, unavailable) and status.",
             "starlingctl get_presence alice example.org"}),
      reads({"status_num",
             "session",
             "Count the sessions with a presence",
             {kStatus},
             "Changes nothing.",
             "starlingctl status_num away"}),
      reads({"status_num_host",
             "session",
             "Count the sessions of a host with a presence",
             {kHost, kStatus},
             "Changes nothing.",
             "starlingctl status_num_host example.org away"}),
      reads({"status_list",
             "session",
             "List the sessions with a presence",
             {kStatus, kAfter, kLimit},
             "Changes nothing. One session a line, in byte order, by tabs: full JID, priority, "
             "status. Pages as with connected_users.",
             "starlingctl status_list dnd"}),
      reads({"status_list_host",
             "session",
             "List the sessions of a host with a presence",
             {kHost, kStatus, kAfter, kLimit},
             "Changes nothing. One session a line, in byte order, by tabs: full JID, priority, "
             "status. Pages as with connected_users.",
             "starlingctl status_list_host example.org dnd"}),
      {"kick_session",
       "session",
       "End one session",
       {kUser,
        kHost,
        {"RESOURCE", "of the session", Type::resource},
        {"REASON", "what its client is told"}},
       "Its stream is closed with a policy-violation error; the user may log in again. Fails if "
       "there is no such session.",
       "starlingctl kick_session alice example.org phone 'stuck'"},
      {"kick_user",
       "session",
       "End all sessions of an account",
       {kUser, kHost},
       "Each session's stream is closed with a policy-violation error; the user may log in again. "
       "Answers with the number of sessions ended.",
       "starlingctl kick_user alice example.org"},
      {"kick_users",
       "session",
       "End all sessions of a host",
       {kHost},
       "As kick_user for every account of the host. Answers with the number of sessions ended.",
       "starlingctl kick_users example.org",
       true},
      reads(
          {"list_sessions",
           "session",
           "List sessions of all nodes, a page at a time",
           {{"FILTER", "a part of the full JID, a host for example; '' for any", Type::text, true},
            {"AFTER", "the full JID that the page before ended with; '' for the first page",
             Type::text, true},
            {"LIMIT", "of the page, 1000 at most; 100 if left out", Type::integer, true}},
           "Changes nothing. One session a line, in byte order, by tabs: full JID, node it is "
           "connected to, node its account is at, connection (c2s or c2s_tls), address, port, "
           "priority, show, status, seconds since it was bound, whether somebody looks at its "
           "client "
           "(active, inactive: XEP-0352). `next`, if there are more, is the AFTER of the next "
           "page. A "
           "node that has not answered after three seconds is named as missing.",
           "starlingctl list_sessions example.org"}),
  };
}

}  // namespace starling::commands
