// Logging: one event per line, with a stable event name and named fields, as text or JSON.
//
//   log::info("session_bound", {{"jid", jid}, {"remote", ip}});
//
// Event names are snake_case and stable: operators grep and alert on them. Never put a password,
// key, token or stanza body into a field. Thread-safe; lines go to stderr.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace starling::log {

enum class Level : std::uint8_t { debug, info, warning, error };
enum class Format : std::uint8_t { text, json };

struct Field {
  std::string_view name;
  std::string value;
  bool quoted = true;  // false for numbers and booleans in JSON

  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  Field(std::string_view n, const std::string& v) : name(n), value(v) {}
  Field(std::string_view n, bool v) : name(n), value(v ? "true" : "false"), quoted(false) {}
  template <class N>
    requires(std::integral<N> && !std::same_as<N, bool>) || std::floating_point<N>
  Field(std::string_view n, N v) : name(n), value(std::to_string(v)), quoted(false) {}
};
using Fields = std::initializer_list<Field>;

void configure(Level level, Format format);
[[nodiscard]] bool enabled(Level level);
void write(Level level, std::string_view event, Fields fields);

inline void debug(std::string_view event, Fields fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) {
  if (enabled(Level::info)) write(Level::info, event, fields);
}
inline void warning(std::string_view event, Fields fields = {}) {
  if (enabled(Level::warning)) write(Level::warning, event, fields);
}
inline void error(std::string_view event, Fields fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace starling::log
