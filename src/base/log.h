// Logging: one event per line, with a stable event name and named fields, as text or JSON.
//
//   log::info("session_bound", {{"jid", jid}, {"remote", ip}});
//
// Event names are snake_case and stable: operators grep and alert on them. Never put a password,
// key, token or stanza body into a field. Each subsystem has a level of its own, which may be
// changed at any time. Thread-safe; lines go to standard error, or to a file.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::log {

enum class Level : std::uint8_t { debug, info, warning, error };
enum class Format : std::uint8_t { text, json };

// Who logs: the folder of the source file, at compile time. What is in no folder of this list
// counts as starlingd.
enum class Subsystem : std::uint8_t {
  net,
  stream,
  core,
  modules,
  store,
  bus,
  cluster,
  admin,
  cloud,
  starlingd,
};
inline constexpr std::string_view kSubsystems[] = {
    "net", "stream", "core", "modules", "store", "bus", "cluster", "admin", "cloud", "starlingd"};

[[nodiscard]] std::string_view to_string(Level level);
[[nodiscard]] constexpr std::string_view to_string(Subsystem subsystem) {
  return kSubsystems[static_cast<std::size_t>(subsystem)];
}
[[nodiscard]] std::optional<Level> level_of(std::string_view name);
[[nodiscard]] std::optional<Subsystem> subsystem_of(std::string_view name);

constexpr Subsystem subsystem_of_file(std::string_view path) {
  const auto src = path.rfind("src/");
  if (src != std::string_view::npos) path.remove_prefix(src + 4);
  const std::string_view folder = path.substr(0, path.find('/'));
  for (std::size_t i = 0; i < std::size(kSubsystems); ++i) {
    if (kSubsystems[i] == folder) return static_cast<Subsystem>(i);
  }
  return Subsystem::starlingd;
}

struct Event {
  std::string_view name;
  Subsystem subsystem;

  // A literal, where it stands.
  // NOLINTNEXTLINE(google-explicit-constructor): every call of info() and the like is one
  consteval Event(const char* literal, std::source_location where = std::source_location::current())
      : name(literal), subsystem(subsystem_of_file(where.file_name())) {}
  // A name that is known at run time only.
  constexpr Event(std::string_view event, Subsystem of) : name(event), subsystem(of) {}
};

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

struct Settings {
  Level level = Level::info;
  std::map<std::string, Level> levels;  // by subsystem, where it differs
  Format format = Format::text;
  std::string file;  // "": standard error
};
// May be called again; as a whole or not at all. Errors: invalid (no such subsystem), unavailable
// (the file).
Result<> configure(const Settings& settings);
// To standard error, the same level for all.
void configure(Level level, Format format);

[[nodiscard]] Level level(Subsystem subsystem);
void set_level(Level level);  // of all
void set_level(Subsystem subsystem, Level level);

// Opens the log file anew, after it was renamed; makes it if it is gone. On standard error there
// is nothing to do. Errors: unavailable; then the old one stays in use.
Result<> reopen();
// Renames the log file to NAME.0 (an older one of that name is replaced) and begins a new one.
// Errors: invalid (there is no log file), unavailable.
Result<> rotate();

[[nodiscard]] bool enabled(Level level, Subsystem subsystem);
void write(Level level, Event event, std::span<const Field> fields);

inline void write(Level level, Event event, Fields fields) {
  if (enabled(level, event.subsystem)) {
    write(level, event, std::span(fields.begin(), fields.size()));
  }
}
inline void debug(Event event, Fields fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(Event event, Fields fields = {}) {
  write(Level::info, event, fields);
}
inline void warning(Event event, Fields fields = {}) {
  write(Level::warning, event, fields);
}
inline void error(Event event, Fields fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace starling::log
