#include "starlingctl/print.h"

#include <algorithm>
#include <vector>

namespace starling::starlingctl {

namespace {

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string joined(const Json& list, const char* separator) {
  std::string text;
  const char* between = "";
  for (const auto& item : list) {
    text += between + plain(item);
    between = separator;
  }
  return text;
}

// A cell of a line: what would end it is shown as in C.
std::string cell(const Json& value) {
  std::string text = value.is_array() ? joined(value, ",") : plain(value);
  std::string out;
  for (const char c : text) {
    if (c == '\t') {
      out += "\\t";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string row(const Json& object) {
  std::string text;
  const char* separator = "";
  for (const auto& [key, value] : object.items()) {
    text += separator + cell(value);
    separator = "\t";
  }
  return text + "\n";
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

bool is_table(const Json& value) {
  return value.is_array() && !value.empty() && value[0].is_object();
}

// Objects that have the same members, under the names of these.
std::string table(const Json& rows) {
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& [key, unused] : rows[0].items()) lines[0].push_back(key);
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto& [key, value] : row.items()) line.push_back(cell(value));
  }
  std::vector<std::size_t> widths(lines[0].size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < widths.size() && i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += i + 1 < line.size() ? padded(line[i], widths[i] + 2) : line[i] + "\n";
    }
  }
  return text;
}

bool is_finding(const Json& value) {
  return value.is_object() && value.contains("state") && value.contains("advice");
}

std::string finding_text(const Json& finding) {
  constexpr std::size_t kStateWidth = 7;
  constexpr std::size_t kCheckWidth = 11;
  const std::string advice = plain(finding["advice"]);
  return padded(plain(finding["state"]), kStateWidth) + "  " +
         padded(plain(finding["check"]), kCheckWidth) + "  " + plain(finding["what"]) + "\n" +
         (advice.empty() ? "" : padded("", kStateWidth + 2) + "-> " + advice + "\n");
}

}  // namespace

bool has_errors(const Json& value) {
  if (!value.is_array()) return false;
  return std::ranges::any_of(
      value, [](const Json& item) { return is_finding(item) && item["state"] == "error"; });
}

std::string to_text(const Json& value) {
  std::string text;
  if (value.is_array()) {
    for (const auto& item : value) {
      text += is_finding(item)   ? finding_text(item)
              : item.is_object() ? row(item)
                                 : plain(item) + "\n";
    }
  } else if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      text += is_table(item)
                  ? table(item)
                  : key + ": " + (item.is_array() ? joined(item, " ") : plain(item)) + "\n";
    }
  } else {
    text = plain(value) + "\n";
  }
  return text;
}

std::string line_text(const Json& line) {
  if (line.contains("xml")) {
    std::string direction = plain(line["direction"]);
    direction.resize(3, ' ');
    return plain(line["time"]) + " " + direction + " stream=" + plain(line["stream"]) +
           " session=" + plain(line["session"]) + " jid=" + plain(line["jid"]) +
           " size=" + plain(line["size"]) + " " + plain(line["xml"]) + "\n";
  }
  std::string text;
  for (const auto& [key, value] : line.items()) text += "# " + key + " " + plain(value) + "\n";
  return text;
}

}  // namespace starling::starlingctl
