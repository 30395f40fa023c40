// The contract of Logs (store.h), the same for every backend. Each test has a bystander (another
// owner or log) that must be left alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "store/store.h"
#include "store/test_backends.h"

namespace starling::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogsContract : public ContractTest {
 protected:
  Logs& logs() { return store_->logs(); }
  void append(const std::string& owner, const std::string& log, LogEntry entry) {
    ASSERT_TRUE(wait(logs().append(owner, log, std::move(entry))));
  }
  // Entries 10, 20, ... 60 about bob and carol in turn, and bystanders beside them.
  void fill() {
    for (std::uint64_t i = 1; i <= 6; ++i) {
      const std::string peer = i % 2 == 1 ? "bob@x" : "carol@x";
      append("alice@x", "archive", {i * 10, peer, "phone" + std::to_string(i % 3), "v"});
    }
    append("alice@x", "other", {15, "bob@x", "", "bystander"});
    append("bob@x", "archive", {15, "bob@x", "", "bystander"});
  }
  std::vector<std::uint64_t> read(LogFilter filter, std::uint32_t limit, bool newest,
                                  bool* complete = nullptr) {
    const auto page = wait(logs().read("alice@x", "archive", std::move(filter), limit, newest));
    std::vector<std::uint64_t> ids;
    if (!page) {
      ADD_FAILURE() << page.error().message;
      return ids;
    }
    for (const auto& entry : page->entries) ids.push_back(entry.id);
    if (complete != nullptr) *complete = page->complete;
    return ids;
  }
};

TEST_P(LogsContract, Append_ReadBackWithAllFieldsAndRawBytes) {
  const std::string bytes("\0\xff<x/>", 6);
  append("alice@x", "archive", {7, "bob@x", "phone", bytes});
  const auto page = wait(logs().read("alice@x", "archive", {}, 10, false));
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].id, 7u);
  EXPECT_EQ(page->entries[0].peer, "bob@x");
  EXPECT_EQ(page->entries[0].detail, "phone");
  EXPECT_EQ(page->entries[0].value, bytes);
}

TEST_P(LogsContract, Append_SameIdTwice_ExistsAndFirstUnchanged) {
  append("alice@x", "archive", {7, "bob@x", "", "first"});
  const auto again = wait(logs().append("alice@x", "archive", {7, "bob@x", "", "second"}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::exists);
  EXPECT_EQ(wait(logs().read("alice@x", "archive", {}, 10, false))->entries[0].value, "first");
}

TEST_P(LogsContract, Append_LargestId_IsRead) {
  append("alice@x", "archive", {LogFilter::kNoLimit - 1, "", "", ""});
  EXPECT_THAT(read({}, 10, true), ElementsAre(LogFilter::kNoLimit - 1));
}

TEST_P(LogsContract, Read_PagesForwardsUntilComplete) {
  fill();
  bool complete = true;
  EXPECT_THAT(read({}, 4, false, &complete), ElementsAre(10, 20, 30, 40));
  EXPECT_FALSE(complete);
  EXPECT_THAT(read({.after = 40}, 4, false, &complete), ElementsAre(50, 60));
  EXPECT_TRUE(complete);
}

TEST_P(LogsContract, Read_PagesBackwardsInRisingOrder) {
  fill();
  bool complete = true;
  EXPECT_THAT(read({}, 4, true, &complete), ElementsAre(30, 40, 50, 60));
  EXPECT_FALSE(complete);
  EXPECT_THAT(read({.before = 30}, 4, true, &complete), ElementsAre(10, 20));
  EXPECT_TRUE(complete);
}

TEST_P(LogsContract, Read_ExactlyTheLimit_IsComplete) {
  fill();
  bool complete = false;
  EXPECT_EQ(read({}, 6, false, &complete).size(), 6u);
  EXPECT_TRUE(complete);
}

TEST_P(LogsContract, Read_ByPeerAndDetail) {
  fill();
  EXPECT_THAT(read({.peer = "bob@x"}, 10, false), ElementsAre(10, 30, 50));
  EXPECT_THAT(read({.peer = "bob@x"}, 1, true), ElementsAre(50));
  EXPECT_THAT(read({.after = 10, .peer = "bob@x"}, 10, false), ElementsAre(30, 50));
  EXPECT_THAT(read({.peer = "carol@x", .detail = "phone1"}, 10, false), ElementsAre(40));
  EXPECT_THAT(read({.peer = "carol@x", .detail = ""}, 10, false), IsEmpty());
}

TEST_P(LogsContract, Read_UnknownOwner_IsEmptyAndComplete) {
  fill();
  const auto page = wait(logs().read("nobody@x", "archive", {}, 10, false));
  ASSERT_TRUE(page);
  EXPECT_THAT(page->entries, IsEmpty());
  EXPECT_TRUE(page->complete);
}

TEST_P(LogsContract, Count_CountsWhatPasses) {
  fill();
  EXPECT_EQ(wait(logs().count("alice@x", "archive", {})), 6u);
  LogFilter bob{.after = 10, .peer = "bob@x"};
  EXPECT_EQ(wait(logs().count("alice@x", "archive", bob)), 2u);
  for (const std::uint64_t limit : {0U, 1U, 2U, 3U}) {
    EXPECT_EQ(wait(logs().count("alice@x", "archive", {}, limit)), limit);
    EXPECT_EQ(wait(logs().count("alice@x", "archive", bob, limit)),
              std::min<std::uint64_t>(limit, 2));
  }
}

TEST_P(LogsContract, Trim_RemovesWhatPassesOnly) {
  fill();
  LogFilter old{.before = 40};
  EXPECT_EQ(wait(logs().trim("alice@x", "archive", old)), 3u);
  EXPECT_THAT(read({}, 10, false), ElementsAre(40, 50, 60));
  EXPECT_EQ(wait(logs().count("alice@x", "other", {})), 1u);
  EXPECT_EQ(wait(logs().count("bob@x", "archive", {})), 1u);
}

TEST_P(LogsContract, EraseAccount_TakesItsLogsWithIt) {
  fill();
  ASSERT_TRUE(wait(store_->accounts().create({"alice", "x", 1, {}})));
  ASSERT_TRUE(wait(store_->accounts().erase("x", "alice")));
  EXPECT_EQ(wait(logs().count("alice@x", "archive", {})), 0u);
  EXPECT_EQ(wait(logs().count("alice@x", "other", {})), 0u);
  EXPECT_EQ(wait(logs().count("bob@x", "archive", {})), 1u);
}

INSTANTIATE_TEST_SUITE_P(Backends, LogsContract, backends(),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace starling::store
