// Reads YAML into typed options and says where a mistake is. For config.cc.
//
// A reader throws Mistake; the caller of the outermost one catches it. Aliases cost nothing: each
// reader looks at one node, and only as deep as the options go.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace starling::starlingd {

struct Mistake {
  YAML::Mark mark;
  std::string message;
};

using Reader = std::function<void(const YAML::Node&)>;

// The one document of a YAML text. Throws YAML::Exception, and Mistake if another one follows.
YAML::Node load_document(const std::string& yaml);

// Calls the reader of each key. A key that is unknown or stands there twice is a mistake; what a
// reader throws gets the key before its message.
void read_map(const YAML::Node& map, const std::map<std::string, Reader>& readers,
              const std::string& what);

// A text that is not empty.
Reader text(std::string& target, std::string expected);
Reader true_or_false(bool& target);
// A decimal number.
std::uint32_t read_number(const YAML::Node& node, std::uint32_t max);

template <class N>
Reader number(N& target, std::uint32_t max) {
  return
      [&target, max](const YAML::Node& node) { target = static_cast<N>(read_number(node, max)); };
}

template <class T>
Reader choice(T& target, std::map<std::string, T> values) {
  return [&target, values = std::move(values)](const YAML::Node& node) {
    const auto found = node.IsScalar() ? values.find(node.Scalar()) : values.end();
    if (found == values.end()) {
      std::string known;
      for (const auto& [name, unused] : values) known += (known.empty() ? "" : ", ") + name;
      throw Mistake{node.Mark(), "expected one of: " + known};
    }
    target = found->second;
  };
}

}  // namespace starling::starlingd
