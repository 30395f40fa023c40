// The log of all nodes: its last lines, and those that come.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include "admin/ask_all.h"
#include "admin/call.h"
#include "admin/until_gone.h"
#include "base/log_lines.h"

namespace starling::admin {

namespace {

constexpr const char* kLines = "log_lines";
constexpr std::chrono::seconds kLookEvery{1};

// A node's lines behind a number: {"lines": [[TIME_US, {...}], ...], "last": NUMBER, "forgotten":
// COUNT}.
Task<Result<std::string>> lines_here(core::Server& server, std::string arguments) {
  const Json asked = Json::parse(arguments, nullptr, false);
  if (!asked.is_object()) co_return fail(Errc::invalid, "not a question about the log");
  const auto least = log::level_of(asked.value("level", "debug")).value_or(log::Level::debug);
  // Numbers begin anew with the node.
  const std::string self = std::to_string(self_id(server));
  const Json after = asked.contains("after") ? asked["after"] : Json::object();
  const bool known = after.is_object() && after.contains(self) && after[self].is_number_unsigned();
  auto found = log::lines(least, known ? after[self].get<std::uint64_t>() : 0,
                          std::min(asked.value("limit", log::kMostLines), log::kMostLines));
  Json lines = Json::array();
  for (const log::Line& line : found.lines) {
    Json fields = Json::parse(line.json, nullptr, false);
    if (fields.is_object()) lines.push_back(Json::array({line.time_us, std::move(fields)}));
  }
  Json answer = Json::object();
  answer["lines"] = std::move(lines);
  answer["last"] = found.last;
  answer["forgotten"] = known ? found.forgotten : 0;
  co_return to_bytes(answer);
}

// In the order of time; each with the node's name before what it says.
Task<std::vector<Json>> in_order(core::Server* server, const Answers* answers) {
  std::vector<Json> lines;
  const auto timed = lines_in_time(*answers);
  if (timed.empty()) co_return lines;
  const NodeNames names = co_await node_names(*server);
  for (const auto& [node, line] : timed) {
    Json one = {{"at_node", names.of(node)}};  // `node` may be a field of the event
    one.update(line);
    lines.push_back(std::move(one));
  }
  co_return lines;
}

Task<Result<Json>> recent_log(Call call) {
  const std::size_t limit = call.limit(1);
  const std::string level = call.has(0) ? call.text(0) : "debug";
  Json wanted = {{"level", level}, {"limit", limit}};
  const Answers answers = co_await ask_all(call.server, kLines, std::move(wanted));
  std::vector<Json> lines = co_await in_order(&call.server, &answers);
  if (lines.size() > limit) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(limit));
  }
  Json result = Json::object();
  result["items"] = lines;
  result["missing"] = answers.missing;
  co_return result;
}

// What goes on until the caller is gone.
struct Following {
  core::Server& server;
  std::shared_ptr<Audience> audience;
  std::string level;
  Json after = Json::object();  // number of the last line, by node
  std::uint64_t shown = 0;
  std::uint64_t left_out = 0;
};

// The first look only finds out where the log is.
Task<void> look(std::shared_ptr<Following> following) {
  const bool first = following->after.empty();
  Json wanted = {{"level", following->level},
                 {"after", following->after},
                 {"limit", first ? 0 : log::kMostLines}};
  const Answers answers = co_await ask_all(following->server, kLines, std::move(wanted));
  for (const auto& [node, answer] : answers.by_node) {
    if (!answer.is_object()) continue;
    following->after[std::to_string(node)] = answer.value("last", std::uint64_t{0});
    following->left_out += answer.value("forgotten", std::uint64_t{0});
  }
  const std::vector<Json> lines = co_await in_order(&following->server, &answers);
  for (const Json& line : lines) {
    ++(following->audience->tell(line) ? following->shown : following->left_out);
  }
}

Task<Result<Json>> follow_log(Call call) {
  const auto following = std::make_shared<Following>(Following{
      .server = call.server,
      .audience = call.audience,
      .level = call.has(0) ? call.text(0) : "debug",
  });
  Json begun = Json::object();
  begun["following"] = following->level;
  call.audience->tell(begun);
  const auto look_once = [following] { return look(following); };
  co_await until_gone(call.server, call.audience, kLookEvery, look_once);
  Json result = Json::object();
  result["lines"] = following->shown;
  result["left_out"] = following->left_out;
  co_return result;
}

}  // namespace

std::span<const Handler> log_line_handlers() {
  static constexpr std::array kHandlers{
      Handler{"recent_log", recent_log},
      Handler{"follow_log", follow_log},
  };
  return kHandlers;
}

void add_log_line_procedures(core::Procedures& procedures) {
  procedures[kLines] = lines_here;
}

}  // namespace starling::admin
