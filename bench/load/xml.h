// As much XML as is needed to tell a server's stanzas apart. Servers are trusted here: nothing is
// checked, and what XMPP forbids (comments, CDATA, processing instructions) is not looked for.
#pragma once

#include <string_view>

namespace load {

// The index of the '>' that ends the tag beginning at `at`; npos if it is not there yet.
inline std::size_t tag_end(std::string_view data, std::size_t at) {
  char quote = 0;
  for (std::size_t i = at; i < data.size(); ++i) {
    const char c = data[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '>') {
      return i;
    }
  }
  return data.npos;
}

inline std::string_view name_of(std::string_view tag) {
  return tag.substr(1, tag.find_first_of(" />\t\r\n", 1) - 1);
}

// Calls on_element(name, text) for each whole element below the stream's root, and with the name
// "/stream:stream" at its end. Returns how many bytes are done with.
template <typename OnElement>
std::size_t split(std::string_view data, OnElement on_element) {
  std::size_t done = 0, start = 0, at = 0;
  int depth = 0;
  while ((at = data.find('<', at)) != data.npos) {
    const std::size_t end = tag_end(data, at);
    if (end == data.npos) break;
    const std::string_view tag = data.substr(at, end + 1 - at);
    if (depth == 0) start = at;
    const bool closes = tag[1] == '/', is_empty = tag[tag.size() - 2] == '/';
    const bool is_root = depth == 0 && (tag[1] == '?' || tag.starts_with("<stream:stream"));
    if (!is_root && !is_empty) depth += closes ? -1 : 1;
    at = end + 1;
    if (depth < 0) {
      on_element(std::string_view("/stream:stream"), tag);
      return data.size();
    }
    if (depth > 0) continue;
    done = at;
    if (!is_root) {
      const std::string_view text = data.substr(start, at - start);
      on_element(name_of(text), text);
    }
  }
  return done;
}

// Of the element's first tag; "" if it is not there.
inline std::string_view attribute(std::string_view element, std::string_view name) {
  const std::string_view tag = element.substr(0, tag_end(element, 0));
  for (std::size_t at = 0; (at = tag.find(name, at)) != tag.npos; at += name.size()) {
    const std::size_t equals = at + name.size();
    if (tag[at - 1] != ' ' || equals + 1 >= tag.size() || tag[equals] != '=') continue;
    const std::size_t value = equals + 2;
    return tag.substr(value, tag.find(tag[equals + 1], value) - value);
  }
  return {};
}

// What is between the first tag that begins with `tag` and the next '<'; "" if it is not there.
inline std::string_view text_of(std::string_view element, std::string_view tag) {
  const std::size_t at = element.find(tag);
  if (at == element.npos) return {};
  const std::size_t text = tag_end(element, at) + 1;
  return element.substr(text, element.find('<', text) - text);
}

}  // namespace load
