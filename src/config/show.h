// A Config as text for people, and what differs between two.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/table.h"

namespace starling::config {

// The whole configuration in force as YAML, defaults included: it can be read again. Values that
// came from files of their own are hidden.
[[nodiscard]] std::string dump(const Config& config);

// One option, as far as it is known: what it means, and what it is now.
struct Described {
  const Option* option = nullptr;
  std::string name;   // "loglevel", "modules.archive.max_messages", "listen"
  std::string value;  // in force, as YAML in a line; hidden as in dump()
  std::string place;  // where it was set, as in Config::places; "": nowhere, so the default counts
};
// All of them, in the order of the table: sections are taken apart, lists are not. What host_config
// says of one host is in the option of that name.
[[nodiscard]] std::vector<Described> describe(const Config& config);

struct Change {
  std::string name;  // "loglevel", "modules.archive.max_messages", "host_config.example.org.admins"
  std::string before;
  std::string after;
  bool restart = false;  // a reload cannot apply it
};

// What is different in `after`, in the order of the table.
[[nodiscard]] std::vector<Change> changes(const Config& before, const Config& after);

// YAML of a value: in lines, or in one.
[[nodiscard]] std::string to_yaml(const Json& value);
[[nodiscard]] std::string to_yaml_line(const Json& value);

}  // namespace starling::config
