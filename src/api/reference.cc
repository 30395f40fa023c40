// docs/api.md, from the table.
#include "api/openapi.h"

namespace starling::api {

namespace {

using commands::Argument;
using commands::Command;
using commands::Type;

constexpr const char* kIntroduction = R"(# The HTTP API
<!-- Made by `./x docs` from src/api/reference.cc and src/commands; change it there. -->

What [starlingctl](starlingctl.md) does, over HTTP with JSON: the same commands, from the same
table. Any node answers for the whole cluster, but for what is about a process: `status`, `metrics`,
`doctor`, log levels, the configuration and its certificates, `stop` are those of the node that was
asked. The operator's page uses it and nothing else. For
programs, [openapi.json](openapi.json) describes it (OpenAPI 3.1), with the JSON Schema of each
answer; a node has it at `/api/openapi.json`.

## How to begin
A listener for HTTP must have the service `api`, which it has unless `services` says otherwise
(see [configuration](configuration.md)). Then make a token, on the machine of any node:

    starlingctl create_token monitoring read 365

The answer has the token, this once. Keep it like a password:

    TOKEN=ab2cd3ef4g_...
    curl -H "Authorization: Bearer $TOKEN" http://localhost:5280/api/status
    curl -H "Authorization: Bearer $TOKEN" \
        'http://localhost:5280/api/num_active_users?host=example.org&days=30'

What may change something is a POST with a JSON object, and needs a token that may do that:

    curl -H "Authorization: Bearer $TOKEN" --json \
        '{"user": "alice", "host": "example.org", "password": "correct horse battery staple"}' \
        http://localhost:5280/api/register

Tokens and passwords are taken over TLS only, or from the machine itself. Behind a proxy that ends
TLS, name its address in the listener's `trusted_proxies`, and let it pass on `Host`.

## Calls and answers
- `GET /api/COMMAND?name=value&...` for commands that only tell, `POST /api/COMMAND` with a JSON
  object for the others. Names of arguments are those below; a name that is unknown, missing or
  there twice is refused. In a JSON object numbers may be numbers or strings of digits.
- An answer with status 200 is the command's result as JSON, the same as
  `starlingctl --format json` has it in `result`. Where the text below speaks of lines with tabs,
  JSON has a list of objects.
- Everything else is a problem (RFC 9457), `application/problem+json`:
  `{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no ..."}`.

| status | means |
|-|-|
| 400 | the arguments are wrong; `detail` says which |
| 401 | no token, or one that is wrong or has expired; nobody has signed in |
| 403 | the token's scopes do not cover it; others can read the connection; the command refuses |
| 404 | there is no such account, session, node, ... or no such command |
| 405 | GET in the place of POST, or the other way round |
| 409 | it exists already; or a request with the same Idempotency-Key is under way |
| 422 | the Idempotency-Key was used for another request |
| 429 | too many wrong tokens or passwords: of this address or account (`modules.fail2ban`) |
| 503 | the database or another node cannot answer now; try again |

**Long lists** come in pages: `{"items": [...], "next": "..."}`. Give `next` as `after` for the
page behind; null: there is none. `limit` is how many items a page has at most.

Lists as ejabberd has them, plain arrays (`registered_users`, `connected_users`, `get_roster`, ...),
come as a whole; those of more than 10000 items are refused with 400 unless `limit` asks for a page.
`after` is then the last item of the page before: its name, JID or id. A page with fewer items than
`limit` is the last.

**Writing once.** A POST may have the header `Idempotency-Key` with any text of its own, such as a
UUID. For a day the same key from the same token gets the first answer again (with the header
`Idempotency-Replayed: true`), at whichever node, and nothing is done twice. While the first is
under way the answer is 409; if the key comes with another request, 422. The keys are in the
database, so they outlive nodes. If a node dies while it carries one out, nobody can say how far it
came: that key is answered with 409 until the day is over; look what became of it, then use another
key. Answers that another try may change (429, 5xx) are not kept.

**Commands that go on** answer with server-sent events: `data: {...}` for each line, at the end
`event: end` with the result, or `event: error` with a problem. They end when the client hangs up or
its token is revoked; and without a word when the node stops: ask another, then.

    curl -N -H "Authorization: Bearer $TOKEN" \
        'http://localhost:5280/api/trace?jid=alice@example.org'

## Tokens and scopes
- `read`: commands that only tell. `write`: all commands. `TAG:read` and `TAG:write`: those of one
  chapter below, such as `accounts:read` or `session:write`. Several are parted by commas. What
  shows or tries secrets, or what people write (`dump_config`, `list_options`, `check_password`,
  `trace_bodies`), needs `write`.
- Who may set passwords may set an administrator's: `accounts:write` is as good as `write`, given
  time.
- A token is good for the days it was made for, until `starlingctl revoke_token ID`. One that was
  made on the page is good for no longer than its maker is an administrator with the same password;
  one made by starlingctl has no such bounds. A token cannot make tokens.
- The database has hashes of tokens only. `starlingctl list_tokens` shows who made each, and when it
  was last used.

## Sessions of the page
`POST /api/session` with `{"jid": ..., "password": ...}` signs a browser in; the answer has `jid`,
`expires` and a cookie. The account must be one of `admins` at the top of the configuration (in the
ACL `admin`); those of one host only, in `host_config`, are not enough, as the API is about all
hosts. `GET /api/session` says who it is; `DELETE /api/session` signs out; `DELETE /api/sessions`
signs the account out everywhere. A session ends after `api.session_idle` without a request, after
`api.session_lifetime` anyway, and at once if the account is banned, deleted, no administrator any
more, or has another password. Requests that change something need the header `X-Requested-With:
starling` with the cookie, and their `Origin`, if they have one, must be the host they are sent to.

## The record
Each change, through starlingctl, the API, the page, or the commands that administrators have in
their clients (XEP-0133), is recorded with time, who, from where, command, arguments and result,
without passwords and without what people write. Of a change from a client the record has the full
JID, `xmpp` for where, and the name of the command in the XEP: `add-user`. `starlingctl audit_log`
and `GET /api/audit_log` show the records, the latest first; they are kept for `api.audit_days`. The
node's log has them as `admin_command`.

## Commands
)";

// As a part of an address.
std::string escaped(const std::string& text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("-._~@:/").contains(static_cast<char>(c));
    if (kept) {
      out += static_cast<char>(c);
    } else {
      out += {'%', kHex[c >> 4U], kHex[c & 15U]};
    }
  }
  return out;
}

std::string example_line(const Command& command) {
  const Json example = example_of(command);
  const std::string path = path_of(command);
  if (by_post(command)) {
    return "POST " + path + (example.empty() ? "" : "\n    " + example.dump());
  }
  std::string query;
  for (const auto& [name, value] : example.items()) {
    query += (query.empty() ? "?" : "&") + name + "=" +
             escaped(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return "GET " + path + query;
}

std::string described(const Command& command) {
  std::string text = "#### " + std::string(command.name) + "\n";
  text += std::string(command.summary) + ". Scope: `" + scope_of(command) + "`.\n\n";
  text += "    " + example_line(command) + "\n";
  if (!command.arguments.empty()) {
    text += "\n| | |\n|-|-|\n";
    for (const auto& argument : command.arguments) {
      text += "| `" + name_of(argument) + "` | " + commands::markdown(argument) + " |\n";
    }
  }
  return text + "\n" + commands::markdown(command.effect) + "\n\n";
}

}  // namespace

std::string reference() {
  std::string text = kIntroduction;
  for (const auto& tag : commands::tags()) {
    std::string chapter;
    for (const Command* command : operations()) {
      if (command->tag == tag.name) chapter += described(*command);
    }
    if (chapter.empty()) continue;
    text += "\n### " + std::string(tag.title) + " (`" + std::string(tag.name) + "`)\n\n" + chapter;
    text.pop_back();
  }
  return text;
}

}  // namespace starling::api
