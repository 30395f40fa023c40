#include "config/reading.h"

#include <yaml-cpp/eventhandler.h>

#include <filesystem>
#include <sstream>
#include <system_error>

namespace starling::config {

namespace {

constexpr const char* kFileTag = "!file";
constexpr std::size_t kMaxValues = 100'000;

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

void Reading::from_variable(const std::string& name) {
  source_ = "environment variable " + name;
}

std::optional<std::string> Reading::scalar(const YAML::Node& node) {
  if (!node.IsScalar()) return std::nullopt;
  if (node.Tag() != kFileTag) return node.Scalar();
  auto content = read_file_(absolute(node.Scalar()));
  if (!content) throw Mistake{node.Mark(), content.error().message};
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  secrets_.insert(path());
  return *content;
}

void Reading::each_entry(const YAML::Node& map, const std::string& what, const Entry& read) {
  if (!map.IsMap()) throw Mistake{map.Mark(), what + " is a map of option: value"};
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (key.empty()) throw Mistake{entry.first.Mark(), "expected a name before the colon"};
    // YAML itself forbids it; the parser would take either.
    if (!seen.insert(key).second) {
      throw Mistake{entry.first.Mark(), "'" + key + "' stands here twice"};
    }
    read(key, entry.first, entry.second);
  }
}

void Reading::within(const std::string& name, const YAML::Node& value,
                     const std::function<void()>& read) {
  enter(name, value);
  try {
    read();
  } catch (const Mistake& mistake) {
    throw Mistake{mistake.mark, name + ": " + mistake.message};
  }
  path_.pop_back();
}

void Reading::each_item(const YAML::Node& list,
                        const std::function<void(const YAML::Node&)>& read) {
  std::size_t index = 0;
  for (const auto& item : list) {
    enter(std::to_string(index++), item);
    read(item);
    path_.pop_back();
  }
}

void Reading::enter(const std::string& name, const YAML::Node& value) {
  count(value);
  path_.push_back(name);
  places_[path()] = origin(value.Mark());
}

void Reading::count(const YAML::Node& node) {
  if (++values_ > kMaxValues) {
    throw Mistake{node.Mark(), "the configuration has more than 100,000 values"};
  }
}

void Reading::put_off(const YAML::Node& node) {
  put_off_.emplace_back(node, source_);
}

void Reading::read_put_off(const std::function<void(const YAML::Node&)>& read) {
  for (const auto& [node, source] : put_off_) {
    source_ = source;
    within("host_config", node, [&] { read(node); });
  }
}

std::string Reading::origin(const YAML::Mark& mark) const {
  if (source_ != file_ || mark.is_null()) return source_;
  return file_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

std::string Reading::place(const YAML::Mark& mark) const {
  return origin(mark) + ": ";
}

std::string Reading::place_of(std::string path) const {
  for (;;) {
    const auto found = places_.find(path);
    if (found != places_.end()) return found->second + ": ";
    const auto dot = path.rfind('.');
    if (dot == std::string::npos) return file_ + ": ";
    path.resize(dot);
  }
}

std::string Reading::path() const {
  std::string joined;
  for (const auto& name : path_) joined += (joined.empty() ? "" : ".") + name;
  return joined;
}

std::string Reading::absolute(const std::string& name) const {
  std::error_code error;
  const auto folder = std::filesystem::absolute(file_, error).parent_path();
  const auto whole = (folder / name).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).string();
}

}  // namespace starling::config
