#include "commands/tables.h"

namespace starling::commands {

std::vector<Command> api_commands() {
  return {
      {"create_token",
       "api",
       "Make a bearer token for the HTTP API",
       {{"NAME", "what it is for; the records of what it does name it so"},
        {"SCOPES",
         "what it may do, by commas: read (commands that change nothing), write (all), or either "
         "of one chapter of this page, such as accounts:read or session:write"},
        {"DAYS", "how long it is good, from 1 to 3650", Type::integer}},
       "Answers with the token, which is shown this once: only its hash is kept. Every node takes "
       "it. A token made on the page is good for no longer than who made it is an administrator "
       "with the same password. A token cannot make tokens.",
       "starlingctl create_token backup backup:write,server:read 365",
       false,
       false,
       false,
       true,
       true},
      reads(
          {"list_tokens",
           "api",
           "List the tokens of the HTTP API",
           {kAfter, kLimit},
           "Changes nothing. One token a line, in the order of their making, by tabs: id, name, "
           "scopes, who made it, when, until when it is good, when it was last used, to the hour. "
           "Not the tokens themselves, which nobody knows. The id that a page ends with is AFTER "
           "of the next; one with fewer than LIMIT is the last.",
           "starlingctl list_tokens"}),
      {"revoke_token",
       "api",
       "End a token of the HTTP API",
       {{"ID", "as list_tokens has it"}},
       "At once and at every node. Fails if there is no such token.",
       "starlingctl revoke_token ab2cd3ef4g"},
      reads(
          {"audit_log",
           "api",
           "Show who changed what",
           {{"AFTER", "where to go on: `next` of the answer before", Type::integer, true},
            {"LIMIT", "how many records at most; 100 if left out", Type::integer, true}},
           "Changes nothing. The latest first: time, who (an account, a token, the user id of "
           "starlingctl, the full JID of an administrator's client), from where (xmpp: from a "
           "client), command, arguments, and what came of it. Passwords and what people write are "
           "not in it. Records are kept as long as `api.audit_days` says.",
           "starlingctl audit_log"}),
  };
}

}  // namespace starling::commands
