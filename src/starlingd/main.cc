// starlingd: one Starling node, in the foreground.
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <string_view>

#include "api/openapi.h"
#include "base/log.h"
#include "base/version.h"
#include "config/ejabberd_import.h"
#include "config/explain.h"
#include "config/load.h"
#include "starlingd/certificates.h"
#include "starlingd/life.h"
#include "starlingd/node.h"
#include "starlingd/process.h"
#include "starlingd/quickstart.h"

namespace {

using namespace starling;  // the program's own namespace, in its main only

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

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

int serve(const config::Config& config, const config::Environment& environment,
          const starlingd::Node::Load& load, bool greet) {
  if (auto opened =
          log::configure({config.loglevel, config.log_levels, config.log_format, config.log_file});
      !opened) {
    std::cerr << "starlingd: log_file: " << opened.error().message << '\n';
    return kFailed;
  }
  starlingd::raise_file_limit();
  starlingd::set_core_dumps(config.core_dumps);
  return starlingd::Life(config, environment, load).run(greet);
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
  bool api = false;
  bool openapi = false;

  void add_to(CLI::App& app) {
    app.add_option("--explain", explain, "Say what an option means, such as listen.port")
        ->option_text("OPTION");
    app.add_option("--import-config", ejabberd,
                   "Print what an ejabberd.yml becomes here, and what it does not")
        ->option_text("FILE");
    app.add_flag("--print-config-reference", reference, "Print all options, as Markdown");
    app.add_flag("--print-config-schema", schema, "Print a JSON Schema of the configuration");
    app.add_flag("--print-api-reference", api, "Print how to use the HTTP API, as Markdown");
    app.add_flag("--print-openapi", openapi, "Print the description of the HTTP API (OpenAPI 3.1)");
  }
  [[nodiscard]] bool asked() const {
    return !explain.empty() || !ejabberd.empty() || reference || schema || api || openapi;
  }
  // Gives the exit code.
  [[nodiscard]] int answer() const {
    if (reference) std::cout << config::reference();
    if (schema) std::cout << config::json_schema();
    if (api) std::cout << api::reference();
    if (openapi) std::cout << api::openapi();
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
  const config::Environment environment = environment_of_process();
  const starlingd::Node::Load load = [&] {
    return quickstart.empty() ? config::load_config(config_path, environment)
                              : starlingd::quickstart_config(quickstart, environment);
  };
  const auto config = load();
  if (!config) {
    std::cerr << "starlingd: " << config.error().message << '\n';
    return kFailed;
  }
  return check ? check_config(*config) : serve(*config, environment, load, !quickstart.empty());
}
