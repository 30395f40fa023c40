// The table of all options: the one place that names, types, bounds and explains each.
//
// An option is bound to a member of its struct, whose initializer is the default: it stands nowhere
// else. From the table come the reading of the file, docs/configuration.md, the JSON schema,
// `--explain`, the comparison of two configurations, and the dump of one.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/reading.h"

namespace starling::config {

using Json = nlohmann::ordered_json;

// What is shown in the place of a secret.
inline constexpr std::string_view kHidden = "(hidden)";

// What is written by hand of an option.
struct Words {
  std::string name;
  std::string meaning;
  std::string when{};     // when to change it
  std::string example{};  // of the value, as YAML
  std::string unset{};    // what an empty default means
  bool restart = false;   // a reload does not apply it
};

enum class Shape : std::uint8_t {
  value,    // a scalar, or what `schema` says
  section,  // a map of the options in `inside`
  list,     // of such sections
  named,    // a map of names to such sections
};

// All that is known of an option.
struct Option {
  Words words;
  std::string value;  // what it takes: "a number of bytes from 0 to 10"
  Json default_value;
  Json schema;  // JSON Schema of the value; of a section, what may stand there instead, or nothing
  Shape shape = Shape::value;
  std::vector<Option> inside;
  bool per_host = false;  // may stand in host_config
};

// A kind of value: what is expected, how it is read, how it is shown.
template <class V>
struct Kind {
  std::string value;
  Json schema;
  std::function<void(V& target, const YAML::Node& node, Reading& reading)> read;
  std::function<Json(const V&)> show;
  Shape shape = Shape::value;
  std::vector<Option> inside{};
};

// An option of the struct T.
template <class T>
struct Field {
  Option option;
  std::function<void(T& target, const YAML::Node& node, Reading& reading)> read;
  std::function<Json(const T&)> show;
  std::function<void(T& to, const T& from)> copy{};  // of an option of its own
};

template <class T>
using Section = std::vector<Field<T>>;

template <class T, class V>
Field<T> option(V T::* member, const Kind<V>& kind, Words words) {
  return {
      .option = {.words = std::move(words),
                 .value = kind.value,
                 .default_value = kind.show(T{}.*member),
                 .schema = kind.schema,
                 .shape = kind.shape,
                 .inside = kind.inside},
      .read = [member, read = kind.read](T& target, const YAML::Node& node,
                                         Reading& reading) { read(target.*member, node, reading); },
      .show = [member, show = kind.show](const T& from) { return show(from.*member); },
      .copy = [member](T& to, const T& from) { to.*member = from.*member; }};
}

// The mistake of a key that is none of these options.
[[nodiscard]] Mistake unknown_option(const std::string& key, const YAML::Node& key_node,
                                     const std::vector<std::string>& known);

// A map of options. An empty one (`archive:`) leaves everything as it is.
template <class T>
Kind<T> section(Section<T> options, const std::string& value = "a section of options") {
  Kind<T> kind{.value = value, .shape = Shape::section};
  for (const auto& field : options) kind.inside.push_back(field.option);
  const auto fields = std::make_shared<const Section<T>>(std::move(options));
  kind.read = [fields, value](T& target, const YAML::Node& node, Reading& reading) {
    if (node.IsNull()) return;
    reading.each_entry(node, value, [&](const auto& key, const auto& key_node, const auto& of) {
      for (const auto& field : *fields) {
        if (field.option.words.name != key) continue;
        return reading.within(key, of, [&] { field.read(target, of, reading); });
      }
      std::vector<std::string> known;
      for (const auto& field : *fields) known.push_back(field.option.words.name);
      throw unknown_option(key, key_node, known);
    });
  };
  kind.show = [fields](const T& from) {
    Json shown = Json::object();
    for (const auto& field : *fields) shown[field.option.words.name] = field.show(from);
    return shown;
  };
  return kind;
}

// Options of a member as options of the whole.
template <class T, class M>
Section<T> lift(M T::* member, const Section<M>& fields) {
  Section<T> lifted;
  for (const auto& field : fields) {
    lifted.push_back(
        {.option = field.option,
         .read = [member, read = field.read](
                     T& target, const YAML::Node& node,
                     Reading& reading) { read(target.*member, node, reading); },
         .show = [member, show = field.show](const T& from) { return show(from.*member); }});
  }
  return lifted;
}

// Options of T under a name of their own, though they are in no struct of their own.
template <class T>
Field<T> group(const Section<T>& fields, Words words) {
  const auto kind = section(fields);
  return {.option = {.words = std::move(words),
                     .value = kind.value,
                     .default_value = kind.show(T{}),
                     .shape = kind.shape,
                     .inside = kind.inside},
          .read = kind.read,
          .show = kind.show};
}

template <class T>
Section<T> operator+(Section<T> first, const Section<T>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// The parts of the table, each in a file of its name.
Section<Config> global_options();              // table_global.cc
Kind<std::vector<ListenOptions>> listeners();  // table_listen.cc
Section<HostOptions> host_options();           // table_host.cc: what is not under `modules`
Section<HostOptions> module_options();         // table_modules.cc
Field<Config> fail2ban();                      // table_modules.cc
Field<Config> cluster();                       // table_cluster.cc
Field<Config> cloud();                         // table_cloud.cc
Field<Config> api();                           // table_api.cc
Section<Access> access_options();              // table_access.cc
Field<Config> shapers();                       // table_access.cc

// The whole of it: what a configuration file may hold, and what host_config may hold of a host.
const Kind<Config>& table();
const Kind<HostOptions>& host_table();

// Takes from `in_force` what a reload does not apply: the options marked with `restart`.
void keep_until_restart(Config& fresh, const Config& in_force);

// The option of this name: "listen.port", "modules.archive.max_messages". Names that an operator
// gives (an ACL's, a host's) may be left out. nullptr if there is none.
[[nodiscard]] const Option* find_option(std::string_view name);

}  // namespace starling::config
