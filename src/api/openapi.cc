#include "api/openapi.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "api/identity.h"
#include "commands/answers.h"

namespace starling::api {

namespace {

using commands::Argument;
using commands::Command;
using commands::Type;

constexpr const char* kProblem = "application/problem+json";

// The words of a line in a shell, without the variables that none of the examples has.
std::vector<std::string> shell_words(std::string_view line) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = 0;
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        *word += c;
      }
    } else if (c == ' ') {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
    } else {
      if (!word) word.emplace();
      if (c == '\'' || c == '"') {
        quote = c;
      } else {
        *word += c;
      }
    }
  }
  if (word) words.push_back(*word);
  return words;
}

Json typed(const Argument& argument, const std::string& value) {
  if (argument.type == Type::integer) return std::stoull(value);
  return value;
}

Json schema_of(const Argument& argument) {
  Json schema = Json::object();
  schema["type"] = argument.type == Type::integer ? "integer" : "string";
  if (argument.type == Type::integer) schema["minimum"] = 0;
  if (argument.secret()) {
    schema["format"] = "password";
    schema["writeOnly"] = true;
  }
  const auto choices = commands::choices(argument);
  if (!choices.empty()) schema["enum"] = choices;
  return schema;
}

std::string described(const Argument& argument) {
  std::string text(argument.meaning);
  if (argument.type == Type::jid) text += " (a JID)";
  return text;
}

Json content(const char* type, Json schema) {
  Json media = Json::object();
  media["schema"] = std::move(schema);
  Json all = Json::object();
  all[type] = std::move(media);
  return all;
}

Json response(const char* description, const char* type, Json schema) {
  Json json = Json::object();
  json["description"] = description;
  json["content"] = content(type, std::move(schema));
  return json;
}

Json reference_to(const char* what) {
  return {{"$ref", std::string("#/components/") + what}};
}

void add_problems(Json& responses) {
  responses["4XX"] = reference_to("responses/problem");
  responses["5XX"] = reference_to("responses/problem");
}

// Of a table in which each command is: a test sees to that.
Json or_anything(const Json* schema) {
  return schema == nullptr ? Json::object() : *schema;
}

Json answer_of(const Command& command) {
  Json answer = or_anything(commands::answer_schema(command.name));
  if (!command.goes_on) {
    return response("Done: what starlingctl shows with --format json", "application/json",
                    std::move(answer));
  }
  constexpr const char* kEvents = "text/event-stream";
  Json json = response(
      "Server-sent events: `data:` and a JSON object for each line (`x-line`), `event: end` with "
      "the result at the end (`x-end`)",
      kEvents, {{"type", "string"}});
  json["content"][kEvents]["x-line"] = or_anything(commands::line_schema(command.name));
  json["content"][kEvents]["x-end"] = std::move(answer);
  return json;
}

Json operation(const Command& command) {
  const Json example = example_of(command);
  Json json = Json::object();
  json["operationId"] = command.name;
  json["tags"] = Json::array({command.tag});
  json["summary"] = command.summary;
  json["description"] = command.effect;
  json["x-starlingctl"] = command.usage();
  Json scopes = Json::array({scope_of(command)});
  json["security"] = Json::array({Json{{"bearer", scopes}}, Json{{"cookie", Json::array()}}});
  if (by_post(command)) {
    Json body = Json::object();
    body["type"] = "object";
    body["additionalProperties"] = false;
    Json required = Json::array();
    Json properties = Json::object();
    for (const Argument& argument : command.arguments) {
      Json schema = schema_of(argument);
      schema["description"] = described(argument);
      properties[name_of(argument)] = std::move(schema);
      if (!argument.optional) required.push_back(name_of(argument));
    }
    body["properties"] = std::move(properties);
    const bool needed = !required.empty();
    if (needed) body["required"] = std::move(required);
    Json media = {{"schema", std::move(body)}, {"example", example}};
    json["parameters"] = Json::array();
    json["parameters"].push_back(reference_to("parameters/requested_with"));
    if (!command.secret_answer) {
      json["parameters"].push_back(reference_to("parameters/idempotency_key"));
    }
    json["requestBody"] = {{"required", needed}, {"content", {{"application/json", media}}}};
  } else {
    json["parameters"] = Json::array();
    for (const Argument& argument : command.arguments) {
      Json parameter = {{"name", name_of(argument)},
                        {"in", "query"},
                        {"required", !argument.optional},
                        {"description", described(argument)},
                        {"schema", schema_of(argument)}};
      if (example.contains(name_of(argument))) {
        parameter["example"] = example[name_of(argument)];
      }
      json["parameters"].push_back(std::move(parameter));
    }
  }
  json["responses"]["200"] = answer_of(command);
  add_problems(json["responses"]);
  return json;
}

Json session_operation(const char* id, const char* summary, const char* description) {
  Json json = Json::object();
  json["operationId"] = id;
  json["tags"] = Json::array({"session_of_the_page"});
  json["summary"] = summary;
  json["description"] = description;
  json["security"] = Json::array({Json{{"cookie", Json::array()}}});
  return json;
}

void add_sessions(Json& paths) {
  const Json session = response("Signed in", "application/json", reference_to("schemas/session"));
  const Json ended = response("Signed out", "application/json",
                              {{"type", "object"},
                               {"additionalProperties", false},
                               {"required", {"ended"}},
                               {"properties", {{"ended", {{"type", "integer"}}}}}});
  Json in = session_operation(
      "sign_in", "Sign in",
      "For browsers: with an account that `admins` in the configuration names. Only over TLS, or "
      "from the machine itself. The cookie that comes with the answer is good for the API.");
  in["security"] = Json::array();
  in["requestBody"] = {
      {"required", true},
      {"content",
       content("application/json",
               {{"type", "object"},
                {"additionalProperties", false},
                {"required", {"jid", "password"}},
                {"properties",
                 {{"jid", {{"type", "string"}}},
                  {"password", {{"type", "string"}, {"format", "password"}, {"writeOnly", true}}}}},
                {"example", {{"jid", "alice@example.org"}, {"password", "secret"}}}})}};
  in["responses"]["200"] = session;
  add_problems(in["responses"]);
  Json show = session_operation("show_session", "Show who has signed in", "401 if nobody has.");
  show["responses"]["200"] = session;
  add_problems(show["responses"]);
  Json out = session_operation("sign_out", "Sign out", "The cookie is good for nothing any more.");
  Json all = session_operation("sign_out_everywhere", "Sign out everywhere",
                               "Ends all sessions of the account, at every node.");
  for (Json* one : {&out, &all}) {
    (*one)["parameters"] = Json::array({reference_to("parameters/requested_with")});
    (*one)["responses"]["200"] = ended;
    add_problems((*one)["responses"]);
  }
  paths["/api/session"] = {{"post", in}, {"get", show}, {"delete", out}};
  paths["/api/sessions"] = {{"delete", all}};
}

Json components() {
  Json problem = {{"type", "object"},
                  {"required", {"type", "title", "status"}},
                  {"properties",
                   {{"type", {{"type", "string"}}},
                    {"title", {{"type", "string"}}},
                    {"status", {{"type", "integer"}}},
                    {"detail", {{"type", "string"}}}}}};
  Json session = {{"type", "object"},
                  {"additionalProperties", false},
                  {"required", {"jid", "expires"}},
                  {"properties",
                   {{"jid", {{"type", "string"}}},
                    {"expires", {{"type", "string"}, {"format", "date-time"}}}}}};
  Json json = Json::object();
  json["securitySchemes"] = {{"bearer",
                              {{"type", "http"},
                               {"scheme", "bearer"},
                               {"description", "A token that create_token has made."}}},
                             {"cookie", {{"type", "apiKey"}, {"in", "cookie"}, {"name", kCookie}}}};
  json["schemas"] = {{"problem", problem}, {"session", session}};
  json["responses"] = {{"problem", response("It was refused, or failed (RFC 9457)", kProblem,
                                            reference_to("schemas/problem"))}};
  json["parameters"] = {
      {"idempotency_key",
       {{"name", "Idempotency-Key"},
        {"in", "header"},
        {"required", false},
        {"description", "For a day the same key gets the first answer again."},
        {"schema", {{"type", "string"}, {"maxLength", 255}}}}},
      {"requested_with",
       {{"name", "X-Requested-With"},
        {"in", "header"},
        {"required", false},
        {"description", "`starling`. With a cookie it is required, against forged requests."},
        {"schema", {{"type", "string"}, {"const", "starling"}}}}}};
  return json;
}

}  // namespace

Json example_of(const Command& command) {
  const auto words = shell_words(command.example);
  Json example = Json::object();
  std::size_t next = 0;
  for (std::size_t i = 2; i < words.size() && words[i] != "<"; ++i) {
    const auto named = [&](const Argument& argument) {
      return words[i] == "--" + name_of(argument);
    };
    const auto found = std::ranges::find_if(command.arguments, named);
    if (found != command.arguments.end() && i + 1 < words.size()) {
      example[name_of(*found)] = typed(*found, words[++i]);
    } else if (next < command.arguments.size()) {
      const Argument& argument = command.arguments[next++];
      example[name_of(argument)] = typed(argument, words[i]);
    }
  }
  for (const Argument& argument : command.arguments) {
    if (argument.secret() && !example.contains(name_of(argument))) {
      example[name_of(argument)] = "correct horse battery staple";
    }
  }
  return example;
}

std::string scope_of(const Command& command) {
  return std::string(command.tag) + (needs_write(command) ? ":write" : ":read");
}

std::string openapi() {
  Json json = Json::object();
  json["openapi"] = "3.1.0";
  json["info"] = {{"title", "Starling"},
                  {"version", "1"},
                  {"description",
                   "The commands of starlingctl over HTTP. Any node answers for the whole "
                   "cluster, but for what is about its own process. docs/api.md says how to "
                   "begin."}};
  json["servers"] = Json::array({Json{{"url", "/"}}});
  json["tags"] = Json::array();
  for (const auto& tag : commands::tags()) {
    json["tags"].push_back({{"name", tag.name}, {"description", tag.title}});
  }
  json["tags"].push_back({{"name", "session_of_the_page"}, {"description", "Signing in"}});
  Json& paths = json["paths"];
  for (const Command* command : operations()) {
    paths[path_of(*command)][by_post(*command) ? "post" : "get"] = operation(*command);
  }
  add_sessions(paths);
  Json self = Json::object();
  self["operationId"] = "openapi";
  self["tags"] = Json::array({"api"});
  self["summary"] = "This description";
  self["security"] = Json::array();
  self["responses"]["200"] = response("OpenAPI 3.1", "application/json", Json{{"type", "object"}});
  add_problems(self["responses"]);
  paths["/api/openapi.json"]["get"] = std::move(self);
  json["components"] = components();
  return json.dump(1) + "\n";
}

}  // namespace starling::api
