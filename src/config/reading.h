// Reading: what goes along while YAML is read into typed options, and knows where it is.
//
// A reader throws Mistake; load.cc catches it. Aliases cost nothing: each reader looks at one node
// and only as deep as the options go, and the values of one configuration are counted.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace starling::config {

struct Mistake {
  YAML::Mark mark;
  std::string message;
};

// Gives the content of a file, or why not.
using FileReader = std::function<Result<std::string>(const std::string& path)>;

class Reading {
 public:
  // `file` is the configuration's own path, for messages and for relative paths in it.
  Reading(std::string file, FileReader read_file)
      : source_(file), file_(std::move(file)), read_file_(std::move(read_file)) {}

  // From now on, values come from the environment variable of this name.
  void from_variable(const std::string& name);
  // Whether they do.
  [[nodiscard]] bool variable() const { return source_ != file_; }

  // The text of a scalar; with the tag `!file`, what that file holds but for the last line's end.
  // nullopt if the node is no scalar.
  std::optional<std::string> scalar(const YAML::Node& node);

  // Calls `read` for each entry of a map. A key that is empty, no word, or stands there twice is a
  // mistake. `what` begins the message if this is no map.
  using Entry = std::function<void(const std::string& key, const YAML::Node& key_node,
                                   const YAML::Node& value)>;
  void each_entry(const YAML::Node& map, const std::string& what, const Entry& read);
  // Reads a value of this name: what is thrown gets the name before its message.
  void within(const std::string& name, const YAML::Node& value, const std::function<void()>& read);
  // Calls `read` for each item of a list.
  void each_item(const YAML::Node& list, const std::function<void(const YAML::Node&)>& read);

  // Keeps a node to be read last (host_config stands on everything else), and reads them then, in
  // the order in which they came.
  void put_off(const YAML::Node& node);
  void read_put_off(const std::function<void(const YAML::Node&)>& read);

  // "FILE:LINE:COLUMN" or "environment variable NAME"; with ": " behind it, the begin of a message.
  [[nodiscard]] std::string origin(const YAML::Mark& mark) const;
  [[nodiscard]] std::string place(const YAML::Mark& mark) const;
  // The same of the option with this path, or of what it stands in.
  [[nodiscard]] std::string place_of(std::string path) const;

  // True if an option with this path was in the file or the environment.
  [[nodiscard]] bool was_read(const std::string& path) const { return places_.contains(path); }

  // Where everything was, by path: "FILE:LINE:COLUMN" or "environment variable NAME".
  [[nodiscard]] const std::map<std::string, std::string>& places() const { return places_; }
  // Paths of what was read with `!file`, which may be a secret.
  [[nodiscard]] const std::set<std::string>& secrets() const { return secrets_; }
  // The path of a name in the configuration, relative to the configuration's folder.
  [[nodiscard]] std::string absolute(const std::string& name) const;

 private:
  [[nodiscard]] std::string path() const;
  void enter(const std::string& name, const YAML::Node& value);
  void count(const YAML::Node& node);

  std::string source_;  // the file, or "environment variable NAME"
  std::vector<std::pair<YAML::Node, std::string>> put_off_;
  std::string file_;
  FileReader read_file_;
  std::size_t values_ = 0;
  std::vector<std::string> path_;
  std::map<std::string, std::string> places_;
  std::set<std::string> secrets_;
};

// The one document of a YAML text. Throws YAML::Exception, and Mistake if another one follows.
YAML::Node load_document(const std::string& yaml);

}  // namespace starling::config
