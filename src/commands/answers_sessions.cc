#include "commands/answer_tables.h"

namespace starling::commands::answers {

namespace {

Json connection() {
  return choice({"c2s", "c2s_tls"});
}

Json show() {
  return text("unavailable, available, or what its client says: away, chat, dnd, xa");
}

Json ended() {
  return count("sessions that were ended");
}

// As ejabberd names them.
std::vector<Field> session_facts() {
  return {{"connection", connection()},
          {"ip", text()},
          {"port", count()},
          {"priority", integer()},
          {"uptime", count("seconds since it was bound")},
          {"status", show()},
          {"resource", text()},
          {"statustext", text()}};
}

// A node that has left has no name any more.
Json name_or_number(std::string_view what) {
  return any_of({text(what), count()});
}

Json presences() {
  return list(object({{"jid", text("a full JID")}, {"priority", integer()}, {"status", text()}}));
}

}  // namespace

Table session_answers() {
  return {
      {"connected_users", list(text("a full JID"))},
      {"connected_users_info", list(object(with({"jid", text()}, session_facts())))},
      {"connected_users_number", count()},
      {"connected_users_vhost", list(text("a full JID"))},
      {"user_sessions_info", list(object(session_facts()))},
      {"user_resources", list(text())},
      {"num_resources", count()},
      {"resource_num", text("the resource")},
      {"get_presence",
       object(
           {{"jid", text("a full JID, or the bare one")}, {"show", show()}, {"status", text()}})},
      {"status_num", count()},
      {"status_num_host", count()},
      {"status_list", presences()},
      {"status_list_host", presences()},
      {"kick_session", done()},
      {"kick_user", ended()},
      {"kick_users", ended()},
      {"list_sessions",
       object({{"items", list(object({{"jid", text("a full JID")},
                                      {"node", name_or_number("that it is connected to")},
                                      {"home", name_or_number("that has its account's sessions")},
                                      {"connection", connection()},
                                      {"ip", text()},
                                      {"port", count()},
                                      {"priority", integer()},
                                      {"show", show()},
                                      {"status", text()},
                                      {"uptime", count("seconds since it was bound")},
                                      {"client_state", choice({"active", "inactive"})}}))},
               {"next", next()},
               {"missing", missing()}})},
  };
}

}  // namespace starling::commands::answers
