// starlingd: one Starling node, in the foreground.
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <string>

#include "base/log.h"
#include "base/version.h"
#include "starlingd/config.h"
#include "starlingd/node.h"
#include "starlingd/quickstart.h"

namespace {

using namespace starling;  // the program's own namespace, in its main only

// As many sockets as the system lets this process have.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// The signals this process waits for, blocked in every thread.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

void wait_for_end(starlingd::Node& node, const sigset_t& signals) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) {
      log::info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
      return;
    }
    ::sd_notify(0, "RELOADING=1");
    if (auto reloaded = node.reload_certificates(); !reloaded) {
      log::error("certificates_not_reloaded", {{"error", reloaded.error().message}});
    }
    ::sd_notify(0, "READY=1");
  }
}

int serve(starlingd::Config config, bool greet) {
  log::configure(config.loglevel, config.log_format);
  raise_file_limit();
  const sigset_t signals = block_signals();
  starlingd::Node node(config, [] { ::kill(::getpid(), SIGTERM); });
  if (auto started = node.start(); !started) {
    log::error("start_failed", {{"error", started.error().message}});
    node.stop();
    return 1;
  }
  log::info("node_ready", {{"version", kVersionText}, {"pid", ::getpid()}});
  if (greet) starlingd::quickstart_greeting(node, config);
  ::sd_notify(0, "READY=1");
  wait_for_end(node, signals);
  ::sd_notify(0, "STOPPING=1");
  node.stop();
  log::info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"One Starling XMPP node, in the foreground. Logs go to standard error."};
  app.set_version_flag("--version", std::string(kVersionText));
  std::string config_path;
  std::string quickstart;
  bool check = false;
  auto* group = app.add_option_group("what to run");
  group->add_option("--config", config_path, "The configuration, a YAML file");
  group->add_option("--quickstart", quickstart,
                    "A folder: makes a configuration and a first account there, and runs");
  group->require_option(1);
  app.add_flag("--check-config", check, "Only say whether the configuration is good");
  app.footer("Example: starlingd --config /etc/starling/starling.yml\n"
             "Signals: SIGTERM and SIGINT stop it; SIGHUP reads the certificates again.");
  CLI11_PARSE(app, argc, argv);

  const auto config = quickstart.empty() ? starlingd::load_config(config_path)
                                         : starlingd::quickstart_config(quickstart);
  if (!config) {
    std::cerr << "starlingd: " << config.error().message << '\n';
    return 1;
  }
  if (check) {
    std::cout << "The configuration is good.\n";
    return 0;
  }
  return serve(*config, !quickstart.empty());
}
