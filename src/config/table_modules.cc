// Options of extensions: what stands under `modules`.
#include "config/kinds.h"
#include "config/table.h"

namespace starling::config {

namespace {

constexpr std::uint32_t kAny = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kMaxDays = 36'500;  // a hundred years; no sum of times overflows
constexpr std::uint64_t kWeek = 604'800;
constexpr std::uint64_t kYear = 31'536'000;

Kind<ArchiveOptions> archive() {
  return section<ArchiveOptions>({
      option(&ArchiveOptions::expire_after_days,
             number<std::uint32_t>("days", 0, kMaxDays, Zero::no_limit),
             {.name = "expire_after_days",
              .meaning = "How long messages are kept, whether or not anybody has fetched them. "
                         "What is older is removed once a day.",
              .when = "By what you promise to your users, and the disk you have.",
              .example = "90"}),
      option(&ArchiveOptions::max_messages,
             number<std::uint32_t>("messages", 0, kAny, Zero::no_limit),
             {.name = "max_messages",
              .meaning = "Messages kept of one account; beyond, the oldest are removed.",
              .when = "To bound what one account may take of the disk.",
              .example = "100000"}),
  });
}

Kind<std::string> uri() {
  return text("a URI, such as mailto:admin@example.org", [](std::string& of) {
    const auto colon = of.find(':');
    return colon != 0 && colon != std::string::npos &&
           std::ranges::all_of(of, [](char c) { return c > ' ' && c < 0x7f; });
  });
}

Kind<ContactOptions> contact() {
  const auto uris = [](auto member, const std::string& name, const std::string& whom) {
    return option(member, list(uri(), "a list of URIs"),
                  {.name = name,
                   .meaning = "Addresses for " + whom + ", which everybody can see.",
                   .when = "So that people can reach you when they cannot log in.",
                   .example = "[\"mailto:" + name + "@example.org\"]"});
  };
  return section<ContactOptions>({
      uris(&ContactOptions::abuse, "abuse", "complaints about your users"),
      uris(&ContactOptions::admin, "admin", "the administrators"),
      uris(&ContactOptions::feedback, "feedback", "what people think of the service"),
      uris(&ContactOptions::sales, "sales", "those who want to buy"),
      uris(&ContactOptions::security, "security", "reports of weaknesses"),
      uris(&ContactOptions::status, "status", "news of whether the service works"),
      uris(&ContactOptions::support, "support", "those who need help"),
  });
}

Kind<RegistrationOptions> registration() {
  return section<RegistrationOptions>({
      option(&RegistrationOptions::enabled, true_or_false(),
             {.name = "enabled",
              .meaning = "Whether clients can make accounts (XEP-0077). Changing one's password "
                         "and removing one's account are always possible.",
              .when = "On a public server; think of who will make accounts by the thousand, and "
                      "set limits first.",
              .example = "true"}),
      option(&RegistrationOptions::access, text("the name of an access rule or ACL"),
             {.name = "access",
              .meaning = "Which addresses a new account may have.",
              .when = "To keep names such as `admin` for yourself.",
              .example = "register"}),
      option(&RegistrationOptions::ip_access, text("the name of an access rule or ACL"),
             {.name = "ip_access",
              .meaning = "From where an account can be made.",
              .when = "To allow it in your own network only.",
              .example = "trusted_network"}),
  });
}

Kind<StreamManagementOptions> stream_management() {
  using Options = StreamManagementOptions;
  return section<Options>({
      option(&Options::resume_timeout, duration(0, kWeek),
             {.name = "resume_timeout",
              .meaning = "How long a session whose connection is lost waits to be resumed, if the "
                         "client asks for no time of its own.",
              .when = "Longer for phones in tunnels; each such session keeps its memory.",
              .example = "10 minutes"}),
      option(&Options::max_resume_timeout, duration(0, kWeek),
             {.name = "max_resume_timeout",
              .meaning = "The longest time that a client may ask for.",
              .when = "As above.",
              .example = "1 day"}),
      option(&Options::max_unacked_stanzas, number<std::uint32_t>("stanzas", 1, 1'000'000),
             {.name = "max_unacked_stanzas",
              .meaning = "Stanzas that a client may leave unacknowledged; with more, its session "
                         "ends. Messages go back to the archive, nothing is lost.",
              .when = "Less where memory is scarce.",
              .example = "1000"}),
      option(&Options::max_unacked_bytes, size<std::uint64_t>(65'536, 1ULL << 30U),
             {.name = "max_unacked_bytes",
              .meaning = "The same in bytes.",
              .when = "Less where memory is scarce.",
              .example = "4 MiB"}),
      option(&Options::location, text_or_empty("host:port"),
             {.name = "location",
              .meaning = "Where clients are told to resume, as host:port.",
              .when = "If the name that clients connect to leads to several machines.",
              .example = "\"xmpp1.example.org:5222\"",
              .unset = "they are told nothing"}),
  });
}

}  // namespace

Section<HostOptions> module_options() {
  return {
      option(&HostOptions::archive, archive(),
             {.name = "archive",
              .meaning = "The message archive (XEP-0313), which also keeps messages for those who "
                         "are offline."}),
      option(&HostOptions::contact, contact(),
             {.name = "contact", .meaning = "Contact addresses of the service (XEP-0157)."}),
      option(&HostOptions::registration, registration(),
             {.name = "register", .meaning = "In-band registration (XEP-0077)."}),
      option(&HostOptions::stream_management, stream_management(),
             {.name = "stream_management",
              .meaning = "Stream management (XEP-0198): no stanza is lost with a connection."}),
      option(&HostOptions::roster,
             section<RosterOptions>({option(
                 &RosterOptions::max_items, number<std::uint32_t>("contacts", 1, 1'000'000),
                 {.name = "max_items",
                  .meaning = "Contacts of one account, requests that wait for an answer included; "
                             "a further one is refused.",
                  .when = "More if a gateway puts whole directories into rosters.",
                  .example = "1000"})}),
             {.name = "roster", .meaning = "Contact lists (RFC 6121 section 2)."}),
      option(&HostOptions::ping,
             section<PingOptions>(
                 {option(&PingOptions::interval, duration(10, kYear),
                         {.name = "interval",
                          .meaning = "A client that has been silent for so long is asked whether "
                                     "it is still there.",
                          .when = "Shorter if a router on the way forgets silent connections; "
                                  "every ping wakes a phone.",
                          .example = "2 minutes"}),
                  option(&PingOptions::ack_timeout, duration(1, 3'600),
                         {.name = "ack_timeout",
                          .meaning = "If it stays silent for so long then, its connection counts "
                                     "as lost.",
                          .when = "Longer for very slow networks.",
                          .example = "32 seconds"})}),
             {.name = "ping", .meaning = "Asking silent clients (XEP-0199)."}),
      option(&HostOptions::admin_commands,
             section<AdminCommandsOptions>({option(
                 &AdminCommandsOptions::access, text("the name of an access rule or ACL"),
                 {.name = "access",
                  .meaning = "Who may use them, beside `admins`. The rule `configure` allows the "
                             "ACL `admin` unless you define it otherwise.",
                  .when = "To let others in, or to ask for an address as well.",
                  .example = "configure"})}),
             {.name = "admin_commands",
              .meaning = "Commands for administrators in their clients (XEP-0133)."}),
  };
}

Field<Config> fail2ban() {
  using Options = Fail2banOptions;
  return option(
      &Config::fail2ban,
      section<Options>({
          option(&Options::slow_after, number<std::uint32_t>("failures", 1, 1'000),
                 {.name = "slow_after",
                  .meaning = "Failures within `window` after which each further answer takes "
                             "longer, twice as long each time.",
                  .when = "Hardly ever.",
                  .example = "5"}),
          option(&Options::max_delay, duration(0, 60),
                 {.name = "max_delay",
                  .meaning = "The longest that an answer is held back.",
                  .when = "Hardly ever.",
                  .example = "30 seconds"}),
          option(&Options::max_failures_per_address,
                 number<std::uint32_t>("failures", 1, 1'000'000),
                 {.name = "max_failures_per_address",
                  .meaning = "Failures of one address within `window`, on all streams; then it is "
                             "refused.",
                  .when = "More if many people share an address.",
                  .example = "100"}),
          option(&Options::max_failures_per_account,
                 number<std::uint32_t>("failures", 1, 1'000'000),
                 {.name = "max_failures_per_account",
                  .meaning = "Failures for one account within `window`, from anywhere; then "
                             "log-ins to it are refused.",
                  .when = "With care: a low number lets anybody lock an account out.",
                  .example = "200"}),
          option(&Options::window, duration(1, 86'400),
                 {.name = "window",
                  .meaning = "How long a failure counts.",
                  .when = "Longer against slow guessing.",
                  .example = "1 hour"}),
          option(&Options::ban_lifetime, duration(1, kYear),
                 {.name = "ban_lifetime",
                  .meaning = "How long an address or account is refused then. `starlingctl "
                             "unban_ip` ends it.",
                  .when = "By how much guessing you see in the log.",
                  .example = "1 day"}),
          option(&Options::access, text("the name of an access rule or ACL"),
                 {.name = "access",
                  .meaning =
                      "Whose failures do not count, neither for the address nor for the account.",
                  .when = "For your own monitoring, or a web server that logs in for many.",
                  .example = "trusted_network"}),
      }),
      {.name = "fail2ban",
       .meaning = "What happens to those who guess passwords: they are answered more and more "
                  "slowly, then refused for a while."});
}

}  // namespace starling::config
