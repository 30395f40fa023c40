#include "config/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "config/load.h"

namespace starling::config {
namespace {

using ::testing::HasSubstr;

void each(const std::vector<Option>& options, const std::string& prefix, const auto& see) {
  for (const auto& option : options) {
    const std::string name = prefix + option.words.name;
    see(name, option);
    each(option.inside, name + ".", see);
  }
}

std::string file(const std::string& name) {
  std::ifstream in(std::string(STARLING_SOURCE_DIR) + "/docs/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Table, EveryOptionIsExplained) {
  each(table().inside, "", [](const std::string& name, const Option& option) {
    EXPECT_EQ(find_option(name), &option);
    EXPECT_TRUE(option.words.meaning.ends_with('.')) << name;
    if (option.shape == Shape::section) return;
    EXPECT_FALSE(option.value.empty()) << name;
    EXPECT_FALSE(option.words.example.empty()) << name;
    const bool is_condition = name.contains("acl.");
    EXPECT_TRUE(option.words.when.ends_with('.') || is_condition) << name;
  });
}

TEST(Table, EveryExampleCanBeRead) {
  each(table().inside, "", [](const std::string& name, const Option&) {
    const std::string example = example_of(name);
    if (example.empty()) return;
    Reading reading("/s.yml", read_file);
    try {
      Config config;
      table().read(config, load_document(example), reading);
    } catch (const Mistake& mistake) {
      ADD_FAILURE() << example << mistake.message;
    } catch (const YAML::Exception& error) {
      ADD_FAILURE() << example << error.what();
    }
  });
}

TEST(Explain, SaysEverythingOfAnOption) {
  EXPECT_EQ(*explain("listen.max_connections"),
            "listen.max_connections\n\n"
            "Connections to this listener at once; further ones are closed.\n\n"
            "Takes: a number of connections from 0 to 100000000, or infinity\n"
            "Default: infinity\n"
            "When to change it: To keep one listener from taking all that the machine has.\n"
            "A change needs: a reload\n\n"
            "Example:\n"
            "  listen:\n"
            "    - max_connections: 20000\n");
  EXPECT_THAT(*explain("modules.archive"), HasSubstr("\nInside:\n  expire_after_days: How long"));
  EXPECT_THAT(*explain("acl.friends.user"), HasSubstr("Accounts: an address"));
  EXPECT_THAT(*explain("shaper.normal.rate"), HasSubstr("Bytes a second"));
}

TEST(Explain, NameThatIsNone_GetsTheNearest) {
  EXPECT_EQ(explain("listen.prot").error().message,
            "there is no option 'listen.prot': did you mean 'listen.port'?");
  EXPECT_EQ(explain("expire_after_days").error().message,
            "there is no option 'expire_after_days': did you mean "
            "'modules.archive.expire_after_days'?");
  EXPECT_EQ(explain("quux").error().message, "there is no option 'quux'");
  EXPECT_FALSE(explain(""));
  EXPECT_FALSE(explain("listen."));
}

constexpr const char* kStale = "stale: run `./x docs`, and look at what it changed";

TEST(Generated, ReferenceIsThatOfTheTable) {
  EXPECT_TRUE(file("configuration.md") == reference()) << "docs/configuration.md is " << kStale;
}

TEST(Generated, SchemaIsThatOfTheTable) {
  EXPECT_TRUE(file("starling.schema.json") == json_schema())
      << "docs/starling.schema.json is " << kStale;
}

}  // namespace
}  // namespace starling::config
