// The parts of the table of answers, one file a subject, and what their schemas are made of.
#pragma once

#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace starling::commands::answers {

using Json = nlohmann::ordered_json;
using Table = std::map<std::string_view, Json>;

Table server_answers();
Table cluster_answers();
Table log_answers();
Table account_answers();
Table session_answers();
Table roster_answers();
Table profile_answers();
Table message_answers();
Table api_answers();
// The lines of those that go on.
Table log_lines();

// --- schemas; `what` says what a name does not ---

Json text(std::string_view what = {});
Json flag(std::string_view what = {});
Json integer(std::string_view what = {});
Json count(std::string_view what = {});  // not negative
Json time(std::string_view what = {});   // RFC 3339, in UTC
Json choice(std::initializer_list<std::string_view> choices, std::string_view what = {});
Json list(Json item, std::string_view what = {});
// By names that nobody knows before.
Json map_of(Json value, std::string_view what = {});
Json any_of(std::initializer_list<Json> schemas);
Json or_null(Json schema);  // one with a type
// Or this text, in the place of what there is not.
Json or_text(Json schema, std::string_view instead);

struct Field {
  std::string_view name;
  Json schema;
  bool always = true;
};
Field maybe(std::string_view name, Json schema);  // it is not always there
// The fields and no others.
Json object(const std::vector<Field>& fields);
std::vector<Field> with(Field first, std::vector<Field> others);

// --- what several answers have ---

Json done();     // of a command that changes something
Json missing();  // nodes
Json next();     // page
Json node_state();
Json log_level();

}  // namespace starling::commands::answers
