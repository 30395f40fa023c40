#include "starlingd/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>

#include <charconv>
#include <set>
#include <sstream>

namespace starling::starlingd {

namespace {

// Hears of a document, and only remembers where it began.
struct DocumentMark final : YAML::EventHandler {
  YAML::Mark mark;
  void OnDocumentStart(const YAML::Mark& at) override { mark = at; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

}  // namespace

YAML::Node load_document(const std::string& yaml) {
  // Not YAML::LoadAll: it never ends if what follows the first document is no YAML.
  std::istringstream input(yaml);
  YAML::Parser parser(input);
  DocumentMark document;
  if (parser.HandleNextDocument(document) && parser.HandleNextDocument(document)) {
    throw Mistake{document.mark, "a second YAML document begins here; only one is read"};
  }
  return YAML::Load(yaml);
}

void read_map(const YAML::Node& map, const std::map<std::string, Reader>& readers,
              const std::string& what) {
  if (!map.IsMap()) throw Mistake{map.Mark(), what + " is a map of option: value"};
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const auto reader = entry.first.IsScalar() ? readers.find(entry.first.Scalar()) : readers.end();
    if (reader == readers.end()) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "?";
      std::string known;
      for (const auto& [name, unused] : readers) known += (known.empty() ? "" : ", ") + name;
      throw Mistake{entry.first.Mark(), "unknown option '" + key + "' (known here: " +
                                            (known.empty() ? "none" : known) + ")"};
    }
    const std::string& key = reader->first;
    // YAML itself forbids it; the parser would take either.
    if (!seen.insert(key).second) {
      throw Mistake{entry.first.Mark(), "the option '" + key + "' stands here twice"};
    }
    try {
      reader->second(entry.second);
    } catch (const Mistake& mistake) {
      throw Mistake{mistake.mark, key + ": " + mistake.message};
    }
  }
}

Reader text(std::string& target, std::string expected) {
  return [&target, expected = std::move(expected)](const YAML::Node& node) {
    if (!node.IsScalar() || node.Scalar().empty() || node.Scalar().contains('\0')) {
      throw Mistake{node.Mark(), "expected " + expected};
    }
    target = node.Scalar();
  };
}

Reader true_or_false(bool& target) {
  return [&target](const YAML::Node& node) {
    if (!YAML::convert<bool>::decode(node, target)) {
      throw Mistake{node.Mark(), "expected true or false"};
    }
  };
}

std::uint32_t read_number(const YAML::Node& node, std::uint32_t max) {
  std::uint32_t value = 0;
  const std::string digits = node.IsScalar() ? node.Scalar() : "";
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stop != end || value > max) {
    throw Mistake{node.Mark(), "expected a number from 0 to " + std::to_string(max)};
  }
  return value;
}

}  // namespace starling::starlingd
