#include "commands/answers.h"

#include <string>
#include <utility>

#include "commands/answer_tables.h"

namespace starling::commands {

namespace answers {

namespace {

Json of_type(std::string_view type, std::string_view what) {
  Json schema = Json::object();
  schema["type"] = type;
  if (!what.empty()) schema["description"] = what;
  return schema;
}

const Json* find(const Table& table, std::string_view command) {
  const auto found = table.find(command);
  return found == table.end() ? nullptr : &found->second;
}

Table all_answers() {
  Table all;
  for (const auto part :
       {server_answers, cluster_answers, log_answers, account_answers, session_answers,
        roster_answers, profile_answers, message_answers, api_answers}) {
    all.merge(part());
  }
  return all;
}

}  // namespace

Json text(std::string_view what) {
  return of_type("string", what);
}

Json flag(std::string_view what) {
  return of_type("boolean", what);
}

Json integer(std::string_view what) {
  return of_type("integer", what);
}

Json count(std::string_view what) {
  Json schema = integer(what);
  schema["minimum"] = 0;
  return schema;
}

Json time(std::string_view what) {
  Json schema = text(what);
  schema["format"] = "date-time";
  return schema;
}

Json choice(std::initializer_list<std::string_view> choices, std::string_view what) {
  Json schema = text(what);
  schema["enum"] = Json::array();
  for (const std::string_view one : choices) schema["enum"].push_back(one);
  return schema;
}

Json list(Json item, std::string_view what) {
  Json schema = of_type("array", what);
  schema["items"] = std::move(item);
  return schema;
}

Json map_of(Json value, std::string_view what) {
  Json schema = of_type("object", what);
  schema["additionalProperties"] = std::move(value);
  return schema;
}

Json any_of(std::initializer_list<Json> schemas) {
  Json schema = Json::object();
  schema["anyOf"] = Json::array();
  for (const Json& one : schemas) schema["anyOf"].push_back(one);
  return schema;
}

Json or_null(Json schema) {
  Json types = Json::array();
  types.push_back(schema["type"]);
  types.push_back("null");
  schema["type"] = std::move(types);
  return schema;
}

Json or_text(Json schema, std::string_view instead) {
  Json other = Json::object();
  other["const"] = instead;
  return any_of({std::move(schema), std::move(other)});
}

Field maybe(std::string_view name, Json schema) {
  return {name, std::move(schema), false};
}

Json object(const std::vector<Field>& fields) {
  Json schema = of_type("object", {});
  schema["additionalProperties"] = false;
  schema["required"] = Json::array();
  schema["properties"] = Json::object();
  for (const Field& field : fields) {
    if (field.always) schema["required"].push_back(field.name);
    schema["properties"][std::string(field.name)] = field.schema;
  }
  return schema;
}

std::vector<Field> with(Field first, std::vector<Field> others) {
  others.insert(others.begin(), std::move(first));
  return others;
}

Json done() {
  return text("what was done, in words for people");
}

Json missing() {
  return list(text(), "names of nodes that have not answered in time");
}

Json next() {
  return or_null(text("`after` of the next page; null: this was the last"));
}

Json node_state() {
  return choice({"joining", "up", "draining"});
}

Json log_level() {
  return choice({"debug", "info", "warning", "error"});
}

}  // namespace answers

const nlohmann::ordered_json* answer_schema(std::string_view command) {
  static const answers::Table kAnswers = answers::all_answers();
  return answers::find(kAnswers, command);
}

const nlohmann::ordered_json* line_schema(std::string_view command) {
  static const answers::Table kLines = answers::log_lines();
  return answers::find(kLines, command);
}

}  // namespace starling::commands
