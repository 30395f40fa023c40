// Options of a host, and the two tables as a whole.
#include <algorithm>

#include "base/nearest.h"
#include "config/ejabberd_table.h"
#include "config/kinds.h"
#include "config/table.h"

namespace starling::config {

namespace {

constexpr std::uint32_t kMaxSessions = 100'000'000;

// What host_config says of a host stands on what the top says, so it is read last, by load.cc.
// Shown is only where a host differs: of sections the options, of names (ACLs, rules) those whose
// value is another one. What has a name is shown whole, since it replaces the whole at the top.
Json difference(const std::vector<Option>& options, const Json& host, const Json& top) {
  Json differs = Json::object();
  for (const auto& option : options) {
    const std::string& name = option.words.name;
    const Json& own = host.at(name);
    const Json& above = top.at(name);
    if (own == above) continue;
    if (option.shape == Shape::section) {
      differs[name] = difference(option.inside, own, above);
    } else if (own.is_object()) {
      for (const auto& [key, value] : own.items()) {
        const auto same = above.find(key);
        if (same == above.end() || *same != value) differs[name][key] = value;
      }
    } else {
      differs[name] = own;
    }
  }
  return differs;
}

Field<Config> host_config() {
  Field<Config> field;
  field.option = {.words = {.name = "host_config",
                            .meaning = "Options that differ for one host: a map of host: "
                                       "options. What is not said there is as at the top.",
                            .when = "If hosts serve different people.",
                            .example = "{ example.net: { modules: { register: { enabled: true } } "
                                       "} }"},
                  .value = "a map of host: options",
                  .default_value = Json::object(),
                  .shape = Shape::named,
                  .inside = host_table().inside};
  field.read = [](Config&, const YAML::Node& node, Reading& reading) { reading.put_off(node); };
  field.show = [](const Config& config) {
    Json shown = Json::object();
    const Json top = host_table().show(config.options);
    for (const auto& [host, options] : config.host_options) {
      Json differs = difference(host_table().inside, host_table().show(options), top);
      if (!differs.empty()) shown[host] = std::move(differs);
    }
    return shown;
  };
  return field;
}

// The members of `admins` are in the ACL `admin` without being written there (check.cc), and are
// not shown there either: they would be said twice, and hidden once if they came from a file.
Section<HostOptions> access_of_host() {
  auto fields = lift(&HostOptions::access, access_options());
  const auto acl =
      std::ranges::find(fields, "acl", [](const auto& field) { return field.option.words.name; });
  acl->show = [show = acl->show](const HostOptions& options) {
    HostOptions written = options;
    if (const auto admin = written.access.acls.find("admin"); admin != written.access.acls.end()) {
      std::erase_if(admin->second.users, [&](const xmpp::Jid& jid) {
        return std::ranges::find(options.admins, jid) != options.admins.end();
      });
    }
    return show(written);
  };
  return fields;
}

void mark_per_host(Option& option) {
  option.per_host = true;
  for (auto& inside : option.inside) mark_per_host(inside);
}

Section<Config> of_all_hosts(const Section<HostOptions>& options) {
  auto lifted = lift(&Config::options, options);
  for (auto& field : lifted) mark_per_host(field.option);
  return lifted;
}

const Words& modules_words() {
  static const Words kWords{
      .name = "modules",
      .meaning =
          "Options of extensions, each in a section of its own. Every extension is always "
          "on; its section only changes how it behaves.",
      .when = "See the options inside.",
      .example = "{ archive: { expire_after_days: 90 } }"};
  return kWords;
}

}  // namespace

Section<HostOptions> host_options() {
  return Section<HostOptions>{
             option(&HostOptions::admins,
                    list(account(), "a list of addresses, such as [admin@example.org]"),
                    {.name = "admins",
                     .meaning = "Accounts of administrators: the members of the ACL `admin`, who "
                                "may use the commands of XEP-0133 in their clients.",
                     .when = "When the first account is made.",
                     .example = "[alice@example.org]"}),
         } +
         access_of_host() +
         Section<HostOptions>{
             option(&HostOptions::max_sessions,
                    number<std::uint32_t>("sessions", 0, kMaxSessions, Zero::no_limit),
                    {.name = "max_sessions",
                     .meaning = "Sessions of one host at once; a further one is refused.",
                     .when = "To keep one of several hosts from taking all that the machine has. "
                             "For the sessions of one account, see the rule `max_user_sessions` "
                             "in `shaper_rules`.",
                     .example = "10000"}),
             option(&HostOptions::disable_sasl_mechanisms,
                    list(choice<std::string>({{"PLAIN", "PLAIN"},
                                              {"SCRAM-SHA-1", "SCRAM-SHA-1"},
                                              {"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1-PLUS"},
                                              {"SCRAM-SHA-256", "SCRAM-SHA-256"},
                                              {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS"},
                                              {"SCRAM-SHA-512", "SCRAM-SHA-512"},
                                              {"SCRAM-SHA-512-PLUS", "SCRAM-SHA-512-PLUS"}}),
                         "a list of SASL mechanisms, such as [PLAIN]"),
                    {.name = "disable_sasl_mechanisms",
                     .meaning = "SASL mechanisms that are not offered.",
                     .when = "`[PLAIN]` if all your clients know SCRAM: then no password ever "
                             "reaches the server.",
                     .example = "[PLAIN, SCRAM-SHA-1]"}),
             option(&HostOptions::allow_unbound_after_plus, true_or_false(),
                    {.name = "allow_unbound_after_plus",
                     .meaning = "Whether a client that tried to bind TLS and log-in to each other "
                                "(SCRAM-…-PLUS), and could not, may log in without.",
                     .when = "`false` for the strict letter of RFC 5802, if nobody uses slixmpp "
                             "before 1.9 (docs/adr/0005).",
                     .example = "false"}),
         };
}

const Kind<HostOptions>& host_table() {
  static const auto kTable =
      section(host_options() + Section<HostOptions>{group(module_options(), modules_words())},
              "what a host_config says of a host");
  return kTable;
}

const Kind<Config>& table() {
  static const auto kTable = section(
      global_options() + of_all_hosts(host_options()) + Section<Config>{shapers(), host_config()} +
          Section<Config>{
              group(of_all_hosts(module_options()) + Section<Config>{fail2ban()}, modules_words())},
      "the configuration");
  return kTable;
}

void keep_until_restart(Config& fresh, const Config& in_force) {
  for (const auto& field : global_options()) {
    const std::string& name = field.option.words.name;
    if (!field.option.words.restart) continue;
    field.copy(fresh, in_force);
    // And what it was hides: the new one may not come from a file.
    for (const auto& secret : in_force.secrets) {
      if (secret == name || secret.starts_with(name + ".")) fresh.secrets.insert(secret);
    }
  }
}

const Option* find_option(std::string_view name) {
  const std::vector<Option>* inside = &table().inside;
  const Option* found = nullptr;
  if (name.ends_with('.')) return nullptr;
  while (!name.empty()) {
    const auto dot = std::min(name.find('.'), name.size());
    const auto next = std::ranges::find_if(
        *inside, [&](const Option& option) { return option.words.name == name.substr(0, dot); });
    if (next == inside->end()) {
      // The name of an ACL, say. Hosts have dots in theirs: try what follows each.
      if (found == nullptr || found->shape != Shape::named || dot == name.size()) return nullptr;
    } else {
      found = &*next;
      inside = &found->inside;
    }
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return found;
}

Mistake unknown_option(const std::string& key, const YAML::Node& key_node,
                       const std::vector<std::string>& known) {
  std::string message = "unknown option '" + key + "'" + ejabberd_hint(key);
  if (!message.ends_with(')')) message += did_you_mean(key, known);
  if (message.ends_with('\'')) {
    std::string list;
    for (const auto& name : known) list += (list.empty() ? "" : ", ") + name;
    message += " (known here: " + list + ")";
  }
  return Mistake{key_node.Mark(), message};
}

}  // namespace starling::config
