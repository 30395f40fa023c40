#include "config/explain.h"

#include <algorithm>

#include "base/nearest.h"
#include "config/show.h"

namespace starling::config {

namespace {

constexpr std::size_t kColumns = 98;

// All of them, with their whole names. What is in host_config stands at the top already.
using Visit = std::function<void(const std::string& name, const Option& option)>;

void visit(const std::vector<Option>& options, const std::string& prefix, const Visit& see) {
  for (const auto& option : options) {
    const std::string name = prefix + option.words.name;
    see(name, option);
    if (name != "host_config") visit(option.inside, name + ".", see);
  }
}

std::string wrapped(std::string_view text, std::string_view margin = "") {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const auto space = std::min(text.find(' '), text.size());
    if (column != 0 && column + 1 + space > kColumns) {
      out += "\n" + std::string(margin);
      column = margin.size();
    } else if (column != 0) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, space);
    column += space;
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return out;
}

std::string applied_by(const Option& option) {
  return std::string(option.words.restart ? "a restart" : "a reload") +
         (option.per_host ? "; may differ by host (`host_config`)" : "");
}

std::string first_sentence(const std::string& text) {
  const auto end = text.find(". ");
  return end == std::string::npos ? text : text.substr(0, end + 1);
}

std::string indented(const std::string& text) {
  std::string out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find('\n', begin), text.size() - 1);
    out += "  " + text.substr(begin, end + 1 - begin);
    begin = end + 1;
  }
  return out;
}

// The schema of an option's value.
Json schema_of(const Option& option);

Json schema_of_section(const std::vector<Option>& options) {
  Json schema{{"type", {"object", "null"}}, {"additionalProperties", false}};
  for (const auto& option : options) schema["properties"][option.words.name] = schema_of(option);
  return schema;
}

Json schema_of(const Option& option) {
  Json schema;
  if (option.shape == Shape::value) {
    schema = option.schema;
  } else {
    schema = schema_of_section(option.inside);
    if (!option.schema.is_null()) schema = {{"anyOf", Json::array({schema, option.schema})}};
    if (option.shape == Shape::list) schema = {{"type", "array"}, {"items", schema}};
    if (option.shape == Shape::named) {
      schema = {{"type", {"object", "null"}}, {"additionalProperties", schema}};
    }
  }
  schema["description"] = option.words.meaning;
  if (option.shape != Shape::section) schema["default"] = option.default_value;
  return schema;
}

constexpr std::string_view kIntroduction = R"(# Configuration

This page is made by `starlingd --print-config-reference` from the same table that reads the file,
so it tells the whole truth about this version. `starlingd --explain listen.port` says the same of
one option.

## The file
One file in YAML, named by `starlingd --config FILE`. Every option is optional: an empty file
makes a server for `localhost`. Names and shapes are ejabberd's where it has the same thing; a
whole ejabberd.yml is translated by `starlingd --import-config` ([how to move](from-ejabberd.md)).

```yaml
hosts: [example.org]
certfiles: [/etc/starling/example.org.pem]
data_dir: /var/lib/starling
ctl_socket: /run/starling/ctl.sock
admins: [alice@example.org]
```

`starlingd --config FILE --check-config` says whether a file is good. What is unknown or ill-typed
is refused, with its line and column and the option that was perhaps meant. Paths are relative to
the folder of the file. A time is a number of seconds, or a text such as `30s`, `5 minutes`, `1
hour`, `2 days`; a size is a number of bytes, or a text such as `64 KiB` (65,536 bytes), `64 KB`
(64,000), `4 MiB`, `1 GiB`. `infinity` is no limit.

Editors can check and explain while you type: with yaml-language-server (VS Code, Neovim, Emacs),
the first line of the file names the schema:

```yaml
# yaml-language-server: $schema=/usr/share/doc/starling/starling.schema.json
```

That is [starling.schema.json](starling.schema.json), or what `starlingd --print-config-schema`
prints. If you use `!file`, tell the editor: `"yaml.customTags": ["!file scalar"]`.

## Reload
SIGHUP and `starlingctl reload_config` read the file again and take it as a whole or, if there is
a mistake in it, not at all; the log, and starlingctl, say which. Each option below says whether a
reload applies it or a restart is needed.

## The environment
A variable sets the option of its name: `STARLING_LOGLEVEL=debug`. Two underscores go deeper, and
the value is YAML:

```sh
STARLING_MODULES__ARCHIVE__EXPIRE_AFTER_DAYS=30
STARLING_HOSTS='[example.org, example.net]'
```

What is in the environment wins over the file, option by option; what `host_config` says of a host
wins over both. An unknown variable that begins with `STARLING_` is refused like an unknown option.
The exception is `STARLING_CTL_SOCKET`: it tells starlingctl where the socket is, so the option
`ctl_socket` cannot be set by it. Set it in the file, or by `STARLING_CTL_SOCKET_FILE`.

## Values from files
Any single value may stand in a file of its own, so that secrets need not be in the configuration:
a value with the tag `!file`, or a variable that ends in `_FILE`. The last line's end does not
count. Such values are hidden when the configuration is shown.

```yaml
modules:
  contact:
    security: [!file /run/secrets/contact-uri]
```
```sh
STARLING_DATA_DIR_FILE=/run/secrets/data-dir
```

## Several hosts
What stands at the top holds for every host. `host_config` says what is different for one; options
that may stand there say so below. A list that stands there replaces the one at the top. ACLs,
rules and groups add to those at the top, or replace the one of the same name.

```yaml
hosts: [example.org, public.example]
host_config:
  public.example:
    modules:
      register: { enabled: true }
      archive: { expire_after_days: 30 }
```

## Who may do what
An ACL names a set of users or addresses. An access rule says who is allowed something: its lines
are tried in order, the first that fits decides, and whom none fits is denied. A shaper rule gives
a value in the same way: the name of a shaper, or a number.

```yaml
acl:
  loopback: { ip: [127.0.0.0/8, "::1"] }
  blocked: { user: spammer@example.org }
  bots: { user_glob: "bot-*" }

access_rules:
  c2s:                   # for a listener's `access`
    deny: blocked
    allow: all
  trusted_network:       # for modules.fail2ban.access, say
    allow: loopback
  careful:               # both must fit
    - allow: [admin, loopback]

shaper:
  normal: { rate: 3000, burst_size: 20000 }
  fast: 100000

shaper_rules:
  c2s_shaper: { none: admin, fast: bots, normal: all }
  max_user_sessions: { infinity: bots, 10: all }

listen:
  - { port: 5222, access: c2s }
  - { port: 5223, tls: true, access: c2s }
```

There without being defined: the ACLs `all`, `none`, `admin` (who is in `admins`) and `local`
(every account of `hosts`), and the access rule `configure`, which allows `admin`. Where a rule is
asked for, the name of an ACL will do.

## All options
)";

// not_found, but perhaps there is one like it.
Error no_such_option(const std::string& name) {
  std::vector<std::string> wholes;
  std::vector<std::string> last_parts;
  visit(table().inside, "", [&](const std::string& whole, const Option& option) {
    wholes.push_back(whole);
    last_parts.push_back(option.words.name);
  });
  std::string hint = did_you_mean(name, wholes);
  // Without the sections it stands in.
  if (const auto part = hint.empty() ? nearest(name, last_parts) : std::nullopt) {
    const auto index = std::ranges::find(last_parts, *part) - last_parts.begin();
    hint = did_you_mean(wholes[index], wholes);
  }
  return {Errc::not_found, "there is no option '" + name + "'" + hint};
}

}  // namespace

std::string default_of(const Option& option) {
  const std::string value = to_yaml_line(option.default_value);
  const bool is_empty = option.default_value.empty() || option.default_value == "";
  if (is_empty && !option.words.unset.empty()) return option.words.unset;
  return is_empty && option.default_value.is_array() ? "none" : value;
}

std::string example_of(const std::string& name) {
  std::string out;
  std::string indent;
  std::string_view rest = name;
  std::string path;
  std::string example;
  while (!rest.empty()) {
    const auto dot = std::min(rest.find('.'), rest.size());
    path += (path.empty() ? "" : ".") + std::string(rest.substr(0, dot));
    rest.remove_prefix(std::min(dot + 1, rest.size()));
    const Option* found = find_option(path);
    if (found == nullptr) continue;  // an ACL's name, say: NAME stands for it already
    const Option& option = *found;
    out += indent + option.words.name + ":";
    example = option.words.example;
    if (rest.empty()) break;
    out += "\n";
    if (indent.ends_with("- ")) indent = std::string(indent.size(), ' ');
    indent += "  ";
    if (option.shape == Shape::list) indent += "- ";
    if (option.shape == Shape::named) {
      out += indent + "NAME:\n";
      indent += "  ";
    }
  }
  return example.empty() ? "" : out + " " + example + "\n";
}

Result<std::string> explain(const std::string& name) {
  const Option* option = find_option(name);
  if (option == nullptr) return std::unexpected(no_such_option(name));
  std::string out = name + "\n\n" + wrapped(option->words.meaning) + "\n\n";
  out += "Takes: " + wrapped(option->value) + "\n";
  if (option->shape != Shape::section) out += "Default: " + default_of(*option) + "\n";
  if (!option->words.when.empty()) {
    out += wrapped("When to change it: " + option->words.when) + "\n";
  }
  if (option->shape != Shape::section) out += "A change needs: " + applied_by(*option) + "\n";
  if (const auto example = example_of(name); !example.empty()) {
    out += "\nExample:\n" + indented(example);
  }
  if (!option->inside.empty()) out += "\nInside:\n";
  for (const auto& inside : option->inside) {
    out += "  " + inside.words.name + ": " + first_sentence(inside.words.meaning) + "\n";
  }
  return out;
}

std::string reference() {
  std::string out(kIntroduction);
  visit(table().inside, "", [&](const std::string& name, const Option& option) {
    const bool top = !name.contains('.');
    out += "\n" + std::string(top ? "### " : "#### ") + name + "\n" +
           wrapped(option.words.meaning) + "\n";
    if (option.shape != Shape::section) {
      out += "\n- " + wrapped("takes: " + option.value, "  ") + "\n- default: ";
      const std::string value = default_of(option);
      const bool in_words = value == "none" || value == option.words.unset;
      out += (in_words ? value : "`" + value + "`") + "\n";
      if (!option.words.when.empty()) {
        out += "- " + wrapped("when to change it: " + option.words.when, "  ") + "\n";
      }
      out += "- a change needs: " + applied_by(option) + "\n";
    }
    if (const auto example = example_of(name); !example.empty()) {
      out += "\n```yaml\n" + example + "```\n";
    }
  });
  return out;
}

std::string json_schema() {
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", "Configuration of Starling"},
              {"description", "Made by starlingd --print-config-schema"}};
  schema.update(schema_of_section(table().inside));
  return schema.dump(1) + "\n";
}

}  // namespace starling::config
