#include "config/show.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace starling::config {

namespace {

constexpr const char* kHidden = "(hidden)";

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

// Values by name, in the table's order. Sections are taken apart.
using Values = std::vector<std::pair<std::string, Json>>;

void append_values(Values& values, const std::vector<Option>& options, const Json& shown,
                   const std::string& prefix) {
  for (const auto& option : options) {
    const auto found = shown.find(option.words.name);
    if (found == shown.end()) continue;
    const std::string name = prefix + option.words.name;
    if (option.shape == Shape::section) {
      append_values(values, option.inside, *found, name + ".");
    } else if (name != "host_config") {
      values.emplace_back(name, *found);
    }
  }
}

// Hides what came from a file: the value of that name, or the nearest that holds it.
void hide(Json& shown, std::string_view name) {
  Json* at = &shown;
  while (!name.empty() && at->is_structured() && !at->empty()) {
    bool found = false;
    // Keys may have dots in them.
    for (auto& [key, value] : at->items()) {
      if (!name.starts_with(key)) continue;
      if (name.size() > key.size() && name[key.size()] != '.') continue;
      name.remove_prefix(std::min(key.size() + 1, name.size()));
      at = &value;
      found = true;
      break;
    }
    if (!found) break;
  }
  *at = kHidden;
}

Json shown_of(const Config& config) {
  Json shown = table().show(config);
  for (const auto& name : config.secrets) hide(shown, name);
  return shown;
}

Values values_of(const Config& config) {
  Values values;
  append_values(values, table().inside, table().show(config), "");
  return values;
}

void append_changes(std::vector<Change>& changes, const Values& before, const Values& after,
                    const Config& config, const Config& new_config, const std::string& prefix) {
  for (std::size_t i = 0; i < after.size() && i < before.size(); ++i) {
    const auto& [name, value] = after[i];
    if (before[i].second == value) continue;
    const auto text = [&](const Config& of, const Json& shown) {
      const std::string whole = prefix + name;
      const bool secret = std::ranges::any_of(of.secrets, [&](const std::string& hidden) {
        return hidden == whole || hidden.starts_with(whole + ".");
      });
      return secret ? std::string(kHidden) : to_yaml_line(shown);
    };
    const Option* option = find_option(name);
    changes.push_back({.name = prefix + name,
                       .before = text(config, before[i].second),
                       .after = text(new_config, value),
                       .restart = option != nullptr && option->words.restart});
  }
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

std::vector<Change> changes(const Config& before, const Config& after) {
  std::vector<Change> found;
  append_changes(found, values_of(before), values_of(after), before, after, "");
  const std::size_t at_the_top = found.size();
  for (const auto& [host, options] : after.host_options) {
    const auto old = before.host_options.find(host);
    if (old == before.host_options.end()) continue;
    Values was;
    Values is;
    append_values(was, host_table().inside, host_table().show(old->second), "");
    append_values(is, host_table().inside, host_table().show(options), "");
    std::vector<Change> of_host;
    append_changes(of_host, was, is, before, after, "host_config." + host + ".");
    const std::size_t prefix = ("host_config." + host + ".").size();
    for (auto& change : of_host) {
      // What changed at the top, too, is not said again for each host.
      const bool said = std::any_of(
          found.begin(), found.begin() + static_cast<long>(at_the_top), [&](const Change& top) {
            return top.name == change.name.substr(prefix) && top.after == change.after;
          });
      if (!said) found.push_back(std::move(change));
    }
  }
  return found;
}

}  // namespace starling::config
