#include "config/show.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace starling::config {

namespace {

// Whether YAML takes the text for a text without quotes.
bool is_plain(std::string_view text) {
  if (text.empty() || !std::isalpha(static_cast<unsigned char>(text.front()))) {
    if (!text.starts_with('/') || text.size() < 2) return false;
  }
  const bool simple = std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("/._-@+ ").contains(c);
  });
  if (!simple || text.ends_with(' ')) return false;
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* word : {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}) {
    if (lower == word) return false;
  }
  return true;
}

std::string scalar(const Json& value) {
  if (value.is_string() && is_plain(value.get_ref<const std::string&>())) {
    return value.get<std::string>();
  }
  // JSON's quotes and escapes are YAML's, too.
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_short(const Json& value) {
  return !value.is_structured() || value.empty() ||
         (value.is_array() &&
          std::ranges::none_of(value, [](const Json& item) { return item.is_structured(); }));
}

void append_block(std::string& out, const Json& value, std::size_t indent) {
  const std::string margin(indent, ' ');
  const auto append = [&](const std::string& start, const Json& item, bool in_list) {
    if (is_short(item)) {
      out += margin + start + " " + to_yaml_line(item) + "\n";
    } else if (in_list) {
      const std::size_t begin = out.size();
      append_block(out, item, indent + 2);
      out[begin + indent] = '-';
    } else {
      out += margin + start + "\n";
      append_block(out, item, indent + 2);
    }
  };
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) append(scalar(key) + ":", item, false);
  } else {
    for (const auto& item : value) append("-", item, true);
  }
}

// Whether a path is this one, or leads into it.
bool is_in(std::string_view path, std::string_view whole) {
  return path.starts_with(whole) && (path.size() == whole.size() || path[whole.size()] == '.');
}

// Hides what came from a file: the value of that name, or the nearest that holds it.
void hide(Json& shown, std::string_view name) {
  Json* at = &shown;
  while (!name.empty() && at->is_structured()) {
    // Keys may have dots in them, and begin like others: `example` and `example.org`.
    std::size_t longest = 0;
    Json* inside = nullptr;
    for (auto& [key, value] : at->items()) {
      if (!is_in(name, key) || key.size() < longest) continue;
      longest = key.size();
      inside = &value;
    }
    if (inside == nullptr) break;
    name.remove_prefix(std::min(longest + 1, name.size()));
    at = inside;
  }
  *at = kHidden;
}

Json shown_of(const Config& config) {
  Json shown = table().show(config);
  for (const auto& name : config.secrets) hide(shown, name);
  return shown;
}

void append_described(std::vector<Described>& all, const std::vector<Option>& options,
                      const Json& shown, const Config& config, const std::string& prefix) {
  for (const auto& option : options) {
    const std::string name = prefix + option.words.name;
    const Json& value = shown.at(option.words.name);
    if (option.shape == Shape::section && value.is_object()) {
      append_described(all, option.inside, value, config, name + ".");
    } else {
      const auto place = config.places.find(name);
      all.push_back(
          {&option, name, to_yaml_line(value), place == config.places.end() ? "" : place->second});
    }
  }
}

// An option in which two configurations differ.
struct Difference {
  std::string name;
  bool restart;
  Json before;
  Json after;
};
using Differences = std::vector<Difference>;

// In the table's order. Sections are taken apart, and lists of as many of them (listeners), so that
// one option is not hidden among all the others.
void append_differences(Differences& found, const std::vector<Option>& options, const Json& before,
                        const Json& after, const std::string& prefix, bool restart = false) {
  for (const auto& option : options) {
    const std::string name = prefix + option.words.name;
    const Json& was = before.at(option.words.name);
    const Json& is = after.at(option.words.name);
    if (was == is || name == "host_config") continue;
    if (option.shape == Shape::section) {
      append_differences(found, option.inside, was, is, name + ".", option.words.restart);
    } else if (option.shape == Shape::list && was.size() == is.size()) {
      for (std::size_t i = 0; i < is.size(); ++i) {
        append_differences(found, option.inside, was[i], is[i],
                           name + "." + std::to_string(i) + ".");
      }
    } else {
      found.push_back({name, restart || option.words.restart, was, is});
    }
  }
}

// A value as it may be told. What came from a file at the top is in every host's options as well.
std::string told(const Config& config, const std::string& name, const std::string& prefix,
                 const Json& value) {
  const bool secret = std::ranges::any_of(config.secrets, [&](const std::string& hidden) {
    return is_in(hidden, name) || is_in(hidden, prefix + name);
  });
  return secret ? std::string(kHidden) : to_yaml_line(value);
}

}  // namespace

std::string to_yaml_line(const Json& value) {
  if (!value.is_structured()) return scalar(value);
  std::string out;
  for (const auto& [key, item] : value.items()) {
    out += (out.empty() ? "" : ", ") + (value.is_object() ? scalar(key) + ": " : std::string()) +
           to_yaml_line(item);
  }
  if (value.is_array()) return "[" + out + "]";
  return out.empty() ? "{}" : "{ " + out + " }";
}

std::string to_yaml(const Json& value) {
  if (is_short(value)) return to_yaml_line(value) + "\n";
  std::string out;
  append_block(out, value, 0);
  return out;
}

std::string dump(const Config& config) {
  return to_yaml(shown_of(config));
}

std::vector<Described> describe(const Config& config) {
  std::vector<Described> all;
  append_described(all, table().inside, shown_of(config), config, "");
  return all;
}

std::vector<Change> changes(const Config& before, const Config& after) {
  std::vector<Change> told_of;
  const auto tell = [&](const Difference& difference, const std::string& prefix) {
    const std::string& name = difference.name;
    told_of.push_back({.name = prefix + name,
                       .before = told(before, name, prefix, difference.before),
                       .after = told(after, name, prefix, difference.after),
                       .restart = difference.restart});
  };
  Differences at_the_top;
  append_differences(at_the_top, table().inside, table().show(before), table().show(after), "");
  for (const auto& difference : at_the_top) tell(difference, "");
  for (const auto& [host, options] : after.host_options) {
    const auto old = before.host_options.find(host);
    if (old == before.host_options.end()) continue;
    Differences of_host;
    append_differences(of_host, host_table().inside, host_table().show(old->second),
                       host_table().show(options), "");
    for (const auto& difference : of_host) {
      // What changed at the top, too, is not said again for each host.
      const bool said = std::ranges::any_of(at_the_top, [&](const Difference& top) {
        return top.name == difference.name && top.after == difference.after;
      });
      if (!said) tell(difference, "host_config." + host + ".");
    }
  }
  return told_of;
}

}  // namespace starling::config
