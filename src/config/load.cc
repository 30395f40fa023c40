#include "config/load.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <ranges>
#include <system_error>

#include "base/nearest.h"
#include "config/check.h"
#include "config/table.h"

namespace starling::config {

namespace {

constexpr std::size_t kMaxBytes = 1'048'576;
constexpr std::string_view kPrefix = "STARLING_";
constexpr std::string_view kFromFile = "_FILE";
// Variables of starlingctl and its completion, and of the project's own tools.
constexpr std::array<std::string_view, 7> kOfOthers = {
    "STARLING_CTL_SOCKET",  "STARLING_COMPLETION_TIMEOUT", "STARLING_BUILD",
    "STARLING_NO_INSTALL",  "STARLING_TEST_TIMEOUT",       "STARLING_BENCH_ENTRIES",
    "STARLING_BENCH_FOLDER"};

// "MODULES__ARCHIVE" to "modules.archive".
std::string option_name(std::string_view variable) {
  std::string name;
  for (std::size_t i = 0; i < variable.size(); ++i) {
    if (variable.substr(i, 2) == "__") {
      name += '.';
      ++i;
    } else {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(variable[i])));
    }
  }
  return name;
}

void read_variable(Config& config, std::string_view variable, const std::string& value,
                   Reading& reading) {
  std::string name = option_name(variable);
  YAML::Node node;
  if (variable.ends_with(kFromFile) && find_option(name) == nullptr) {
    name.resize(name.size() - kFromFile.size());
    node = YAML::Node(value);
    node.SetTag("!file");
  } else {
    node = load_document(value);
  }
  // As if it stood in a file, in all the maps that its name says.
  while (!name.empty()) {
    const auto dot = name.rfind('.');
    YAML::Node outer;
    outer[name.substr(dot == std::string::npos ? 0 : dot + 1)] = node;
    node.reset(outer);
    name.resize(dot == std::string::npos ? 0 : dot);
  }
  table().read(config, node, reading);
}

void read_environment(Config& config, const Environment& environment, Reading& reading) {
  for (const auto& [name, value] : environment.variables) {
    const bool of_others = std::ranges::find(kOfOthers, name) != kOfOthers.end();
    if (!name.starts_with(kPrefix) || of_others) continue;
    reading.from_variable(name);
    read_variable(config, std::string_view(name).substr(kPrefix.size()), value, reading);
  }
}

void read_hosts(Config& config, Reading& reading) {
  for (const auto& host : config.hosts) config.host_options.emplace(host, config.options);
  reading.read_put_off([&](const YAML::Node& hosts) {
    if (hosts.IsNull()) return;
    reading.each_entry(hosts, "host_config", [&](const auto& key, const auto& at, const auto& of) {
      const auto host = xmpp::prepare_domain(key);
      const auto options = config.host_options.find(host.value_or(""));
      if (options == config.host_options.end()) {
        throw Mistake{at.Mark(),
                      "the host " + key + " is not in `hosts`" + did_you_mean(key, config.hosts)};
      }
      reading.within(*host, of, [&] { host_table().read(options->second, of, reading); });
    });
  });
}

}  // namespace

Result<Config> parse_config(const std::string& text, const std::string& path,
                            const Environment& environment) {
  if (text.size() > kMaxBytes) {
    return fail(Errc::invalid, path + ": larger than 1 MiB: is it the configuration?");
  }
  Config config;
  Reading reading(path, environment.read_file);
  try {
    table().read(config, load_document(text), reading);
    read_environment(config, environment, reading);
    read_hosts(config, reading);
  } catch (const Mistake& mistake) {
    return fail(Errc::invalid, reading.place(mistake.mark) + mistake.message);
  } catch (const YAML::Exception& error) {
    return fail(Errc::invalid, reading.place(error.mark) + "not valid YAML: " + error.msg);
  }
  if (auto good = finish(config, reading); !good) return std::unexpected(good.error());
  config.places = reading.places();
  return config;
}

Result<std::string> read_file(const std::string& path) {
  const auto unreadable = [&](int error) {
    return fail(Errc::unavailable,
                path + ": cannot be read: " + std::generic_category().message(error));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return unreadable(EISDIR);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(errno);
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return unreadable(errno);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxBytes) return fail(Errc::invalid, path + ": larger than 1 MiB");
  return text;
}

Result<Config> load_config(const std::string& path, const Environment& environment) {
  auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  return parse_config(*text, path, environment);
}

}  // namespace starling::config
