#include "commands/answer_tables.h"

namespace starling::commands::answers {

namespace {

Json removed() {
  return count("messages that were removed");
}

}  // namespace

Table account_answers() {
  return {
      {"register", done()},
      {"unregister", done()},
      {"change_password", done()},
      {"check_account", text("that there is one, in words for people")},
      {"check_password", text("that it is right, in words for people")},
      {"registered_users", list(text())},
      {"num_active_users", count()},
      {"get_last", object({{"timestamp", or_text(time(), "")},
                           {"status", text("ONLINE; NOT FOUND: never; else what the user left")}})},
      {"set_last", done()},
      {"ban_account", count("sessions that were ended")},
      {"unban_account", done()},
      {"get_ban_details", object({{"reason", text()}, {"bandate", time()}, {"by", text()}})},
      {"list_banned", list(text("a bare JID"))},
      {"list_refused", list(object({{"name", text("an address, a range, or a bare JID")},
                                    {"failures", count()},
                                    {"since", time()},
                                    {"until", time()},
                                    {"node", text("that refuses it")}}))},
      {"unban_ip", count("bans that were lifted")},
      {"list_accounts",
       object(
           {{"items",
             list(object(
                 {{"user", text()}, {"host", text()}, {"sessions", count()}, {"banned", flag()}}))},
            {"next", next()},
            {"missing", missing()}})},
      {"account_info", object({{"jid", text()},
                               {"created", time()},
                               {"sessions", list(text("a full JID"))},
                               {"contacts", count()},
                               {"archived", count("messages; counted up to 10000")},
                               {"archived_more", flag("there are more than that")},
                               {"archive_newest", or_null(time())},
                               {"archive_oldest", or_null(time())},
                               {"offline_messages", count("that wait for a client")},
                               {"banned", flag()},
                               {"ban_reason", or_null(text())},
                               {"banned_since", or_null(time())},
                               {"banned_by", or_null(text())},
                               {"online", flag()},
                               {"last_activity", or_null(time())}})},
  };
}

Table roster_answers() {
  return {
      {"get_roster",
       list(object({{"jid", text()},
                    {"nick", text()},
                    {"subscription", choice({"none", "to", "from", "both"})},
                    {"pending", choice({"none", "out", "in"}, "asked for and not answered")},
                    {"groups", list(text())}}))},
      {"get_roster_count", count()},
      {"add_rosteritem", done()},
      {"delete_rosteritem", done()},
  };
}

Table profile_answers() {
  return {
      {"get_vcard", text("the value")},
      {"get_vcard2", text("the value")},
      {"set_vcard", done()},
      {"set_vcard2", done()},
      {"set_nickname", done()},
      {"private_get", text("the element, as XML")},
      {"private_set", done()},
  };
}

Table message_answers() {
  return {
      {"send_message", done()},
      {"send_stanza", done()},
      {"get_offline_count", count()},
      {"get_mam_count", count()},
      {"remove_mam_for_user", removed()},
      {"remove_mam_for_user_with_peer", removed()},
      {"delete_old_mam_messages", removed()},
  };
}

}  // namespace starling::commands::answers
