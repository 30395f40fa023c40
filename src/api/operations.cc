#include "api/operations.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>

#include "xmpp/precis.h"

namespace starling::api {

namespace {

using Values = std::map<std::string, std::string, std::less<>>;

std::string list_of_names(const commands::Command& command) {
  std::string list;
  for (const auto& argument : command.arguments) {
    list += (list.empty() ? "" : ", ") + name_of(argument);
  }
  return list.empty() ? "it takes none" : "it takes " + list;
}

Result<std::vector<std::string>> in_order(const commands::Command& command, Values values) {
  std::vector<std::string> arguments;
  std::size_t given = 0;  // up to the last one that is
  for (const auto& argument : command.arguments) {
    const auto found = values.find(name_of(argument));
    if (found == values.end()) {
      if (!argument.optional) return fail(Errc::invalid, "missing: " + name_of(argument));
      arguments.emplace_back();
      continue;
    }
    arguments.push_back(std::move(found->second));
    values.erase(found);
    given = arguments.size();
  }
  if (!values.empty()) {
    return fail(Errc::invalid, "unknown: " + values.begin()->first + "; " + list_of_names(command));
  }
  arguments.resize(given);
  if (auto good = commands::check(command, arguments); !good) {
    return std::unexpected(good.error());
  }
  return arguments;
}

// nullopt: as if it were not there.
Result<std::optional<std::string>> value_of(const commands::Command& command,
                                            const std::string& name, const Json& value) {
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return value.get<std::string>();
  const auto argument = std::ranges::find(command.arguments, name, name_of);
  if (argument != command.arguments.end() && argument->type == commands::Type::integer) {
    if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
    if (value.is_number_unsigned()) return std::to_string(value.get<std::uint64_t>());
    return fail(Errc::invalid, name + " is a whole number, not negative");
  }
  return fail(Errc::invalid, name + " is a string");
}

}  // namespace

std::vector<const commands::Command*> operations() {
  std::vector<const commands::Command*> all;
  for (const auto& command : commands::all()) {
    if (!command.local) all.push_back(&command);
  }
  return all;
}

std::string path_of(const commands::Command& command) {
  return "/api/" + std::string(command.name);
}

std::string name_of(const commands::Argument& argument) {
  std::string name(argument.name);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

bool by_post(const commands::Command& command) {
  return command.changes || std::ranges::any_of(command.arguments, &commands::Argument::secret);
}

bool needs_write(const commands::Command& command) {
  // The configuration may hold the password of the database; what people write is theirs.
  return by_post(command) || command.name == "dump_config" || command.name == "list_options" ||
         command.name == "trace_bodies";
}

Result<std::vector<std::string>> arguments_of_query(const commands::Command& command,
                                                    std::string_view query) {
  auto pairs = http::parse_query(query);
  if (!pairs) return fail(Errc::invalid, "the query is not well-formed");
  Values values;
  for (auto& [name, value] : *pairs) {
    if (!xmpp::is_utf8(name) || !xmpp::is_utf8(value)) {
      return fail(Errc::invalid, "the query is not UTF-8");
    }
    if (!values.emplace(name, std::move(value)).second) {
      return fail(Errc::invalid, "there twice: " + name);
    }
  }
  return in_order(command, std::move(values));
}

Result<std::vector<std::string>> arguments_of_body(const commands::Command& command,
                                                   std::string_view body) {
  const auto object = parse_object(body.empty() ? "{}" : body);
  if (!object) return std::unexpected(object.error());
  Values values;
  for (const auto& [name, value] : object->items()) {
    auto text = value_of(command, name, value);
    if (!text) return std::unexpected(text.error());
    if (*text) values.emplace(name, std::move(**text));
  }
  return in_order(command, std::move(values));
}

Result<Json> parse_object(std::string_view body) {
  std::set<std::string> names;
  std::string doubled;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 &&
        !names.insert(parsed.get<std::string>()).second) {
      doubled = parsed.get<std::string>();
    }
    return true;
  };
  Json object = Json::parse(body, watch, false);
  if (!object.is_object()) return fail(Errc::invalid, "the body is no JSON object");
  if (!doubled.empty()) return fail(Errc::invalid, "there twice: " + doubled);
  return object;
}

unsigned status_of(Errc code) {
  switch (code) {
    case Errc::not_found:
      return 404;
    case Errc::exists:
    case Errc::limit:
      return 409;
    case Errc::invalid:
      return 400;
    case Errc::denied:
      return 403;
    case Errc::unavailable:
    case Errc::timeout:
      return 503;
    case Errc::internal:
      return 500;
  }
  return 500;
}

http::Response refusal(const Error& error) {
  return http::problem(status_of(error.code), error.message);
}

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

http::Response answer(const Json& result) {
  return {.body = to_text(result) + "\n"};
}

}  // namespace starling::api
