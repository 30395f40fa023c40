#include "starlingd/config.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "starlingd/module_options.h"
#include "starlingd/yaml_reader.h"
#include "xmpp/jid.h"

namespace starling::starlingd {

namespace {

namespace ip = boost::asio::ip;

constexpr std::uint32_t kMaxWorkers = 256;
constexpr std::uint32_t kMaxPort = 65'535;
constexpr std::size_t kMaxConfigBytes = 1'048'576;
constexpr std::size_t kMaxSocketPath = 107;  // sun_path without its NUL

void read_hosts(Config& config, const YAML::Node& node) {
  if (!node.IsSequence() || node.size() == 0) {
    throw Mistake{node.Mark(), "expected a list of domains, such as [example.org]"};
  }
  config.hosts.clear();
  for (const auto& item : node) {
    const auto domain = item.IsScalar() ? xmpp::prepare_domain(item.Scalar()) : std::nullopt;
    if (!domain) {
      throw Mistake{item.Mark(), item.IsScalar() ? "'" + item.Scalar() + "' is not a valid domain"
                                                 : "expected a domain"};
    }
    if (std::ranges::find(config.hosts, *domain) != config.hosts.end()) {
      throw Mistake{item.Mark(), "the host " + *domain + " is listed twice"};
    }
    config.hosts.push_back(*domain);
  }
}

Reader address(std::string& target) {
  return [&target](const YAML::Node& node) {
    boost::system::error_code error;
    if (node.IsScalar()) ip::make_address(node.Scalar(), error);
    if (!node.IsScalar() || error) {
      throw Mistake{node.Mark(), "expected an IP address, such as 192.0.2.1 or \"::\""};
    }
    target = node.Scalar();
  };
}

// True if the kernel would refuse the second of two listeners; "::" takes all of IPv4 as well.
bool in_the_way(const ListenConfig& a, const ListenConfig& b) {
  if (a.port != b.port || a.port == 0) return false;
  const auto first = ip::make_address(a.ip);
  const auto second = ip::make_address(b.ip);
  const auto covers = [](const ip::address& wide, const ip::address& other) {
    return wide.is_unspecified() && (wide.is_v6() || other.is_v4());
  };
  return first == second || covers(first, second) || covers(second, first);
}

void read_listen(Config& config, const YAML::Node& node) {
  if (!node.IsSequence() || node.size() == 0) {
    throw Mistake{node.Mark(),
                  "expected a list of listeners; without this option, clients connect "
                  "to port 5222, and 5223 with TLS"};
  }
  for (const auto& item : node) {
    ListenConfig listen;
    read_map(item,
             {{"ip", address(listen.ip)},
              {"port", number(listen.port, kMaxPort)},
              {"module", choice<std::string>(listen.module, {{"c2s", "c2s"}})},
              {"tls", true_or_false(listen.tls)},
              {"starttls_required", true_or_false(listen.starttls_required)}},
             "a listener");
    for (const auto& other : config.listen) {
      if (!in_the_way(listen, other)) continue;
      throw Mistake{item.Mark(), "port " + std::to_string(listen.port) + " of " + listen.ip +
                                     " is taken by the listener on " + other.ip + " above"};
    }
    config.listen.push_back(std::move(listen));
  }
}

void read_certfiles(Config& config, const YAML::Node& node) {
  if (node.IsNull()) return;
  if (!node.IsSequence()) throw Mistake{node.Mark(), "expected a list of PEM files"};
  for (const auto& item : node)
    text(config.certfiles.emplace_back(), "the path of a PEM file")(item);
}

void read(Config& config, const YAML::Node& root) {
  if (root.IsNull()) return;
  read_map(root,
           {{"hosts", [&](const YAML::Node& n) { read_hosts(config, n); }},
            {"listen", [&](const YAML::Node& n) { read_listen(config, n); }},
            {"certfiles", [&](const YAML::Node& n) { read_certfiles(config, n); }},
            {"data_dir", text(config.data_dir, "the path of a folder")},
            {"ctl_socket", text(config.ctl_socket, "the path of a Unix socket")},
            {"loglevel", choice<log::Level>(config.loglevel, {{"debug", log::Level::debug},
                                                              {"info", log::Level::info},
                                                              {"warning", log::Level::warning},
                                                              {"error", log::Level::error}})},
            {"log_format", choice<log::Format>(config.log_format, {{"text", log::Format::text},
                                                                   {"json", log::Format::json}})},
            {"workers", number(config.workers, kMaxWorkers)},
            {"admins", [&](const YAML::Node& n) { read_admins(config.options, n); }},
            {"modules", [&](const YAML::Node& n) { read_modules(config.options, n); }}},
           "the configuration");
}

Result<> fill_in(Config& config, const std::string& path) {
  if (config.listen.empty()) {
    config.listen.resize(2);
    config.listen[1].port = 5223;
    config.listen[1].tls = true;
  }
  std::error_code error;
  const auto folder = std::filesystem::absolute(path, error).parent_path();
  if (error) return fail(Errc::unavailable, path + ": cannot be found: " + error.message());
  const auto from_folder = [&](const std::string& name) {
    auto whole = (folder / name).lexically_normal();
    return (whole.has_filename() ? whole : whole.parent_path()).string();
  };
  config.data_dir = from_folder(config.data_dir);
  config.ctl_socket =
      from_folder(config.ctl_socket.empty() ? config.data_dir + "/ctl.sock" : config.ctl_socket);
  for (auto& file : config.certfiles) file = from_folder(file);
  if (config.ctl_socket.size() > kMaxSocketPath) {
    return fail(Errc::invalid, path + ": ctl_socket: " + config.ctl_socket +
                                   " is too long for a Unix socket (" +
                                   std::to_string(config.ctl_socket.size()) +
                                   " bytes, 107 at most): set ctl_socket to a shorter path, such "
                                   "as /run/starling/ctl.sock");
  }
  return {};
}

}  // namespace

Result<Config> parse_config(const std::string& yaml, const std::string& path) {
  const auto mistake = [&](const YAML::Mark& mark, const std::string& message) {
    const std::string where = mark.is_null() ? ""
                                             : std::to_string(mark.line + 1) + ":" +
                                                   std::to_string(mark.column + 1) + ":";
    return fail(Errc::invalid, path + ":" + where + " " + message);
  };
  if (yaml.size() > kMaxConfigBytes) {
    return fail(Errc::invalid, path + ": larger than 1 MiB: is it the configuration?");
  }
  Config config;
  try {
    read(config, load_document(yaml));
  } catch (const Mistake& m) {
    return mistake(m.mark, m.message);
  } catch (const YAML::Exception& e) {
    return mistake(e.mark, "not valid YAML: " + e.msg);
  }
  if (auto filled = fill_in(config, path); !filled) return std::unexpected(filled.error());
  return config;
}

Result<Config> load_config(const std::string& path) {
  const auto unreadable = [&](int error) {
    return fail(Errc::unavailable,
                path + ": cannot be read: " + std::generic_category().message(error));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return unreadable(EISDIR);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(errno);
  std::string yaml(kMaxConfigBytes + 1, '\0');  // one more than parse_config accepts
  file.read(yaml.data(), static_cast<std::streamsize>(yaml.size()));
  if (file.bad()) return unreadable(errno);
  yaml.resize(static_cast<std::size_t>(file.gcount()));
  return parse_config(yaml, path);
}

}  // namespace starling::starlingd
