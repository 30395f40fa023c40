#include "api/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "api/openapi.h"
#include "commands/answers.h"
#include "core/journal.h"

namespace starling::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Arguments = std::vector<std::string>;

const commands::Command& command(std::string_view name) {
  return *commands::find(name);
}

std::string refusal_of(const Result<Arguments>& arguments) {
  return arguments ? "taken" : arguments.error().message;
}

TEST(Operations, NamesOfArguments_AreUniqueInEachCommand) {
  for (const auto* operation : operations()) {
    std::set<std::string> names;
    for (const auto& argument : operation->arguments) {
      EXPECT_TRUE(names.insert(name_of(argument)).second) << operation->name;
    }
  }
}

TEST(Operations, Query_IsPutInOrder) {
  const auto& check = command("check_account");
  EXPECT_THAT(*arguments_of_query(check, "host=example.org&user=al%69ce"),
              ElementsAre("alice", "example.org"));
  EXPECT_EQ(refusal_of(arguments_of_query(check, "user=alice")), "missing: host");
  EXPECT_EQ(refusal_of(arguments_of_query(check, "user=a&user=b&host=c")), "there twice: user");
  EXPECT_EQ(refusal_of(arguments_of_query(check, "user=a&host=c&x=y")),
            "unknown: x; it takes user, host");
  EXPECT_EQ(refusal_of(arguments_of_query(command("status"), "x=y")), "unknown: x; it takes none");
  EXPECT_EQ(refusal_of(arguments_of_query(check, "user=%zz&host=c")),
            "the query is not well-formed");
  EXPECT_EQ(refusal_of(arguments_of_query(check, "user=%ff&host=c")), "the query is not UTF-8");
  EXPECT_THAT(*arguments_of_query(command("status"), ""), IsEmpty());
}

TEST(Operations, OptionalArguments_MayBeLeftOutBeforeOthers) {
  const auto& log = command("audit_log");
  EXPECT_THAT(*arguments_of_query(log, ""), IsEmpty());
  EXPECT_THAT(*arguments_of_query(log, "after=7"), ElementsAre("7"));
  EXPECT_THAT(*arguments_of_query(log, "limit=7"), ElementsAre("", "7"));
}

TEST(Operations, Body_IsAnObjectOfArguments) {
  const auto& make = command("create_token");
  const Arguments good{"x", "read", "7"};
  EXPECT_EQ(*arguments_of_body(make, R"({"days": 7, "name": "x", "scopes": "read"})"), good);
  EXPECT_EQ(*arguments_of_body(make, R"({"days": "7", "name": "x", "scopes": "read"})"), good);
  EXPECT_EQ((*arguments_of_body(make, R"({"days": true, "name": "x", "scopes": "read"})"))[2], "1");
  EXPECT_EQ(refusal_of(arguments_of_body(make, R"({"days": -7, "name": "x", "scopes": "read"})")),
            "days is a whole number, not negative");
  EXPECT_EQ(refusal_of(arguments_of_body(make, R"({"days": 7, "name": 1, "scopes": "read"})")),
            "name is a string");
  EXPECT_EQ(refusal_of(arguments_of_body(make, R"({"name": "x", "name": "y"})")),
            "there twice: name");
  EXPECT_EQ(refusal_of(arguments_of_body(make, R"({"name": null})")), "missing: name");
  for (const char* body : {"[]", "7", "{", "{\"name\": \"\xff\"}"}) {
    EXPECT_EQ(refusal_of(arguments_of_body(make, body)), "the body is no JSON object");
  }
  EXPECT_THAT(*arguments_of_body(command("stop"), ""), IsEmpty());
}

TEST(Operations, Passwords_AreNeverPartOfAnAddress) {
  for (const auto* operation : operations()) {
    for (const auto& argument : operation->arguments) {
      EXPECT_TRUE(!argument.secret() || by_post(*operation)) << operation->name;
    }
  }
  EXPECT_TRUE(needs_write(command("check_password")));
  EXPECT_TRUE(needs_write(command("dump_config")));
  EXPECT_FALSE(needs_write(command("registered_users")));
  EXPECT_FALSE(by_post(command("trace")));
}

TEST(OpenApi, EveryOperation_SaysWhatItAnswers) {
  for (const auto* operation : operations()) {
    EXPECT_NE(commands::answer_schema(operation->name), nullptr) << operation->name;
    EXPECT_EQ(commands::line_schema(operation->name) != nullptr, operation->goes_on)
        << operation->name;
  }
}

TEST(OpenApi, EventsOfMessages_AreThoseOfTheJournal) {
  using Event = core::Journal::Event;
  std::set<std::string> events{"no_answer"};
  for (int i = 0; i <= static_cast<int>(Event::bounced); ++i) {
    events.emplace(core::to_string(static_cast<Event>(i)));
  }
  const Json& why = *commands::answer_schema("why");
  const Json& described = why["items"]["properties"]["event"]["enum"];
  EXPECT_EQ(described.get<std::set<std::string>>(), events);
}

TEST(OpenApi, Examples_AreSuchAsTheCommandsTake) {
  for (const auto* operation : operations()) {
    const Json example = example_of(*operation);
    const auto arguments = arguments_of_body(*operation, example.dump());
    EXPECT_TRUE(arguments) << operation->name << ": " << example << ": " << refusal_of(arguments);
  }
}

std::string file(const char* name) {
  std::ostringstream text;
  text << std::ifstream(std::string(STARLING_SOURCE_DIR "/docs/") + name).rdbuf();
  return text.str();
}

TEST(OpenApi, Documents_AreThoseOfTheTable) {
  EXPECT_TRUE(file("openapi.json") == openapi()) << "docs/openapi.json is stale: run ./x docs";
  EXPECT_TRUE(file("api.md") == reference()) << "docs/api.md is stale: run ./x docs";
}

}  // namespace
}  // namespace starling::api
