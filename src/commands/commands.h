// The commands of starlingctl: one table, from which come its help, its completion, the reference
// in docs/starlingctl.md, and what the server accepts. What each does is in admin/.
//
// Names and order of arguments are ejabberdctl's where it has the command.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace starling::commands {

enum class Type : std::uint8_t {
  text,          // anything, without control characters
  integer,       // decimal, not negative
  user,          // the part of an address before the @; a host or domain follows
  host,          // a domain that this server serves
  domain,        // any domain
  resource,      // of a session
  jid,           // an address
  choice,        // one of `choices`
  file,          // a path, relative to where starlingctl was called
  password,      // never shown or logged; may be left out, then starlingctl asks for it
  new_password,  // the same; on a terminal it is asked for twice
};

struct Argument {
  std::string_view name;  // as the help shows it
  std::string_view meaning;
  Type type = Type::text;
  bool optional = false;       // those at the end only
  std::string_view choices{};  // "one|two"; of a choice
  bool written = false;        // what people write: never logged

  [[nodiscard]] bool secret() const { return type == Type::password || type == Type::new_password; }
};

struct Command {
  std::string_view name;
  std::string_view tag;      // one of tags()
  std::string_view summary;  // one line
  std::vector<Argument> arguments;
  std::string_view effect;     // what changes, what it answers, what can go wrong
  std::string_view example;    // as typed in a shell
  bool takes_long = false;     // perhaps more than a minute: starlingctl waits for its end
  bool local = false;          // done by starlingctl itself, where no node runs
  bool goes_on = false;        // answers line after line, until either side ends it
  bool changes = true;         // false: it only tells, and may be asked again and again
  bool secret_answer = false;  // shown once: kept nowhere

  // Without optional ones at the end.
  [[nodiscard]] std::size_t required() const;
  // NAME USER HOST [PASSWORD]
  [[nodiscard]] std::string usage() const;
};

struct Tag {
  std::string_view name;
  std::string_view title;
};

// By tag, in the order of tags().
[[nodiscard]] std::span<const Command> all();
[[nodiscard]] std::span<const Tag> tags();
// The command of that name, or nullptr.
[[nodiscard]] const Command* find(std::string_view name);

[[nodiscard]] std::vector<std::string_view> choices(const Argument& argument);

// Whether these arguments are such as the command takes, as far as can be said without knowing the
// server. An optional one that is empty counts as left out. Errors: invalid.
[[nodiscard]] Result<> check(const Command& command, std::span<const std::string> arguments);

// For tables of Markdown: what stands for something is no HTML; and what an argument is.
[[nodiscard]] std::string markdown(std::string_view text);
[[nodiscard]] std::string markdown(const Argument& argument);

// docs/starlingctl.md.
[[nodiscard]] std::string reference();

}  // namespace starling::commands
