#include "starlingctl/print.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace starling::starlingctl {

namespace {

std::string plain(const Json& value) {
  if (value.is_null()) return "-";
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

// Values over time by their names: what they were at least, on average, at most, and last.
bool is_series(const Json& value) {
  return value.is_object() && !value.empty() && std::ranges::all_of(value, [](const Json& item) {
           return item.is_array() && std::ranges::all_of(item, [](const Json& one) {
                    return one.is_number() || one.is_null();
                  });
         });
}

std::string series(const Json& value) {
  Json rows = Json::array();
  for (const auto& [name, values] : value.items()) {
    std::vector<std::uint64_t> known;
    for (const Json& one : values) {
      if (one.is_number()) known.push_back(one.get<std::uint64_t>());
    }
    Json row = {
        {"", name}, {"least", Json()}, {"mean", Json()}, {"most", Json()}, {"last", Json()}};
    if (!known.empty()) {
      const auto [least, most] = std::ranges::minmax(known);
      row["least"] = least;
      row["mean"] = std::accumulate(known.begin(), known.end(), std::uint64_t{0}) / known.size();
      row["most"] = most;
      row["last"] = known.back();
    }
    rows.push_back(std::move(row));
  }
  return table(rows);
}

bool is_log_line(const Json& value) {
  return value.is_object() && value.contains("at_node") && value.contains("level");
}

// As the log's own text format, with the node's name.
std::string log_text(const Json& line) {
  std::string text;
  for (const auto& [key, value] : line.items()) {
    if (key == "at_node" || key == "time" || key == "level" || key == "subsystem" ||
        key == "event") {
      continue;
    }
    text += " " + key + "=" + plain(value);
  }
  return plain(line["time"]) + " " + plain(line["at_node"]) + " " +
         padded(plain(line["level"]), 7) + " " + plain(line["subsystem"]) + " " +
         plain(line["event"]) + text + "\n";
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

bool is_story(const Json& value) {
  return is_table(value) && value[0].contains("event") && value[0].contains("trace_id");
}

// One message after the other, each under what it is known by.
std::string story_text(const Json& events) {
  std::vector<std::string> trace_ids;
  for (const auto& event : events) {
    const std::string id = plain(event["trace_id"]);
    if (std::ranges::find(trace_ids, id) == trace_ids.end()) trace_ids.push_back(id);
  }
  std::string text;
  for (const std::string& trace_id : trace_ids) {
    bool first = true;
    for (const auto& event : events) {
      if (event["trace_id"] != trace_id) continue;
      if (std::exchange(first, false) && event["from"] != "") {
        text += "id=" + plain(event["id"]) + " from=" + plain(event["from"]) +
                " to=" + plain(event["to"]) + (trace_id.empty() ? "" : " trace_id=" + trace_id) +
                "\n";
      }
      text += "  " + plain(event["time"]) + "  ";
      if (event["node"] != 0) {
        text += "node " + plain(event["node"]) + " (" + plain(event["name"]) + ")  ";
      }
      text += plain(event["what"]) + "\n";
    }
  }
  return text;
}

}  // namespace

bool has_errors(const Json& value) {
  if (!value.is_array()) return false;
  return std::ranges::any_of(
      value, [](const Json& item) { return is_finding(item) && item["state"] == "error"; });
}

std::string to_text(const Json& value) {
  if (is_story(value)) return story_text(value);
  std::string text;
  if (value.is_array()) {
    for (const auto& item : value) {
      text += is_finding(item)    ? finding_text(item)
              : is_log_line(item) ? log_text(item)
              : item.is_object()  ? row(item)
                                  : plain(item) + "\n";
    }
  } else if (value.is_object() && value.contains("items")) {
    // A page of a list: what else there is to say comes behind it, if there is anything.
    text = to_text(value["items"]);
    for (const auto& [key, item] : value.items()) {
      if (key == "items" || item.empty()) continue;
      text += "# " + key + ": " + (item.is_array() ? joined(item, " ") : plain(item)) + "\n";
    }
  } else if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      if (is_series(item)) {
        text += series(item);
        continue;
      }
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
    std::string trace_id = plain(line.value("trace_id", Json("")));
    if (!trace_id.empty()) trace_id.insert(0, " trace_id=");
    const std::string node = line.contains("node") ? " node=" + plain(line["node"]) : "";
    return plain(line["time"]) + " " + direction + " stream=" + plain(line["stream"]) +
           " session=" + plain(line["session"]) + " jid=" + plain(line["jid"]) +
           " size=" + plain(line["size"]) + node + trace_id + " " + plain(line["xml"]) + "\n";
  }
  if (is_log_line(line)) return log_text(line);
  std::string text;
  for (const auto& [key, value] : line.items()) text += "# " + key + " " + plain(value) + "\n";
  return text;
}

}  // namespace starling::starlingctl
