// Options of a listener.
#include "config/kinds.h"
#include "config/table.h"

namespace starling::config {

namespace {

constexpr std::size_t kMaxListeners = 256;
constexpr std::uint32_t kMaxConnections = 100'000'000;
constexpr std::uint64_t kMaxStanzaSize = 64ULL << 20U;

using Listen = ListenOptions;

Section<Listen> address_options() {
  return {
      option(&Listen::port, number<std::uint16_t>("", 0, 65'535),
             {.name = "port",
              .meaning = "The TCP port. 0: any that is free, which the log names.",
              .when = "If clients are told another one, by SRV records.",
              .example = "5222"}),
      option(&Listen::ip, ip_address(),
             {.name = "ip",
              .meaning = "The address to listen on. \"::\" is all of the machine, IPv4 as well. A "
                         "change between all addresses and one of them, on the same port, needs a "
                         "restart: the old listener is in the way of the new one.",
              .when = "To serve one network only.",
              .example = "192.0.2.1"}),
      option(&Listen::module, choice<std::string>({{"c2s", "c2s"}, {"http", "http"}}),
             {.name = "module",
              .meaning = "What is spoken there. `c2s` is for clients (RFC 6120). `http` is for web "
                         "clients, for operators and for what watches the node: see `services`.",
              .when = "`http` on 5443 with TLS, and on 5280 where nobody can listen in.",
              .example = "http"}),
      option(&Listen::tls, true_or_false(),
             {.name = "tls",
              .meaning = "TLS from the first byte (XEP-0368), without STARTTLS.",
              .when = "On port 5223, or 443 where nothing else gets through.",
              .example = "true"}),
      option(&Listen::starttls_required, true_or_false(),
             {.name = "starttls_required",
              .meaning = "Nothing is spoken before TLS but STARTTLS.",
              .when = "`false` only where nobody can listen in: what people write would be "
                      "readable, and so would the passwords of new accounts and changed ones. "
                      "Log-in is by SCRAM only without TLS, never by PLAIN.",
              .example = "true"}),
      option(&Listen::use_proxy_protocol, true_or_false(),
             {.name = "use_proxy_protocol",
              .meaning = "Every connection begins with a header of the PROXY protocol, version 1 "
                         "or 2, which names the client's address.",
              .when = "Behind HAProxy and the like. A connection without the header is closed.",
              .example = "true"}),
      option(&Listen::trusted_proxies, list(ip_range(), "a list of IP addresses and ranges"),
             {.name = "trusted_proxies",
              .meaning = "Who may send that header. Empty: anybody. For HTTP without "
                         "`use_proxy_protocol`: whose X-Forwarded-For and X-Forwarded-Proto are "
                         "believed; empty: nobody's.",
              .when = "With `use_proxy_protocol`, unless only the proxy can reach the port: "
                      "whoever sends the header may claim any address. For HTTP, behind a proxy "
                      "that speaks HTTP.",
              .example = "[10.0.0.0/8]"}),
  };
}

Section<Listen> access_and_connections() {
  return {
      option(&Listen::access, text("the name of an access rule or ACL"),
             {.name = "access",
              .meaning = "Who may log in here.",
              .when = "To keep a listener for some, such as administrators.",
              .example = "c2s"}),
      option(&Listen::shaper, text("the name of a shaper rule or shaper"),
             {.name = "shaper",
              .meaning = "How fast a client's stream is read. A client that sends faster waits; "
                         "nothing is lost.",
              .when = "If there are several kinds of listeners; else define the rule "
                      "`c2s_shaper` in `shaper_rules`. While that is not defined, nothing is "
                      "limited.",
              .example = "c2s_shaper"}),
      option(&Listen::max_connections,
             number<std::uint32_t>("connections", 0, kMaxConnections, Zero::no_limit),
             {.name = "max_connections",
              .meaning = "Connections to this listener at once; further ones are closed.",
              .when = "To keep one listener from taking all that the machine has.",
              .example = "20000"}),
      option(&Listen::max_connections_per_address,
             number<std::uint32_t>("connections", 0, kMaxConnections, Zero::no_limit),
             {.name = "max_connections_per_address",
              .meaning = "Connections of one address at once. An IPv6 address counts by its /64. "
                         "Addresses of proxies do not count, those they name do.",
              .when = "Against floods. Think of schools and companies: many people may share one "
                      "address.",
              .example = "100"}),
      option(&Listen::negotiation_timeout, duration(1, 3'600),
             {.name = "negotiation_timeout",
              .meaning = "How long a client may take from connecting to being logged in, with a "
                         "resource bound.",
              .when = "Longer for slow networks.",
              .example = "30 seconds"}),
      option(&Listen::max_auth_failures, number<std::uint32_t>("failures", 1, 100),
             {.name = "max_auth_failures",
              .meaning = "Wrong passwords on one stream; then it ends (RFC 6120 section 6.4.5). "
                         "`modules.fail2ban` counts over all streams.",
              .when = "Hardly ever.",
              .example = "3"}),
  };
}

Section<Listen> stanza_limits() {
  return {
      option(&Listen::max_stanza_size, size<std::uint32_t>(10'000, kMaxStanzaSize),
             {.name = "max_stanza_size",
              .meaning = "The largest stanza that a client may send; a larger one ends its "
                         "stream. Clients are told it (XEP-0478).",
              .when = "If clients send large avatars or vCards inline.",
              .example = "512 KiB"}),
      option(&Listen::max_stanza_size_before_auth, size<std::uint32_t>(10'000, kMaxStanzaSize),
             {.name = "max_stanza_size_before_auth",
              .meaning = "The same before the client has logged in.",
              .when = "Hardly ever: log-in needs little. RFC 6120 section 13.12 asks for 10,000 "
                      "bytes at least.",
              .example = "16 KiB"}),
      option(&Listen::max_depth, number<std::uint32_t>("elements", 8, 1'024),
             {.name = "max_depth",
              .meaning = "How deep elements may stand in each other.",
              .when = "Hardly ever.",
              .example = "64"}),
      option(&Listen::max_attributes, number<std::uint32_t>("attributes", 16, 1'024),
             {.name = "max_attributes",
              .meaning = "Attributes of one element.",
              .when = "Hardly ever.",
              .example = "64"}),
      option(&Listen::max_elements, number<std::uint32_t>("elements", 64, 1'000'000),
             {.name = "max_elements",
              .meaning = "Elements of one stanza.",
              .when = "Hardly ever.",
              .example = "8192"}),
      option(&Listen::max_queued_bytes, size<std::uint64_t>(65'536, 1ULL << 30U),
             {.name = "max_queued_bytes",
              .meaning = "What waits to be sent to a client that does not read; with more it is "
                         "dropped. With stream management nothing is lost by that.",
              .when = "Less where memory is scarce.",
              .example = "1 MiB"}),
  };
}

Section<Listen> http_options() {
  return {
      option(&Listen::services,
             list(choice<std::string>({{"admin", "admin"},
                                       {"api", "api"},
                                       {"bosh", "bosh"},
                                       {"chat", "chat"},
                                       {"health", "health"},
                                       {"host_meta", "host_meta"},
                                       {"metrics", "metrics"},
                                       {"websocket", "websocket"}}),
                  "a list of services"),
             {.name = "services",
              .meaning = "What is there on a listener for HTTP. `admin`: the operator's page, at "
                         "/admin. `api`: /api, which the page needs. `chat`: a web client, at "
                         "/chat. `websocket`: XMPP over WebSocket (RFC 7395), at /ws. `bosh`: XMPP "
                         "over BOSH (XEP-0124, XEP-0206), at /bosh. `host_meta`: where web clients "
                         "find these (XEP-0156). `health`: /health, with 200 if clients should be "
                         "sent to this node and 503 if not, and /health/live. `metrics`: /metrics, "
                         "for Prometheus. Empty: all of them.",
              .when = "Where strangers reach the port: metrics and health are for everybody who "
                      "does.",
              .example = "[websocket, bosh, host_meta, chat]"}),
      option(&Listen::max_body, size<std::uint64_t>(16'384, 1ULL << 30U),
             {.name = "max_body",
              .meaning = "The largest body of one HTTP request. For BOSH, no less than "
                         "`max_stanza_size`.",
              .when = "With a larger `max_stanza_size`.",
              .example = "1 MiB"}),
  };
}

}  // namespace

Kind<std::vector<ListenOptions>> listeners() {
  auto kind =
      list(section(address_options() + http_options() + access_and_connections() + stanza_limits(),
                   "a listener"),
           "a list of listeners");
  kind.read = [read = kind.read](std::vector<ListenOptions>& target, const YAML::Node& node,
                                 Reading& reading) {
    if (!node.IsSequence() || node.size() == 0) {
      throw Mistake{node.Mark(),
                    "expected a list of listeners; without this option, clients connect to port "
                    "5222, and 5223 with TLS"};
    }
    if (node.size() > kMaxListeners) throw Mistake{node.Mark(), "more than 256 listeners"};
    read(target, node, reading);
  };
  return kind;
}

}  // namespace starling::config
