#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace starling::log {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

static_assert(subsystem_of_file("/a/src/b/src/stream/c2s_stream.cc") == Subsystem::stream);
static_assert(subsystem_of_file("../src/core/x.cc") == Subsystem::core);
static_assert(subsystem_of_file("src/xmpp/sasl/x.cc") == Subsystem::starlingd);
static_assert(subsystem_of_file("fuzz/x.cc") == Subsystem::starlingd);
static_assert(Event("x").subsystem == Subsystem::starlingd);

// Logs into a file of its own; afterwards all is as it was.
class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    std::string name = (std::filesystem::temp_directory_path() / "log_test_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    file_ = folder_ / "starling.log";
  }
  ~LogTest() override {
    configure(Level::info, Format::text);
    std::filesystem::remove_all(folder_);
  }
  void begin(Format format = Format::text, std::map<std::string, Level> levels = {}) {
    ASSERT_TRUE(configure({Level::info, std::move(levels), format, file_}));
  }
  static std::string content(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  [[nodiscard]] std::string written() const { return content(file_); }

  std::filesystem::path folder_;
  std::string file_;
};

TEST_F(LogTest, Text_IsOneLineWithSubsystemAndFields) {
  begin();
  info({"session_bound", Subsystem::stream}, {{"jid", "a@b/c"}, {"n", 7}, {"error", "a \"b\"\n"}});
  EXPECT_THAT(written(), EndsWith(" info    stream session_bound jid=a@b/c n=7 "
                                  "error=\"a \\\"b\\\"\\n\"\n"));
}

TEST_F(LogTest, LongValues_AreCutBetweenCharacters) {
  for (const Format format : {Format::text, Format::json}) {
    begin(format);
    info({"x", Subsystem::core}, {{"name", std::string(1'023, 'a') + "\u00e9" + "tail"}});
    EXPECT_THAT(written(), HasSubstr("aaa"));
    EXPECT_THAT(written(), testing::Not(HasSubstr("\xc3")));
    EXPECT_THAT(written(), testing::Not(HasSubstr("tail")));
  }
}

TEST_F(LogTest, Json_NamesTheSubsystem) {
  begin(Format::json);
  warning({"x", Subsystem::core}, {{"ok", true}, {"what", "\x01"}});
  EXPECT_THAT(written(), HasSubstr("\"level\":\"warning\",\"subsystem\":\"core\",\"event\":\"x\","
                                   "\"ok\":true,\"what\":\"\\u0001\"}\n"));
}

TEST_F(LogTest, Levels_HoldForTheirSubsystemOnly) {
  begin(Format::text, {{"store", Level::error}, {"net", Level::debug}});
  EXPECT_TRUE(enabled(Level::debug, Subsystem::net));
  EXPECT_FALSE(enabled(Level::warning, Subsystem::store));
  EXPECT_TRUE(enabled(Level::error, Subsystem::store));
  EXPECT_TRUE(enabled(Level::info, Subsystem::core));
  EXPECT_FALSE(enabled(Level::debug, Subsystem::core));
  set_level(Subsystem::core, Level::debug);
  EXPECT_TRUE(enabled(Level::debug, Subsystem::core));
  set_level(Level::warning);
  for (std::size_t i = 0; i < std::size(kSubsystems); ++i) {
    EXPECT_EQ(level(static_cast<Subsystem>(i)), Level::warning);
  }
  info({"unseen", Subsystem::core});
  EXPECT_EQ(written(), "");
}

TEST_F(LogTest, Names_AreFoundBothWays) {
  for (const auto name : kSubsystems) EXPECT_EQ(to_string(*subsystem_of(name)), name);
  EXPECT_FALSE(subsystem_of("xmpp"));
  EXPECT_EQ(level_of("warning"), Level::warning);
  EXPECT_FALSE(level_of("WARNING"));
}

TEST_F(LogTest, Configure_IsTakenAsAWholeOrNotAtAll) {
  begin();
  EXPECT_EQ(configure({Level::error, {{"bakery", Level::info}}, Format::json, ""}).error().code,
            Errc::invalid);
  EXPECT_EQ(configure({Level::error, {}, Format::json, folder_ / "none" / "x"}).error().code,
            Errc::unavailable);
  info({"still_there", Subsystem::core});
  EXPECT_THAT(written(), EndsWith(" info    core still_there\n"));
}

TEST_F(LogTest, Reopen_FollowsARename) {
  begin();
  info({"one", Subsystem::core});
  std::filesystem::rename(file_, file_ + ".1");
  info({"two", Subsystem::core});
  ASSERT_TRUE(reopen());
  info({"three", Subsystem::core});
  EXPECT_THAT(content(file_ + ".1"), EndsWith("core two\n"));
  EXPECT_THAT(written(), EndsWith("core three\n"));
}

TEST_F(LogTest, Rotate_KeepsTheOldFileAsZero) {
  begin();
  info({"one", Subsystem::core});
  ASSERT_TRUE(rotate());
  info({"two", Subsystem::core});
  ASSERT_TRUE(rotate());
  EXPECT_THAT(content(file_ + ".0"), EndsWith("core two\n"));
  EXPECT_EQ(written(), "");
}

TEST_F(LogTest, StandardError_CannotBeRotated) {
  configure(Level::info, Format::text);
  EXPECT_EQ(rotate().error().code, Errc::invalid);
  EXPECT_TRUE(reopen());
}

}  // namespace
}  // namespace starling::log
