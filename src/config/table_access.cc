// Groups, ACLs, access rules, shapers: in every form that ejabberd's own ejabberd.yml has them.
#include "config/kinds.h"
#include "config/table.h"

namespace starling::config {

namespace {

constexpr std::uint64_t kMaxRate = 1ULL << 40U;
constexpr std::uint32_t kMaxStanzas = 1'000'000;
constexpr std::uint32_t kMaxLimit = std::numeric_limits<std::uint32_t>::max();

// What an ACL's conditions have in common: a list, or one without the brackets.
template <class V>
Field<Acl> condition(std::vector<V> Acl::* member, const Kind<V>& item, const std::string& name,
                     const std::string& meaning, const std::string& example) {
  return option(member, list(item, item.value + ", or a list of them", Alone::yes),
                {.name = name, .meaning = meaning, .example = example});
}

// `user` takes addresses, and names that stand for an account of any host.
Field<Acl> users() {
  const std::string value = "an account's address or its name alone, or a list of them";
  Field<Acl> field;
  field.option = {
      .words = {.name = "user",
                .meaning = "Accounts: an address, or the part before the @ for that account of "
                           "any host.",
                .example = "[alice@example.org, bob]"},
      .value = value,
      .default_value = Json::array(),
      .schema = {
          {"anyOf", Json::array({{{"type", "string"}},
                                 {{"type", "array"}, {"items", {{"type", {"string", "object"}}}}},
                                 {{"type", "object"}}})}}};
  const auto read_one = [value](Acl& acl, const YAML::Node& node, Reading& reading) {
    const auto text = reading.scalar(node);
    const auto jid = text && text->contains('@') ? xmpp::Jid::parse(*text) : std::nullopt;
    const auto local = text && !jid ? xmpp::prepare_local(*text) : std::nullopt;
    if (jid && jid->is_bare() && !jid->local().empty()) return acl.users.push_back(*jid);
    if (!local) throw Mistake{node.Mark(), "expected " + value};
    acl.local_parts.push_back(*local);
  };
  // ejabberd's `alice: example.org`
  const auto read_pairs = [](Acl& acl, const YAML::Node& node, Reading& reading) {
    reading.each_entry(node, "user", [&](const auto& name, const auto& at, const auto& of) {
      const auto host = reading.scalar(of);
      const auto jid = host ? xmpp::Jid::make(name, *host) : std::nullopt;
      if (!jid) throw Mistake{at.Mark(), "expected user: host"};
      acl.users.push_back(*jid);
    });
  };
  field.read = [=](Acl& acl, const YAML::Node& node, Reading& reading) {
    const auto read = [&](const YAML::Node& of) {
      of.IsMap() ? read_pairs(acl, of, reading) : read_one(acl, of, reading);
    };
    acl.users.clear();
    acl.local_parts.clear();
    node.IsSequence() ? reading.each_item(node, read) : read(node);
  };
  field.show = [](const Acl& acl) {
    Json shown = Json::array();
    for (const auto& jid : acl.users) shown.push_back(jid.str());
    for (const auto& name : acl.local_parts) shown.push_back(name);
    return shown;
  };
  return field;
}

// A set of users. Of what it may be only what is there is shown.
Kind<Acl> acl() {
  const auto glob = text("a pattern with * and ?");
  const auto kind = section<Acl>(
      {users(),
       condition(&Acl::local_globs, glob, "user_glob",
                 "Accounts whose part before the @ fits a pattern with * and ?.", "\"bot-*\""),
       condition(&Acl::hosts, domain(), "server", "Accounts of these hosts.", "[example.org]"),
       condition(&Acl::host_globs, glob, "server_glob", "Accounts of hosts that fit a pattern.",
                 "\"*.example.org\""),
       condition(&Acl::resources, text("a resource"), "resource",
                 "Sessions with one of these resources.", "[monitor]"),
       condition(&Acl::addresses, ip_range(), "ip", "Whoever comes from these addresses.",
                 "[127.0.0.0/8, \"::1\"]"),
       condition(&Acl::groups, text("the name of a group"), "group",
                 "Members of these groups; see `groups`.", "[staff]")},
      "an ACL");
  Kind<Acl> result = kind;
  result.schema = {{"type", "array"}, {"items", {{"type", "object"}}}};
  result.read = [read = kind.read](Acl& target, const YAML::Node& node, Reading& reading) {
    if (!node.IsSequence()) return read(target, node, reading);
    // A list of single conditions: whom any of them names.
    reading.each_item(node, [&](const YAML::Node& item) {
      Acl one;
      read(one, item, reading);
      const auto append = [](auto& to, auto& from) {
        to.insert(to.end(), from.begin(), from.end());
      };
      append(target.users, one.users);
      append(target.local_parts, one.local_parts);
      append(target.local_globs, one.local_globs);
      append(target.hosts, one.hosts);
      append(target.host_globs, one.host_globs);
      append(target.resources, one.resources);
      append(target.addresses, one.addresses);
      append(target.groups, one.groups);
    });
  };
  result.show = [show = kind.show](const Acl& from) {
    Json shown = Json::object();
    for (auto& [name, value] : show(from).items()) {
      if (!value.empty()) shown[name] = std::move(value);
    }
    return shown;
  };
  return result;
}

// One line of a rule: a word (`allow`, a shaper, a number) for whom all ACLs match.
struct Line {
  std::string word;
  YAML::Mark mark;
  std::vector<std::string> acls;
};

// The ACLs of a line: `admin`, `[admin, local]`, `{acl: admin}`, `[{acl: admin}]`.
void read_acls(std::vector<std::string>& acls, const YAML::Node& node, Reading& reading) {
  const auto read_name = [&](const YAML::Node& of) {
    const auto name = reading.scalar(of);
    if (!name || name->empty()) throw Mistake{of.Mark(), "expected the name of an ACL"};
    acls.push_back(*name);
  };
  const auto read_one = [&](const YAML::Node& of) {
    if (!of.IsMap()) return read_name(of);
    reading.each_entry(of, "", [&](const auto& key, const auto& at, const auto& value) {
      if (key != "acl") {
        throw Mistake{at.Mark(), "expected the name of an ACL: put '" + key + "' into `acl`"};
      }
      read_name(value);
    });
  };
  node.IsSequence() ? reading.each_item(node, read_one) : read_one(node);
}

std::vector<Line> read_lines(const YAML::Node& node, Reading& reading) {
  std::vector<Line> lines;
  const auto for_all = [&](const YAML::Node& of) {
    const auto word = reading.scalar(of);
    if (!word || word->empty()) throw Mistake{of.Mark(), "expected a rule, such as allow: all"};
    lines.push_back({*word, of.Mark(), {"all"}});
  };
  const auto read_map = [&](const YAML::Node& of) {
    if (!of.IsMap()) return for_all(of);
    reading.each_entry(of, "", [&](const auto& word, const auto& at, const auto& acls) {
      Line line{.word = word, .mark = at.Mark()};
      reading.within(word, acls, [&] { read_acls(line.acls, acls, reading); });
      lines.push_back(std::move(line));
    });
  };
  node.IsSequence() ? reading.each_item(node, read_map) : read_map(node);
  return lines;
}

// The same again as YAML: a list of word: ACLs.
Json show_line(const std::string& word, const std::vector<std::string>& acls) {
  return {{word, acls.size() == 1 ? Json(acls.front()) : Json(acls)}};
}

// Any of what read_lines takes.
Json lines_schema() {
  const Json acls{{"type", {"string", "array", "object"}}};
  const Json line{{"type", {"string", "number", "object"}}, {"additionalProperties", acls}};
  return {{"anyOf", Json::array({line, {{"type", "array"}, {"items", line}}})}};
}

using AccessRules = std::vector<AccessRule>;
using ShaperRules = std::vector<ShaperRule>;

Kind<AccessRules> access_rule() {
  return {.value = "rules such as allow: local",
          .schema = lines_schema(),
          .read =
              [](AccessRules& rules, const YAML::Node& node, Reading& reading) {
                for (auto& line : read_lines(node, reading)) {
                  if (line.word != "allow" && line.word != "deny") {
                    throw Mistake{line.mark, "expected allow or deny"};
                  }
                  rules.push_back({.allow = line.word == "allow", .acls = std::move(line.acls)});
                }
              },
          .show =
              [](const AccessRules& rules) {
                Json shown = Json::array();
                for (const auto& rule : rules) {
                  shown.push_back(show_line(rule.allow ? "allow" : "deny", rule.acls));
                }
                return shown;
              }};
}

// A word that begins like a number must be one.
bool is_limit_or_name(const std::string& word) {
  if (word.find_first_of("0123456789+-") != 0) return true;
  const auto number = parse_number(word);
  return number && *number <= kMaxLimit;
}

Kind<ShaperRules> shaper_rule() {
  return {.value = "rules such as normal: all, or a number",
          .schema = lines_schema(),
          .read =
              [](ShaperRules& rules, const YAML::Node& node, Reading& reading) {
                for (auto& line : read_lines(node, reading)) {
                  if (!is_limit_or_name(line.word)) {
                    throw Mistake{line.mark,
                                  "expected a shaper, none, infinity, or a number from 0 "
                                  "to 4294967295"};
                  }
                  rules.push_back({.value = std::move(line.word), .acls = std::move(line.acls)});
                }
              },
          .show =
              [](const ShaperRules& rules) {
                Json shown = Json::array();
                for (const auto& rule : rules) shown.push_back(show_line(rule.value, rule.acls));
                return shown;
              }};
}

// A section, or the rate alone.
Kind<Shaper> shaper() {
  const auto rate = size<std::uint64_t>(0, kMaxRate, Zero::no_limit);
  const auto stanzas = number<std::uint32_t>("stanzas", 0, kMaxStanzas, Zero::no_limit);
  auto kind = section<Shaper>(
      {option(&Shaper::rate, rate,
              {.name = "rate",
               .meaning = "Bytes a second, on average.",
               .when = "Hundreds are enough to chat; histories and avatars come the other way.",
               .example = "3000"}),
       option(&Shaper::burst_size, size<std::uint64_t>(0, kMaxRate),
              {.name = "burst_size",
               .meaning = "Bytes that may come at once after a pause. 0: as many as `rate`.",
               .when = "Larger, so that a log-in or an avatar is not held up.",
               .example = "20000"}),
       option(&Shaper::stanza_rate, stanzas,
              {.name = "stanza_rate",
               .meaning = "Stanzas a second, on average.",
               .when = "Against floods of small stanzas.",
               .example = "20"}),
       option(&Shaper::stanza_burst, number<std::uint32_t>("stanzas", 0, kMaxStanzas),
              {.name = "stanza_burst",
               .meaning = "Stanzas that may come at once after a pause. 0: as many as "
                          "`stanza_rate`.",
               .when = "Larger, so that a log-in is not held up.",
               .example = "200"})},
      "a shaper");
  kind.value = "a shaper: its options, or the rate alone";
  kind.schema = rate.schema;
  kind.read = [of_map = kind.read, of_rate = rate.read](Shaper& target, const YAML::Node& node,
                                                        Reading& reading) {
    node.IsScalar() ? of_rate(target.rate, node, reading) : of_map(target, node, reading);
  };
  return kind;
}

}  // namespace

Section<Access> access_options() {
  return {
      option(&Access::groups,
             named<decltype(Access::groups)>(list(account(), "a list of addresses"),
                                             "a map of group: addresses"),
             {.name = "groups",
              .meaning = "Groups of accounts, to name in ACLs.",
              .when = "If several ACLs or hosts need the same people.",
              .example = "{ staff: [sam@example.org] }"}),
      option(&Access::acls, named<decltype(Access::acls)>(acl(), "a map of ACL: conditions"),
             {.name = "acl",
              .meaning = "Sets of users and addresses, by name: whom any of its conditions fits "
                         "is in it. There are already `all` (everybody), `none` (nobody), "
                         "`admin` (the members of `admins`), and `local` (accounts of `hosts`).",
              .when = "Before you write access rules or shaper rules.",
              .example = "{ loopback: { ip: [127.0.0.0/8, \"::1\"] }, "
                         "blocked: { user: spammer@example.org } }"}),
      option(&Access::access_rules,
             named<decltype(Access::access_rules)>(access_rule(), "a map of rule: allow and deny"),
             {.name = "access_rules",
              .meaning = "Who is allowed what, by name. The first line whose every ACL fits "
                         "decides; whom none fits is denied. There is already `configure`, which "
                         "allows `admin`.",
              .when = "When an option asks for an access rule.",
              .example = "{ c2s: { deny: blocked, allow: all } }"}),
      option(&Access::shaper_rules,
             named<decltype(Access::shaper_rules)>(shaper_rule(), "a map of rule: values"),
             {.name = "shaper_rules",
              .meaning = "A value for each user, by name: the first line whose every ACL fits "
                         "gives it. `c2s_shaper` gives the shaper of a client's stream (`none`: "
                         "no limit), `max_user_sessions` the sessions of one account (`infinity`: "
                         "no limit); an account that it says nothing of may have 100.",
              .when = "To limit what one user can take.",
              .example = "{ max_user_sessions: 10, c2s_shaper: { none: admin, normal: all } }"}),
  };
}

Field<Config> shapers() {
  return option(&Config::shapers,
                named<decltype(Config::shapers)>(shaper(), "a map of shaper: rate"),
                {.name = "shaper",
                 .meaning = "How fast streams are read, by name. A client that sends faster "
                            "waits; nothing is lost. Clients are told the limits (XEP-0478).",
                 .when = "Together with `shaper_rules`, so that one user cannot take the whole "
                         "line.",
                 .example = "{ normal: { rate: 3000, burst_size: 20000 }, fast: 100000 }"});
}

}  // namespace starling::config
