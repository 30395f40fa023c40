#include "commands/answer_tables.h"

namespace starling::commands::answers {

Table api_answers() {
  return {
      {"create_token", object({{"id", text()},
                               {"name", text()},
                               {"scopes", text("by commas")},
                               {"expires", time()},
                               {"token", text("shown this once")}})},
      {"list_tokens",
       list(object({{"id", text()},
                    {"name", text()},
                    {"scopes", text("by commas")},
                    {"created_by", text()},
                    {"created", time()},
                    {"expires", time()},
                    {"last_used", or_text(time("to the hour; empty: never"), "")}}))},
      {"revoke_token", done()},
      {"audit_log",
       object({{"items", list(object({{"time", time()},
                                      {"who", text("a JID, a token, or a user id")},
                                      {"from", text("an address, starlingctl, or xmpp: a client")},
                                      {"command", text()},
                                      {"arguments", map_of(text(), "by name; *** is not told")},
                                      {"result", text("done, or why not")}}))},
               {"next", next()}})},
  };
}

}  // namespace starling::commands::answers
