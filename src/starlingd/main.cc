// starlingd: one Starling node, in the foreground.
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/version.h"
#include "config/ejabberd_import.h"
#include "config/explain.h"
#include "config/load.h"
#include "starlingd/certificates.h"
#include "starlingd/node.h"
#include "starlingd/process.h"
#include "starlingd/quickstart.h"

namespace {

using namespace starling;  // the program's own namespace, in its main only

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

void wait_for_end(starlingd::Node& node, const sigset_t& signals) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) {
      log::info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
      return;
    }
    ::sd_notify(0, "RELOADING=1");
    node.run_on_first_worker([&node](core::Server&) -> Task<void> {
      static_cast<void>(co_await node.reload());  // the log says how it went
    });
    ::sd_notify(0, "READY=1");
  }
}

// While the node stops. A second signal ends its sessions without waiting for a good moment, a
// third ends the process: nothing that was acknowledged is lost by either.
void hurry_on_signal(starlingd::Node& node, const sigset_t& signals, const std::stop_token& over) {
  constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 100'000'000};
  for (bool second = true; !over.stop_requested();) {
    const int signal = ::sigtimedwait(&signals, nullptr, &kLook);
    if (signal != SIGINT && signal != SIGTERM) continue;
    if (!std::exchange(second, false)) std::_Exit(kFailed);
    log::warning("stopping_at_once", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
    node.hurry();
  }
}

// The only place that looks at it.
config::Environment environment_of_process() {
  config::Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

// The end came, but something hangs: its threads make an orderly exit impossible. What was
// acknowledged is on disk.
[[noreturn]] void give_up() {
  log::error("stop_failed", {{"advice", "a disk that does not answer? Ended without waiting"}});
  std::_Exit(kFailed);
}

// What systemd's WatchdogSec asks for: twice in its time, so that one late round is forgiven.
void watch_for_systemd(starlingd::Node& node) {
  std::uint64_t patience_us = 0;
  if (::sd_watchdog_enabled(0, &patience_us) <= 0) return;
  node.watch(std::chrono::microseconds(patience_us) / 2, [] { ::sd_notify(0, "WATCHDOG=1"); });
}

int serve(const config::Config& config, const starlingd::Node::Load& load, bool greet) {
  if (auto opened =
          log::configure({config.loglevel, config.log_levels, config.log_format, config.log_file});
      !opened) {
    std::cerr << "starlingd: log_file: " << opened.error().message << '\n';
    return kFailed;
  }
  starlingd::raise_file_limit();
  starlingd::set_core_dumps(config.core_dumps);
  const sigset_t signals = starlingd::block_signals();
  starlingd::Node node(config, [] { ::kill(::getpid(), SIGTERM); }, load);
  if (auto started = node.start(); !started) {
    log::error("start_failed", {{"error", started.error().message}});
    if (!node.stop()) give_up();
    return kFailed;
  }
  log::info("node_ready", {{"version", kVersionText}, {"pid", ::getpid()}});
  if (greet) starlingd::quickstart_greeting(node, config);
  ::sd_notify(0, "READY=1");
  watch_for_systemd(node);
  wait_for_end(node, signals);
  ::sd_notify(0, "STOPPING=1");
  const std::jthread impatience(
      [&](const std::stop_token& over) { hurry_on_signal(node, signals, over); });
  if (!node.stop()) give_up();
  log::info("stopped");
  return 0;
}

// What --check-config finds beyond the text: certificates that cannot be used.
int check_config(const config::Config& config) {
  log::configure(config.loglevel, config.log_format);
  if (auto loaded = starlingd::load_certfiles(config); !loaded) {
    std::cerr << "starlingd: " << loaded.error().message << '\n';
    return kFailed;
  }
  std::cout << "The configuration is good.\n";
  return 0;
}

// What is asked about the configuration in general, without a node.
struct Questions {
  std::string explain;
  std::string ejabberd;
  bool reference = false;
  bool schema = false;

  void add_to(CLI::App& app) {
    app.add_option("--explain", explain, "Say what an option means, such as listen.port")
        ->option_text("OPTION");
    app.add_option("--import-config", ejabberd,
                   "Print what an ejabberd.yml becomes here, and what it does not")
        ->option_text("FILE");
    app.add_flag("--print-config-reference", reference, "Print all options, as Markdown");
    app.add_flag("--print-config-schema", schema, "Print a JSON Schema of the configuration");
  }
  [[nodiscard]] bool asked() const {
    return !explain.empty() || !ejabberd.empty() || reference || schema;
  }
  // Gives the exit code.
  [[nodiscard]] int answer() const {
    if (reference) std::cout << config::reference();
    if (schema) std::cout << config::json_schema();
    if (!ejabberd.empty()) return import_ejabberd();
    if (explain.empty()) return 0;
    const auto explained = config::explain(explain);
    if (explained) {
      std::cout << *explained;
      return 0;
    }
    std::cerr << "starlingd: " << explained.error().message << '\n';
    return kFailed;
  }
  [[nodiscard]] int import_ejabberd() const {
    const auto text = config::read_file(ejabberd);
    const auto done = text ? config::import_ejabberd(*text, ejabberd, config::read_file)
                           : std::unexpected(text.error());
    if (!done) {
      std::cerr << "starlingd: " << done.error().message << '\n';
      return kFailed;
    }
    for (const auto& remark : done->remarks) std::cerr << remark << '\n';
    std::cout << done->yaml;
    return 0;
  }
};

}  // namespace

int main(int argc, char** argv) {
  ::umask(0077);  // whatever the node makes is its own
  CLI::App app{"One Starling XMPP node, in the foreground. Logs go to standard error.",
               "starlingd"};
  app.set_version_flag("--version", std::string(kVersionText), "Print the version and exit");
  app.set_help_flag("--help,-h", "Print this help and exit");
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return std::string("starlingd: ") + error.what() + "; see `starlingd --help`\n";
  });
  std::string config_path;
  std::string quickstart;
  bool check = false;
  auto* from_file = app.add_option("--config", config_path, "The configuration, a YAML file")
                        ->option_text("FILE");
  app.add_option("--quickstart", quickstart,
                 "Make a configuration and a first account in this folder, and run")
      ->option_text("FOLDER")
      ->excludes(from_file);
  app.add_flag("--check-config", check,
               "Only say whether the configuration and its certificates are good")
      ->needs(from_file);
  Questions questions;
  questions.add_to(app);
  app.footer(
      "Example: starlingd --config /etc/starling/starling.yml\n"
      "Signals: SIGTERM and SIGINT stop it; SIGHUP reads the configuration and the certificates\n"
      "again, as `starlingctl reload_config` does.\n"
      "Exit codes: 0 stopped on demand, 1 could not start or stop, 2 bad usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;
  }
  if (questions.asked()) return questions.answer();
  if (config_path.empty() && quickstart.empty()) {
    std::cerr << "starlingd: give --config FILE, or --quickstart FOLDER to try it out; --help says "
                 "more\n";
    return kBadUsage;
  }
  const starlingd::Node::Load load = [&, environment = environment_of_process()] {
    return quickstart.empty() ? config::load_config(config_path, environment)
                              : starlingd::quickstart_config(quickstart, environment);
  };
  const auto config = load();
  if (!config) {
    std::cerr << "starlingd: " << config.error().message << '\n';
    return kFailed;
  }
  return check ? check_config(*config) : serve(*config, load, !quickstart.empty());
}
