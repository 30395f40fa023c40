#include "config/check.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/nearest.h"

namespace starling::config {

namespace {

constexpr std::size_t kMaxSocketPath = 107;  // sun_path without its NUL
constexpr const char* kDefaultShaper = "c2s_shaper";

using Names = std::vector<std::string>;

void append_keys(Names& names, const auto& map) {
  for (const auto& [name, unused] : map) names.push_back(name);
}

Names acls_of(const Access& access) {
  Names names{"all", "none"};
  append_keys(names, access.acls);
  return names;
}

bool contains(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// "listen.0.access" as other messages have it: "listen: access: ".
std::string in_words(std::string_view path) {
  std::string words;
  while (!path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    const std::string_view name = path.substr(0, dot);
    if (name.find_first_not_of("0123456789") != std::string_view::npos) {
      words += std::string(name) + ": ";
    }
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return words;
}

class Checker {
 public:
  Checker(const Config& config, const Reading& reading) : config_(config), reading_(reading) {}

  Result<> check() {
    check_host(config_.options, "");
    for (const auto& [host, options] : config_.host_options) {
      const std::string path = "host_config." + host;
      if (reading_.was_read(path)) check_host(options, path + ".");
    }
    check_listeners();
    check_rule(config_.options.access, config_.fail2ban.access, "modules.fail2ban.access");
    check_lease();
    if (config_.ctl_socket.size() > kMaxSocketPath) {
      wrong("ctl_socket", config_.ctl_socket + " is too long for a Unix socket (" +
                              std::to_string(config_.ctl_socket.size()) +
                              " bytes, 107 at most): set ctl_socket to a shorter path, such as "
                              "/run/starling/ctl.sock");
    }
    return first_ ? fail(Errc::invalid, *first_) : Result<>{};
  }

 private:
  void wrong(const std::string& path, const std::string& message) {
    if (first_) return;
    first_ = reading_.place_of(path) + in_words(path) + message;
  }

  void check_name(const Names& known, const std::string& name, const std::string& path,
                  const std::string& what) {
    if (contains(known, name)) return;
    wrong(path, "there is no " + what + " '" + name + "'" + did_you_mean(name, known));
  }

  // An access rule, or an ACL alone.
  void check_rule(const Access& access, const std::string& name, const std::string& path) {
    Names known = acls_of(access);
    append_keys(known, access.access_rules);
    check_name(known, name, path, "access rule");
  }

  void check_access(const Access& access, const std::string& path) {
    const Names acls = acls_of(access);
    Names groups;
    append_keys(groups, access.groups);
    for (const auto& [name, acl] : access.acls) {
      for (const auto& group : acl.groups) {
        check_name(groups, group, path + "acl." + name, "group");
      }
    }
    for (const auto& [name, rules] : access.access_rules) {
      for (const auto& rule : rules) {
        for (const auto& acl : rule.acls) {
          check_name(acls, acl, path + "access_rules." + name, "ACL");
        }
      }
    }
    Names shapers{"none", "infinity"};
    append_keys(shapers, config_.shapers);
    for (const auto& [name, rules] : access.shaper_rules) {
      const std::string where = path + "shaper_rules." + name;
      for (const auto& rule : rules) {
        for (const auto& acl : rule.acls) check_name(acls, acl, where, "ACL");
        const bool is_number = rule.value.find_first_not_of("0123456789") == std::string::npos;
        if (!is_number) check_name(shapers, rule.value, where, "shaper");
      }
    }
  }

  void check_host(const HostOptions& options, const std::string& path) {
    check_access(options.access, path);
    const std::string modules = path + "modules.";
    check_rule(options.access, options.registration.access, modules + "register.access");
    check_rule(options.access, options.registration.ip_access, modules + "register.ip_access");
    check_rule(options.access, options.admin_commands.access, modules + "admin_commands.access");
    const auto& management = options.stream_management;
    if (management.resume_timeout > management.max_resume_timeout) {
      wrong(modules + "stream_management", "resume_timeout is longer than max_resume_timeout");
    }
  }

  // A rule of any host will do: who logs in decides whose it is.
  void check_lease() {
    const ClusterOptions& times = config_.cluster;
    if (times.renew < times.suspect && times.suspect < times.fence && times.fence < times.dead) {
      return;
    }
    wrong("cluster",
          "`renew` must be less than `suspect`, that less than `fence`, and that less "
          "than `dead`");
  }

  void check_listeners() {
    Names rules{"all", "none"};
    Names shapers{"none", kDefaultShaper};
    const auto add = [&](const Access& access) {
      append_keys(rules, access.acls);
      append_keys(rules, access.access_rules);
      append_keys(shapers, access.shaper_rules);
    };
    add(config_.options.access);
    for (const auto& [host, options] : config_.host_options) {
      if (reading_.was_read("host_config." + host)) add(options.access);
    }
    append_keys(shapers, config_.shapers);
    for (std::size_t i = 0; i < config_.listen.size(); ++i) {
      const auto& listen = config_.listen[i];
      const std::string path = "listen." + std::to_string(i);
      for (std::size_t k = 0; k < i; ++k) {
        if (!in_the_way(listen, config_.listen[k])) continue;
        wrong(path, "port " + std::to_string(listen.port) + " of " + listen.ip +
                        " is taken by the listener on " + config_.listen[k].ip + " above");
      }
      check_name(rules, listen.access, path + ".access", "access rule");
      check_name(shapers, listen.shaper, path + ".shaper", "shaper rule or shaper");
    }
  }

  const Config& config_;
  const Reading& reading_;
  std::optional<std::string> first_;
};

// ACLs and rules that are there without being written.
void predefine(const std::vector<std::string>& hosts, HostOptions& options) {
  Access& access = options.access;
  Acl& admin = access.acls["admin"];
  for (const auto& jid : options.admins) {
    if (std::ranges::find(admin.users, jid) == admin.users.end()) admin.users.push_back(jid);
  }
  if (!access.acls.contains("local")) access.acls["local"].hosts = hosts;
  access.access_rules.try_emplace("configure", std::vector{AccessRule{true, {"admin"}}});
}

}  // namespace

bool in_the_way(const ListenOptions& a, const ListenOptions& b) {
  if (a.port != b.port || a.port == 0) return false;
  const auto first = *IpAddress::parse(a.ip);
  const auto second = *IpAddress::parse(b.ip);
  const auto covers = [](const IpAddress& wide, const IpAddress& other) {
    const bool unspecified = wide == wide.masked(0);
    return unspecified && (!wide.is_v4() || other.is_v4());
  };
  return first == second || covers(first, second) || covers(second, first);
}

Result<> finish(Config& config, const Reading& reading) {
  predefine(config.hosts, config.options);
  for (auto& [host, options] : config.host_options) predefine(config.hosts, options);
  config.data_dir = reading.absolute(config.data_dir);
  config.secrets = reading.secrets();
  // What follows from a value that came from a file is no better known.
  if (config.ctl_socket.empty()) {
    config.ctl_socket = config.data_dir + "/ctl.sock";
    if (config.secrets.contains("data_dir")) config.secrets.insert("ctl_socket");
  }
  const bool of_hosts = !reading.was_read("acl.local") &&
                        std::ranges::any_of(config.secrets, [](const std::string& name) {
                          return name.starts_with("hosts.");
                        });
  if (of_hosts) config.secrets.insert("acl.local");
  config.ctl_socket = reading.absolute(config.ctl_socket);
  for (auto& file : config.certfiles) file = reading.absolute(file);
  if (!config.log_file.empty()) config.log_file = reading.absolute(config.log_file);
  return Checker(config, reading).check();
}

}  // namespace starling::config
