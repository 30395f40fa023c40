#include "starlingd/quickstart.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>
#include <utility>

#include "base/random.h"

namespace starling::starlingd {

namespace {

constexpr std::string_view kConfigText =
    R"(# Starling's configuration. Every option is optional. docs/configuration.md explains
# all of them, and so does `starlingd --explain OPTION`. After a change, try it with
# `starlingd --config FILE --check-config`, then `starlingctl reload_config`.

# The domains this server serves.
hosts: [localhost]

# Where clients connect: 5222 with STARTTLS, 5223 with TLS from the first byte. 5443 is for
# browsers: the operator's page at /admin, a web client at /chat; 5280 is the same for this machine
# alone, as it is not encrypted.
listen:
  - { port: 5222, ip: "::", module: c2s }
  - { port: 5223, ip: "::", module: c2s, tls: true }
  - { port: 5443, ip: "::", module: http, tls: true }
  - { port: 5280, ip: "127.0.0.1", module: http }

# Certificates: PEM files, each with the chain and its private key. A host without one gets a
# self-signed certificate in data/certs/.
certfiles: []

# Accounts, rosters, archives and self-signed certificates live here.
data_dir: data

# Who may sign in to the operator's page, and administer the server from a client.
admins: [admin@localhost]

loglevel: info      # debug, info, warning, error

# For a server that strangers can reach: how fast one user may send, and how often be there.
# shaper:
#   normal: { rate: 3000, burst_size: 20000 }
# shaper_rules:
#   c2s_shaper: { none: admin, normal: all }
#   max_user_sessions: 10
)";

constexpr std::string_view kFirstUser = "admin";
constexpr std::size_t kPasswordCharacters = 16;

Task<void> make_first_account(core::Server& server, std::string host, Result<std::string>* made) {
  const auto accounts = co_await server.store().accounts().count(host);
  if (!accounts) {
    *made = std::unexpected(accounts.error());
    co_return;
  }
  if (*accounts > 0) co_return;
  const auto account = xmpp::Jid::make(kFirstUser, host);
  const std::string password = random_token(kPasswordCharacters);
  const auto created = co_await server.authenticator().create_account(*account, password);
  if (created) {
    *made = password;
  } else {
    *made = std::unexpected(created.error());
  }
}

// starlingctl as one would type it: the one beside this program, if it is there.
std::string starlingctl() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto beside = self.parent_path() / "starlingctl";
  if (error || !std::filesystem::exists(beside, error)) return "starlingctl";
  const auto shorter = std::filesystem::proximate(beside, error);
  return error || shorter.string().starts_with("..") ? beside.string() : shorter.string();
}

// What a browser on this machine can open.
void print_links(std::ostream& out, const config::Config& config) {
  const auto web = std::ranges::find_if(config.listen, [](const config::ListenOptions& listen) {
    return listen.module == "http" && !listen.tls && listen.services.empty();
  });
  if (web == config.listen.end()) return;
  const std::string base = "http://localhost:" + std::to_string(web->port);
  out << "Open in a browser:\n"
      << "  " << base << "/admin     the operator's page; sign in with the first account\n"
      << "  " << base << "/chat      a web client\n"
      << "  " << base << "/metrics   numbers for Prometheus\n\n";
}

}  // namespace

Result<config::Config> quickstart_config(const std::string& folder,
                                         const config::Environment& environment) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(Errc::unavailable, folder + ": cannot be made: " + error.message());
  const std::string path = (std::filesystem::path(folder) / "starling.yml").string();
  if (!std::filesystem::exists(path, error)) {
    std::ofstream file(path);
    file << kConfigText;
    if (!file.flush()) {
      return fail(Errc::unavailable,
                  path + ": cannot be written: " + std::generic_category().message(errno));
    }
  }
  return config::load_config(path, environment);
}

void quickstart_greeting(Node& node, const config::Config& config) {
  const std::string& host = config.hosts.front();
  Result<std::string> password;
  node.run_on_first_worker(
      [&](core::Server& server) { return make_first_account(server, host, &password); });

  std::ostream& out = std::cout;
  out << "\nStarling is running and serves " << host << ".\n\n";
  if (!password) {
    out << "  There is no first account: " << password.error().message << "\n\n";
  } else if (password->empty()) {
    out << "  There are accounts already, with the passwords that they were given.\n\n";
  } else {
    out << "  First account   " << kFirstUser << '@' << host << '\n'
        << "  Password        " << *password << "   (shown only now)\n\n";
  }
  print_links(out, config);
  out << "Connect with any XMPP client:\n";
  for (const auto& listen : config.listen) {
    if (listen.module != "c2s") continue;
    out << "  " << host << " port " << listen.port
        << (listen.tls ? "  (direct TLS)" : "  (STARTTLS)") << '\n';
  }
  if (config.certfiles.empty()) {
    out << "The certificate is self-signed until you name one in starling.yml: tell your client "
           "to\n"
           "accept it.\n";
  }
  const std::string ctl = starlingctl() + " --socket " + config.ctl_socket;
  out << "\nMore accounts:\n  " << ctl << " register alice " << host << "\n"
      << "Stop: Ctrl-C, or\n  " << ctl << " stop\n\n"
      << std::flush;
}

}  // namespace starling::starlingd
