#include "commands/tables.h"

namespace starling::commands {

namespace {

constexpr Argument kFrom{"FROM", "a host of this server, or an account of one", Type::jid};
constexpr Argument kTo{"TO", "to whom", Type::jid};

}  // namespace

std::vector<Command> message_commands() {
  return {
      {"send_message",
       "stanza",
       "Send a message",
       {{"TYPE", "of the message", Type::choice, false, "normal|chat|headline"},
        kFrom,
        kTo,
        written("SUBJECT", "'' for none"),
        written("BODY", "the text")},
       "In the name of FROM, as if it had been sent by a client: archived, and kept for those who "
       "are offline. That it could not be delivered shows at FROM only.",
       "starlingctl send_message headline example.org alice@example.org '' 'Update at noon'"},
      {"send_stanza",
       "stanza",
       "Send a stanza",
       {kFrom, kTo, written("STANZA", "a message, presence or iq as XML; its addresses are set")},
       "In the name of FROM. Fails if it is no stanza. Answers go to FROM.",
       "starlingctl send_stanza example.org alice@example.org "
       "'<message><body>Hi</body></message>'"},
      reads({"get_offline_count",
             "offline",
             "Count the messages that wait for an account",
             {kUser, kHost},
             "Changes nothing. Those that none of its clients has been handed yet.",
             "starlingctl get_offline_count alice example.org",
             true}),
      reads({"get_mam_count",
             "mam",
             "Count the messages in an account's archive",
             {kUser, kHost},
             "Changes nothing.",
             "starlingctl get_mam_count alice example.org",
             true}),
      {"remove_mam_for_user",
       "mam",
       "Empty an account's archive",
       {kUser, kHost},
       "Cannot be undone. Messages that still wait for a client stay until one has them. Answers "
       "with the number of messages removed.",
       "starlingctl remove_mam_for_user alice example.org",
       true},
      {"remove_mam_for_user_with_peer",
       "mam",
       "Remove one conversation from an account's archive",
       {kUser, kHost, {"WITH", "the other side's bare or full JID", Type::jid}},
       "Cannot be undone; the other side's archive is not touched. Messages that still wait for a "
       "client stay. Answers with the number of messages removed.",
       "starlingctl remove_mam_for_user_with_peer alice example.org bob@example.org",
       true},
      {"delete_old_mam_messages",
       "mam",
       "Remove old messages from all archives",
       {{"TYPE", "of the conversation", Type::choice, false, "chat|groupchat|all"},
        {"DAYS", "older than so many days", Type::integer}},
       "Cannot be undone; it includes messages that still wait for a client. Little by little, so "
       "that nobody has to wait for it. Answers with the number of messages removed. The option "
       "expire_after_days of the module archive does the same by itself.",
       "starlingctl delete_old_mam_messages all 365",
       true},
  };
}

}  // namespace starling::commands
