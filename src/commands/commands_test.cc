#include "commands/commands.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

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

TEST(Commands, EveryExample_IsACallOfItsCommandWithAllArguments) {
  for (const auto& command : all()) {
    const std::string start = "starlingctl " + std::string(command.name);
    ASSERT_TRUE(command.example.starts_with(start)) << command.name;
    std::size_t words = 0;
    bool quoted = false;
    bool in_word = false;
    for (const char c : command.example.substr(start.size())) {
      if (c == '\'') quoted = !quoted;
      const bool space = c == ' ' && !quoted;
      if (!space && !in_word) ++words;
      in_word = !space;
    }
    EXPECT_EQ(words, command.arguments.size()) << command.example;
  }
}

TEST(Commands, Names_AreUniqueAndFound) {
  std::set<std::string_view> names;
  for (const auto& command : all()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_EQ(find(command.name), &command);
    for (const char c : command.name) EXPECT_TRUE(std::islower(c) || c == '_') << command.name;
  }
}

TEST(Commands, UnknownName_IsNotFound) {
  EXPECT_EQ(find("restart"), nullptr);
  EXPECT_EQ(find(""), nullptr);
  EXPECT_EQ(find("STATUS"), nullptr);
}

}  // namespace
}  // namespace starling::commands
