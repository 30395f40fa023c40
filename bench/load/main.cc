// Puts load on an XMPP server, or on the relay, and prints one line of JSON: what it cost the
// server, by the server's own process, and what it cost the clients in time.
//
// The accounts PREFIX0, PREFIX1, ... of `localhost` with one password must be there. Whatever goes
// wrong ends it: there is no figure of a run in which something failed.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <functional>
#include <map>
#include <ranges>

#include "client.h"
#include "die.h"
#include "workloads.h"

namespace {

using load::Encryption;
using load::Options;

const std::map<std::string, std::function<void(const Options&, load::Result&)>> kWorkloads{
    {"idle", load::idle},         {"chat", load::chat},       {"login", load::login},
    {"presence", load::presence}, {"archive", load::archive}, {"leaving", load::leaving}};

load::Address parse(const std::string& server) {
  const auto colon = server.find(':');
  if (colon == server.npos) load::die("a server is HOST:PORT");
  return {server.substr(0, colon), std::atoi(server.c_str() + colon + 1)};
}

void declare(CLI::App& app, Options& o, std::vector<std::string>& servers) {
  static const std::map<std::string, Encryption> kEncryptions{{"none", Encryption::none},
                                                              {"starttls", Encryption::starttls},
                                                              {"direct", Encryption::direct}};
  static const std::map<std::string, bool> kProtocols{{"xmpp", false}, {"relay", true}};
  app.option_defaults()->always_capture_default();
  app.add_option("--server", servers, "HOST:PORT; of several, clients take one in turn")
      ->required();
  app.add_option("--server-pid", o.processes, "whose CPU and memory is read, the sum of several");
  app.add_option("--database-pid", o.database, "whose CPU is read for itself");
  app.add_option("--workload", o.workload)->required()->check(CLI::IsMember(kWorkloads));
  app.add_option("--protocol", o.relay)->transform(CLI::CheckedTransformer(kProtocols));
  app.add_option("--tls", o.encryption)->transform(CLI::CheckedTransformer(kEncryptions));
  app.add_flag("--resume", o.resume, "TLS sessions");
  app.add_option("--accounts", o.user_prefix, "what all their names begin with");
  app.add_option("--password", o.password);
  app.add_option("--sessions", o.sessions);
  app.add_option("--at-first", o.at_first, "leaving: how many of them log in; 0: all");
  app.add_option("--first", o.first, "number of the first account: others are another process's");
  app.add_option("--in-flight", o.in_flight, "log-ins or broadcasts at a time");
  app.add_option("--settle", o.settle_s, "seconds of rest between log-in and what comes then");
  app.add_option("--warmup", o.warmup_s, "seconds that do not count");
  app.add_option("--seconds", o.seconds, "that do");
  app.add_option("--pairs", o.pairs, "chat: who talks");
  app.add_option("--window", o.window, "chat: messages of a pair under way at a time");
  app.add_option("--bytes", o.bytes, "chat: of a message's body");
  app.add_option("--rate", o.rate,
                 "chat, leaving: messages a second of all; 0: each when one arrives");
  app.add_option("--messages", o.messages, "chat: so many, and no fixed time");
  app.add_flag("--no-store", o.no_store, "chat: with the hint that no archive shall have it");
  app.add_flag("--drain", o.drain, "chat: the time counts until the server rests");
  app.add_option("--contacts", o.contacts, "presence, leaving: of each, all in groups of one more");
  app.add_option("--managed-share", o.managed_share, "leaving: who has stream management");
}

}  // namespace

std::vector<load::Address> load::addresses(std::string_view list) {
  std::vector<Address> all;
  for (const auto part : std::views::split(list, ',')) {
    all.push_back(parse(std::string(std::string_view(part))));
  }
  return all;
}

int main(int argc, char** argv) {
  CLI::App app("Puts load on an XMPP server and prints what that cost.");
  Options options;
  std::vector<std::string> servers;
  declare(app, options, servers);
  CLI11_PARSE(app, argc, argv);
  for (const std::string& server : servers) options.servers.push_back(parse(server));
  if (options.processes.empty() && options.workload != "leaving") load::die("no --server-pid");
  if (options.rate > 0 && options.messages > 0) load::die("--rate or --messages, not both");
  if (options.encryption != Encryption::none) options.tls = load::client_tls(options.resume);

  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::signal(SIGPIPE, SIG_IGN);

  load::Result result;
  kWorkloads.at(options.workload)(options, result);
  result.print();
}
