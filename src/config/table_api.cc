// The options of the HTTP API.
#include "config/kinds.h"
#include "config/table.h"

namespace starling::config {

namespace {

constexpr std::uint32_t kMaxDays = 36'500;
constexpr std::uint64_t kMonth = std::uint64_t{30} * 86'400;

}  // namespace

Field<Config> api() {
  using Options = ApiOptions;
  return option(
      &Config::api,
      section<Options>({
          option(&Options::session_idle, duration(1, kMonth),
                 {.name = "session_idle",
                  .meaning = "How long a browser stays signed in on the operator's page without a "
                             "word from it. An open page speaks all the time.",
                  .when = "Less where others use the same machine.",
                  .example = "15 minutes"}),
          option(&Options::session_lifetime, duration(1, kMonth),
                 {.name = "session_lifetime",
                  .meaning = "How long it stays signed in at most; then the password is asked for "
                             "again.",
                  .when = "As your rules say.",
                  .example = "8 hours"}),
          option(&Options::audit_days, number<std::uint32_t>("days", 1, kMaxDays),
                 {.name = "audit_days",
                  .meaning = "How long the records of who changed what are kept, through "
                             "starlingctl, the API, the page or a client (XEP-0133); `starlingctl "
                             "audit_log` shows them.",
                  .when = "As your rules say.",
                  .example = "730"}),
      }),
      {.name = "api", .meaning = "The HTTP API (docs/api.md) and those who use it."});
}

}  // namespace starling::config
