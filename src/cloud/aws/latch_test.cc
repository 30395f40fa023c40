#include "cloud/aws/latch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace starling::cloud::aws {
namespace {

class LatchTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder); }
  const std::string folder =
      std::filesystem::temp_directory_path() / ("latch-" + std::to_string(::getpid()));
};

TEST_F(LatchTest, WhatIsWritten_IsReadAgain) {
  const LatchFile file(folder + "/not-there-yet", "boot-1");
  EXPECT_EQ(file.read(), Latch());
  const Latch latch{.reason = "spot interruption", .until_us = 1'795'467'900'000'000};
  ASSERT_TRUE(file.write(latch));
  EXPECT_EQ(file.read(), latch);
  ASSERT_TRUE(file.write({.reason = "terminated", .completed = true}));
  EXPECT_TRUE(file.read().completed);
}

TEST_F(LatchTest, AnotherBoot_KnowsNothingOfIt) {
  ASSERT_TRUE(LatchFile(folder, "boot-1").write({.reason = "terminated", .completed = true}));
  EXPECT_EQ(LatchFile(folder, "boot-2").read(), Latch());
}

TEST_F(LatchTest, Nonsense_IsNothing) {
  std::filesystem::create_directories(folder);
  for (const char* text : {"", "{", "[]", "{\"boot\":1}", "{\"boot\":\"other\"}"}) {
    std::ofstream(folder + "/lifecycle.json") << text;
    EXPECT_EQ(LatchFile(folder, "boot-1").read(), Latch()) << text;
  }
  EXPECT_EQ(parse_latch(R"({"boot":"b","reason":5,"until_us":"x","completed":"yes"})", "b"),
            Latch());
}

TEST_F(LatchTest, FolderThatCannotBeWritten_IsAnError) {
  std::ofstream(folder) << "a file";
  const auto written = LatchFile(folder, "boot-1").write({.reason = "terminated"});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::unavailable);
}

TEST(BootIdTest, OfThisMachine_IsKnown) {
  EXPECT_EQ(boot_id().size(), 36U);
}

}  // namespace
}  // namespace starling::cloud::aws
