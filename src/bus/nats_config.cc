#include "bus/nats_config.h"

#include <string_view>

namespace starling::bus {

namespace {
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}
}  // namespace

std::string to_text(const NatsConfig& config) {
  std::string routes;
  for (const ListenAddress& route : config.routes) {
    routes += "    " + in_quotes("nats://route:" + config.secret + "@" + route.to_string()) + "\n";
  }
  const std::string here = in_quotes(config.routes_at.to_string());
  return "# Written anew at every start and whenever the members change.\n"
         "server_name: " +
         in_quotes(config.name) +
         "\n"
         "listen: \"127.0.0.1:" +
         std::to_string(config.client_port) +
         "\"\n"
         "logtime: false\n"
         "ping_interval: \"1s\"\n"
         "ping_max: 2\n"
         "write_deadline: \"2s\"\n"
         "max_payload: 1MB\n"
         "max_pending: 64MB\n"
         "max_subs: 1000\n"
         // Else each attempt to reach a node that is gone is an error in its output.
         "connect_error_reports: 60\n"
         "reconnect_error_reports: 60\n"
         // All users inside accounts: with an `authorization` of the whole server 2.9.10 lets
         // anonymous clients in (CVE-2023-47090).
         "accounts {\n"
         "  XMPP: { users: [ { user: " +
         in_quotes(config.user) + ", password: " + in_quotes(config.password) +
         " } ] }\n"
         "  SYS: { users: [ { user: \"system\", password: " +
         in_quotes(config.system_password) +
         " } ] }\n"
         "}\n"
         "system_account: SYS\n"
         "cluster {\n"
         "  name: " +
         in_quotes(config.cluster) +
         "\n"
         "  listen: " +
         here +
         "\n"
         "  cluster_advertise: " +
         here +
         "\n"
         "  no_advertise: true\n"
         "  authorization { user: route, password: " +
         in_quotes(config.secret) +
         ", timeout: 2 }\n"
         "  tls {\n"
         "    cert_file: " +
         in_quotes(config.certificate_file) +
         "\n"
         "    key_file: " +
         in_quotes(config.key_file) +
         "\n"
         "    ca_file: " +
         in_quotes(config.authority_file) +
         "\n"
         "    verify: true\n"
         "    timeout: 2\n"
         "  }\n"
         // After a few failures, the default, a route never comes back.
         "  connect_retries: 100000\n"
         "  routes: [\n" +
         routes +
         "  ]\n"
         "}\n";
}

}  // namespace starling::bus
