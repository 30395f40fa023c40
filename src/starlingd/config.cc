#include "starlingd/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <sstream>

#include "xmpp/jid.h"

namespace starling::starlingd {

namespace {

// Thrown inside this file only: one mistake ends the reading.
struct Mistake {
  YAML::Mark mark;
  std::string message;
};

using Reader = std::function<void(const YAML::Node&)>;

// Calls the reader of each key; an unknown key is a mistake.
void read_map(const YAML::Node& map, const std::map<std::string, Reader>& readers,
              const std::string& what) {
  if (!map.IsMap()) throw Mistake{map.Mark(), what + " is a map of option: value"};
  for (const auto& entry : map) {
    const auto key = entry.first.as<std::string>();
    const auto reader = readers.find(key);
    if (reader == readers.end()) {
      std::string known;
      for (const auto& [name, unused] : readers) known += (known.empty() ? "" : ", ") + name;
      throw Mistake{entry.first.Mark(), "unknown option '" + key + "' (known here: " + known + ")"};
    }
    reader->second(entry.second);
  }
}

template <class T>
Reader into(T& target, std::string expected) {
  return [&target, expected = std::move(expected)](const YAML::Node& node) {
    try {
      target = node.as<T>();
    } catch (const YAML::Exception&) {
      throw Mistake{node.Mark(), "expected " + expected};
    }
  };
}

template <class T>
Reader choice(T& target, std::map<std::string, T> values) {
  return [&target, values = std::move(values)](const YAML::Node& node) {
    const auto found = node.IsScalar() ? values.find(node.Scalar()) : values.end();
    if (found == values.end()) {
      std::string known;
      for (const auto& [name, unused] : values) known += (known.empty() ? "" : ", ") + name;
      throw Mistake{node.Mark(), "expected one of: " + known};
    }
    target = found->second;
  };
}

void read_hosts(Config& config, const YAML::Node& node) {
  if (!node.IsSequence() || node.size() == 0) {
    throw Mistake{node.Mark(), "expected a list of domains, such as [example.org]"};
  }
  config.hosts.clear();
  for (const auto& item : node) {
    const auto domain = item.IsScalar() ? xmpp::prepare_domain(item.Scalar()) : std::nullopt;
    if (!domain) throw Mistake{item.Mark(), "not a valid domain"};
    if (std::ranges::find(config.hosts, *domain) != config.hosts.end()) {
      throw Mistake{item.Mark(), "the host " + *domain + " is listed twice"};
    }
    config.hosts.push_back(*domain);
  }
}

void read_listen(Config& config, const YAML::Node& node) {
  if (!node.IsSequence()) throw Mistake{node.Mark(), "expected a list of listeners"};
  for (const auto& item : node) {
    ListenConfig listen;
    read_map(item,
             {{"ip", into(listen.ip, "an IP address")},
              {"port", into(listen.port, "a port number, 0 to 65535")},
              {"module", choice<std::string>(listen.module, {{"c2s", "c2s"}})},
              {"tls", into(listen.tls, "true or false")},
              {"starttls_required", into(listen.starttls_required, "true or false")}},
             "a listener");
    config.listen.push_back(std::move(listen));
  }
}

void read_certfiles(Config& config, const YAML::Node& node) {
  if (!node.IsSequence()) throw Mistake{node.Mark(), "expected a list of PEM files"};
  for (const auto& item : node) {
    if (!item.IsScalar()) throw Mistake{item.Mark(), "expected the path of a PEM file"};
    config.certfiles.push_back(item.Scalar());
  }
}

void read_modules(const YAML::Node& node) {
  if (node.IsNull()) return;
  read_map(node, {}, "modules");  // no module has options yet
}

void read(Config& config, const YAML::Node& root) {
  if (root.IsNull()) return;
  read_map(root,
           {{"hosts", [&](const YAML::Node& n) { read_hosts(config, n); }},
            {"listen", [&](const YAML::Node& n) { read_listen(config, n); }},
            {"certfiles", [&](const YAML::Node& n) { read_certfiles(config, n); }},
            {"data_dir", into(config.data_dir, "the path of a folder")},
            {"ctl_socket", into(config.ctl_socket, "the path of a Unix socket")},
            {"loglevel", choice<log::Level>(config.loglevel, {{"debug", log::Level::debug},
                                                              {"info", log::Level::info},
                                                              {"warning", log::Level::warning},
                                                              {"error", log::Level::error}})},
            {"log_format", choice<log::Format>(config.log_format, {{"text", log::Format::text},
                                                                   {"json", log::Format::json}})},
            {"workers", into(config.workers, "a number of threads, 0 for one per processor")},
            {"modules", read_modules}},
           "the configuration");
}

void fill_in(Config& config, const std::string& path) {
  if (config.listen.empty()) {
    config.listen.resize(2);
    config.listen[1].port = 5223;
    config.listen[1].tls = true;
  }
  const auto folder = std::filesystem::absolute(path).parent_path();
  const auto from_folder = [&](std::string& name) { name = (folder / name).string(); };
  from_folder(config.data_dir);
  if (config.ctl_socket.empty()) config.ctl_socket = config.data_dir + "/ctl.sock";
  from_folder(config.ctl_socket);
  for (auto& file : config.certfiles) from_folder(file);
}

}  // namespace

Result<Config> parse_config(const std::string& text, const std::string& path) {
  constexpr std::uint32_t kMaxWorkers = 256;
  const auto mistake = [&](const YAML::Mark& mark, const std::string& message) {
    return fail(Errc::invalid, path + ":" + std::to_string(mark.line + 1) + ":" +
                                   std::to_string(mark.column + 1) + ": " + message);
  };
  Config config;
  try {
    read(config, YAML::Load(text));
  } catch (const Mistake& m) {
    return mistake(m.mark, m.message);
  } catch (const YAML::Exception& e) {
    return mistake(e.mark, e.msg);
  }
  if (config.workers > kMaxWorkers) return fail(Errc::invalid, path + ": workers: 256 at most");
  fill_in(config, path);
  return config;
}

Result<Config> load_config(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Errc::unavailable, path + ": cannot be read");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return parse_config(text, path);
}

}  // namespace starling::starlingd
