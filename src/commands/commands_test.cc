#include "commands/commands.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace starling::commands {
namespace {

TEST(Commands, EveryCommand_ExplainsItself) {
  for (const auto& command : all()) {
    const std::string name(command.name);
    EXPECT_FALSE(command.summary.empty()) << name;
    EXPECT_LE(command.summary.size(), 60U) << name << ": one line of the list";
    EXPECT_FALSE(command.summary.ends_with('.')) << name;
    EXPECT_TRUE(command.effect.ends_with('.')) << name;
    for (const auto& argument : command.arguments) {
      EXPECT_FALSE(argument.meaning.empty()) << name << ' ' << argument.name;
      for (const char c : argument.name) EXPECT_TRUE(std::isupper(c)) << name << argument.name;
    }
  }
}

TEST(Commands, EveryExample_IsACallOfItsCommand) {
  for (const auto& command : all()) {
    const std::string start = "starlingctl " + std::string(command.name);
    ASSERT_TRUE(command.example.starts_with(start)) << command.name;
    std::string_view rest = command.example.substr(start.size());
    rest = rest.substr(0, rest.find(" < "));
    std::size_t words = 0;
    char quoted = 0;
    bool in_word = false;
    for (const char c : rest) {
      if (quoted == 0 ? c == '\'' : c == quoted) quoted = quoted == 0 ? c : 0;
      const bool space = c == ' ' && quoted == 0;
      if (!space && !in_word) ++words;
      in_word = !space;
    }
    const bool secret = std::ranges::any_of(command.arguments, &Argument::secret);
    EXPECT_GE(words, command.required() - (secret ? 1 : 0)) << command.example;
    EXPECT_LE(words, command.arguments.size() - (secret ? 1 : 0)) << command.example;
  }
}

TEST(Commands, OptionalArgumentsAndPasswords_AreLast) {
  for (const auto& command : all()) {
    bool optional = false;
    for (const auto& argument : command.arguments) {
      EXPECT_TRUE(argument.optional || !optional) << command.name;
      optional = optional || argument.optional;
      if (argument.secret()) EXPECT_EQ(&argument, &command.arguments.back()) << command.name;
      EXPECT_EQ(argument.type == Type::choice, !argument.choices.empty()) << command.name;
    }
  }
}

TEST(Commands, User_IsFollowedByADomain) {
  for (const auto& command : all()) {
    for (std::size_t i = 0; i < command.arguments.size(); ++i) {
      if (command.arguments[i].type != Type::user) continue;
      ASSERT_LT(i + 1, command.arguments.size()) << command.name;
      const Type next = command.arguments[i + 1].type;
      EXPECT_TRUE(next == Type::host || next == Type::domain) << command.name;
    }
  }
}

TEST(Commands, WhatChangesNothing_SaysSo) {
  for (const auto& command : all()) {
    EXPECT_EQ(!command.changes, command.effect.contains("Changes nothing.")) << command.name;
  }
}

TEST(Commands, Tags_AreKnownAndUsed) {
  std::set<std::string_view> used;
  for (const auto& command : all()) used.insert(command.tag);
  for (const auto& tag : tags()) EXPECT_EQ(used.erase(tag.name), 1U) << tag.name;
  EXPECT_TRUE(used.empty()) << *used.begin();
}

TEST(Commands, Reference_IsThatOfTheTable) {
  std::ostringstream page;
  page << std::ifstream(STARLING_SOURCE_DIR "/docs/starlingctl.md").rdbuf();
  EXPECT_TRUE(page.str() == reference()) << "docs/starlingctl.md is stale: run ./x docs";
}

TEST(Commands, Check_SaysWhatIsWrong) {
  const Command& command = *find("set_loglevel");
  const std::vector<std::string> good{"debug", "stream"};
  EXPECT_TRUE(check(command, good));
  EXPECT_TRUE(check(command, std::span(good).first(1)));
  EXPECT_EQ(check(command, {}).error().message, "usage: set_loglevel LEVEL [SUBSYSTEM]");
  const std::vector<std::string> left_out{"debug", ""};
  EXPECT_TRUE(check(command, left_out)) << "as if it were not there";
  const std::vector<std::string> bad{"loud"};
  EXPECT_EQ(check(command, bad).error().message,
            "LEVEL is one of debug, info, warning, error: 'loud' is none of them");
}

TEST(Commands, Names_AreUniqueAndFound) {
  std::set<std::string_view> names;
  for (const auto& command : all()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_EQ(find(command.name), &command);
    for (const char c : command.name)
      EXPECT_TRUE(std::islower(c) || std::isdigit(c) || c == '_') << command.name;
  }
}

TEST(Commands, UnknownName_IsNotFound) {
  EXPECT_EQ(find("restart"), nullptr);
  EXPECT_EQ(find(""), nullptr);
  EXPECT_EQ(find("STATUS"), nullptr);
}

}  // namespace
}  // namespace starling::commands
