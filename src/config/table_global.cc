// Options of the node as a whole.
#include "config/kinds.h"
#include "config/table.h"

namespace starling::config {

namespace {

constexpr std::uint32_t kMaxWorkers = 256;
constexpr std::size_t kMaxHosts = 10'000;
constexpr std::uint64_t kMinMemory = 64ULL << 20U;  // with less, hardly anybody would get in
constexpr std::uint64_t kMaxMemory = 1ULL << 44U;

Kind<log::Level> level() {
  return choice<log::Level>({{"debug", log::Level::debug},
                             {"info", log::Level::info},
                             {"warning", log::Level::warning},
                             {"error", log::Level::error}});
}

using Levels = std::map<std::string, log::Level>;

Kind<Levels> levels_of_subsystems() {
  auto kind = named<Levels>(level(), "a map of subsystem: level");
  kind.schema = {{"type", {"object", "null"}}, {"additionalProperties", false}};
  for (const auto name : log::kSubsystems) {
    kind.schema["properties"][std::string(name)] = level().schema;
  }
  kind.read = [value = kind.value, read = kind.read](Levels& target, const YAML::Node& node,
                                                     Reading& reading) {
    if (node.IsMap()) {
      const std::vector<std::string> known(std::begin(log::kSubsystems),
                                           std::end(log::kSubsystems));
      reading.each_entry(node, value, [&](const auto& key, const auto& at, const auto&) {
        if (!log::subsystem_of(key)) throw unknown_option(key, at, known);
      });
    }
    read(target, node, reading);
  };
  return kind;
}

Kind<std::vector<std::string>> hosts() {
  auto kind = list(domain(), "a list of domains, such as [example.org]");
  kind.read = [value = kind.value, read = kind.read](std::vector<std::string>& target,
                                                     const YAML::Node& node, Reading& reading) {
    if (!node.IsSequence() || node.size() == 0) {
      throw Mistake{node.Mark(), "expected " + value};
    }
    if (node.size() > kMaxHosts) throw Mistake{node.Mark(), "more than 10,000 hosts"};
    read(target, node, reading);
    std::set<std::string> seen;
    for (std::size_t i = 0; i < target.size(); ++i) {
      if (seen.insert(target[i]).second) continue;
      throw Mistake{node[i].Mark(), "the host " + target[i] + " is listed twice"};
    }
  };
  return kind;
}

// address, or address:port
Kind<std::string> dns_server() {
  return text("an IP address, with :port if it is not 53, such as 192.0.2.1 or [2001:db8::1]:5353",
              [](std::string& of) {
                if (IpAddress::parse(of)) return true;
                const auto colon = of.rfind(':');
                if (colon == std::string::npos || colon == 0) return false;
                const auto port = parse_number(std::string_view(of).substr(colon + 1));
                std::string_view host = std::string_view(of).substr(0, colon);
                const bool in_brackets = host.starts_with('[') && host.ends_with(']');
                if (in_brackets) host = host.substr(1, host.size() - 2);
                const auto address = IpAddress::parse(host);
                return address && address->is_v4() != in_brackets && port && *port > 0 &&
                       *port <= std::numeric_limits<std::uint16_t>::max();
              });
}

// As a number it is understood as well: 1.2 looks like one.
Kind<std::string> tls_version() {
  auto kind = choice<std::string>({{"1.2", "1.2"}, {"1.3", "1.3"}});
  kind.schema["enum"] = {"1.2", "1.3", 1.2, 1.3};
  return kind;
}

// 0, or enough to run.
Kind<std::uint64_t> memory() {
  auto kind = size<std::uint64_t>(kMinMemory, kMaxMemory);
  kind.value += ", or 0";
  kind.schema["anyOf"].push_back({{"const", 0}});
  kind.read = [value = kind.value, read = size<std::uint64_t>(0, kMaxMemory).read](
                  std::uint64_t& target, const YAML::Node& node, Reading& reading) {
    read(target, node, reading);
    if (target != 0 && target < kMinMemory) throw Mistake{node.Mark(), "expected " + value};
  };
  return kind;
}

Kind<std::string> database_url() {
  return url("a URL such as postgresql://starling@db.example.org/starling",
             {"postgresql://", "postgres://"});
}

Section<Config> log_options() {
  return {
      option(&Config::loglevel, level(),
             {.name = "loglevel",
              .meaning = "How much is logged: this level and what is graver.",
              .when = "`debug` while you look for a fault, for a short time: it is much. "
                      "`starlingctl set_loglevel` changes it in a running node.",
              .example = "warning"}),
      option(&Config::log_levels, levels_of_subsystems(),
             {.name = "log_levels",
              .meaning = "Levels of single subsystems, where they differ from `loglevel`.",
              .when = "To look for a fault in one place, and spare the log the rest.",
              .example = "{ net: debug }"}),
      option(&Config::log_format,
             choice<log::Format>({{"text", log::Format::text}, {"json", log::Format::json}}),
             {.name = "log_format",
              .meaning = "How a line of the log looks: for people, or one JSON object a line.",
              .when = "`json` if a program reads the log.",
              .example = "json"}),
      option(&Config::log_file, text_or_empty("the path of a file"),
             {.name = "log_file",
              .meaning = "The file that the log is appended to.",
              .when = "If nothing collects what the process writes to standard error, as systemd "
                      "does.",
              .example = "/var/log/starling/starling.log",
              .unset = "standard error"}),
  };
}

Section<Config> tls_options() {
  return {
      option(&Config::certfiles, list(text("the path of a PEM file"), "a list of PEM files"),
             {.name = "certfiles",
              .meaning = "Certificates: PEM files, each with the whole chain and its private key. "
                         "A host that none of them names gets a self-signed one, which clients "
                         "will complain about. They are read again on SIGHUP.",
              .when = "Always, on a server for others.",
              .example = "[/etc/starling/example.org.pem]"}),
      option(&Config::tls_min_version, tls_version(),
             {.name = "tls_min_version",
              .meaning = "The oldest version of TLS that is spoken.",
              .when = "\"1.3\" if all your clients are newer than 2018.",
              .example = "\"1.3\""}),
      option(&Config::tls_ciphers, text_or_empty("a list of ciphers in OpenSSL's words"),
             {.name = "tls_ciphers",
              .meaning = "Ciphers offered under TLS 1.2; see `man openssl-ciphers`. Those of "
                         "TLS 1.3 are all good and not to be chosen.",
              .when = "Only if a rule that you must follow names some.",
              .example = "ECDHE+AESGCM:ECDHE+CHACHA20",
              .unset = "those with forward secrecy and authenticated encryption"}),
  };
}

Section<Config> resource_options() {
  return {
      option(&Config::data_dir, text("the path of a folder"),
             {.name = "data_dir",
              .meaning = "The folder of the SQLite database, if there is no other `database`, and "
                         "of self-signed certificates. It is made if it is not there.",
              .when = "When you install the server for good.",
              .example = "/var/lib/starling",
              .restart = true}),
      option(
          &Config::database, database_url(),
          {.name = "database",
           .meaning = "The PostgreSQL database of accounts, rosters and archives, as libpq takes "
                      "it: everything that its parameters can say (sslmode, sslrootcert, several "
                      "hosts) may stand in it. It must be in UTF8; its tables are made by the "
                      "node itself, in a schema named starling. Unset: SQLite.",
           .when = "If one machine's disk is not enough, or its loss would be. A password "
                   "belongs into a file: `database: !file /etc/starling/database-url`.",
           .example = "postgresql://starling@db.example.org/starling?sslmode=verify-full",
           .unset = "SQLite, starling.db in `data_dir`",
           .restart = true}),
      option(
          &Config::drain,
          section<DrainOptions>(
              {option(&DrainOptions::rate, number<std::uint32_t>("sessions a second", 1, 100'000),
                      {.name = "rate",
                       .meaning = "So many sessions a second are let go of. Their clients "
                                  "connect again at once, to other nodes if there are any.",
                       .when = "Higher if a node with many sessions has to be gone quickly, "
                               "lower if the other nodes cannot take so many log-ins.",
                       .example = "2000"}),
               option(&DrainOptions::linger, duration(0, 3'600),
                      {.name = "linger",
                       .meaning = "So long the node still takes connections: a load balancer "
                                  "may send some for a while after `/health` has told it not "
                                  "to. They are served, and let go of at the end.",
                       .when = "Behind a load balancer: as long as that takes to notice, such as "
                               "2 minutes.",
                       .example = "2 minutes"}),
               option(&DrainOptions::deadline, duration(0, 3'600),
                      {.name = "deadline",
                       .meaning = "Sessions that are left so long after `linger` end at once.",
                       .when = "Longer for a node with more sessions than `rate` times this; "
                               "whatever stops the process (systemd's TimeoutStopSec) has to "
                               "wait 45 seconds longer than `linger` and this together.",
                       .example = "2 minutes"})}),
          {.name = "drain",
           .meaning = "What happens to the sessions when the node is told to stop. Those that "
                      "can be resumed (XEP-0198) wait in the database, and go on at whatever "
                      "node their client connects to, or at this one when it is back."}),
      option(
          &Config::balance,
          section<BalanceOptions>(
              {option(&BalanceOptions::mode,
                      choice<BalanceMode>({{"off", BalanceMode::off},
                                           {"gentle", BalanceMode::gentle},
                                           {"eager", BalanceMode::eager}}),
                      {.name = "mode",
                       .meaning = "`off`: sessions stay where they are. `gentle`: a node with "
                                  "clearly more sessions than its share lets `rate` of them a "
                                  "second go, as long as another has clearly less. `eager`: "
                                  "twenty times as many.",
                       .when = "`eager` if nodes come for short peaks; `off` if the load "
                               "balancer cannot be trusted to spread what comes again.",
                       .example = "eager"}),
               option(&BalanceOptions::rate, number<std::uint32_t>("sessions a second", 1, 10'000),
                      {.name = "rate",
                       .meaning = "How many sessions a second are let go. Only those that can be "
                                  "resumed (XEP-0198), and none twice within an hour.",
                       .when = "Higher with many thousand sessions a node.",
                       .example = "50"}),
               option(&BalanceOptions::readiness, true_or_false(),
                      {.name = "readiness",
                       .meaning = "While it has clearly more sessions than its share, `/health` "
                                  "says 503, so that new connections go to other nodes.",
                       .when = "If the load balancer does nothing worse to a node that says so "
                               "than to send it no new connections.",
                       .example = "true"})}),
          {.name = "balance",
           .meaning = "In a cluster: how a node that has just come gets its share of the sessions. "
                      "They are moved as those of a node that leaves are."}),
      option(
          &Config::capacity,
          section<CapacityOptions>(
              {option(&CapacityOptions::sessions, number<std::uint32_t>("sessions", 0, 100'000'000),
                      {.name = "sessions",
                       .meaning = "So many sessions are 100 %. 0: as many as its memory holds.",
                       .when = "Lower if a node is to lose no more than that when it dies.",
                       .example = "50000"}),
               option(&CapacityOptions::stanzas,
                      number<std::uint32_t>("stanzas a second", 0, 100'000'000),
                      {.name = "stanzas",
                       .meaning = "So many stanzas a second from clients are 100 %. 0: 15,000 for "
                                  "each processor.",
                       .when = "If you have measured what your users' stanzas cost.",
                       .example = "10000"})}),
          {.name = "capacity",
           .meaning = "What the node can do, by which its utilisation is reckoned: that of "
                      "whatever is fullest, of sessions, stanzas, processors, memory, and how soon "
                      "it gets round to things. It is in `/health`, among the metrics and in "
                      "`list_cluster`, and what a group of nodes is scaled by."}),
      option(&Config::journal,
             section<JournalOptions>(
                 {option(&JournalOptions::size, number<std::uint32_t>("entries", 0, 100'000'000),
                         {.name = "size",
                          .meaning = "So many of the last things that were done with messages are "
                                     "known; a message takes five or so. Each takes 256 bytes of "
                                     "memory, once it is used. 0: nothing is noted.",
                          .when = "Raise it if `starlingctl why` knows nothing of a message that "
                                  "somebody complains about; 0 if nobody is to know who writes to "
                                  "whom.",
                          .example = "1000000"})}),
             {.name = "journal",
              .meaning = "What the node remembers of messages, in memory, for `starlingctl why`: "
                         "when, from whom, to whom, and what became of them; never what they "
                         "say.",
              .restart = true}),
      option(&Config::trace_bodies, true_or_false(),
             {.name = "trace_bodies",
              .meaning = "Whether `starlingctl trace` and the operator's page may show what people "
                         "write, to who asks for it; each time is in the audit log. Else a text is "
                         "shown as its length. Passwords never show.",
              .when = "While you look for a fault that depends on what is written, if your rules "
                      "and your users allow it.",
              .example = "true"}),
      option(&Config::ctl_socket, text_or_empty("the path of a Unix socket"),
             {.name = "ctl_socket",
              .meaning = "The Unix socket through which `starlingctl` speaks to this node. Only "
                         "root and the user that the node runs as may open it.",
              .when = "When you install the server for good; `starlingctl` looks for "
                      "/run/starling/ctl.sock unless it is told another.",
              .example = "/run/starling/ctl.sock",
              .unset = "ctl.sock in `data_dir`",
              .restart = true}),
      option(&Config::workers, number<std::uint32_t>("threads", 0, kMaxWorkers),
             {.name = "workers",
              .meaning = "Threads that serve clients. 0: one for each processor that the system "
                         "lets it have.",
              .when = "To leave processors to other programs on the machine.",
              .example = "2",
              .restart = true}),
      option(&Config::max_memory, memory(),
             {.name = "max_memory",
              .meaning = "The memory that the node may use. Near it, new sessions are refused; "
                         "then the slowest readers are dropped. 0: 80 % of what the system lets "
                         "it have.",
              .when = "If other programs on the machine need a part that you know.",
              .example = "2 GiB"}),
      option(&Config::reserved_files, number<std::uint32_t>("files", 16, 65'536),
             {.name = "reserved_files",
              .meaning = "File descriptors that no client's connection can take: the database, "
                         "certificates and `starlingctl` need some. When only these are left, "
                         "accepting pauses.",
              .when = "Hardly ever.",
              .example = "128"}),
      option(&Config::core_dumps, true_or_false(),
             {.name = "core_dumps",
              .meaning = "Whether a crash may write the process's memory, with keys and messages "
                         "in it, to disk.",
              .when = "While you look for a crash.",
              .example = "true",
              .restart = true}),
      option(&Config::dns_servers, list(dns_server(), "a list of IP addresses"),
             {.name = "dns_servers",
              .meaning = "Where to ask about names. Empty: where the system does.",
              .when = "If the system's resolver is not to be used.",
              .example = "[192.0.2.53, \"[2001:db8::53]:5353\"]",
              .restart = true}),
  };
}

}  // namespace

Section<Config> global_options() {
  return Section<Config>{
             option(&Config::hosts, hosts(),
                    {.name = "hosts",
                     .meaning = "The domains that this server serves: what follows the @ in its "
                                "accounts' addresses.",
                     .when = "First of all. On a reload, a host can come or go; the others do not "
                             "notice.",
                     .example = "[example.org, example.net]"}),
             option(
                 &Config::listen, listeners(),
                 {.name = "listen",
                  .meaning = "Where clients connect: one entry for each address and port.",
                  .when = "To use other ports, to limit what a client may do, or behind a proxy.",
                  .example = "[{ port: 5222 }, { port: 5223, tls: true }]"}),
         } +
         tls_options() + log_options() + resource_options() +
         Section<Config>{cluster(), cloud(), api()};
}

}  // namespace starling::config
