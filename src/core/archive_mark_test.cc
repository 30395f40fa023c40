#include "core/archive_mark.h"

#include <gtest/gtest.h>

#include "xmpp/stanza.h"

namespace starling::core {
namespace {

constexpr std::string_view kPlain =
    "<message from='a@b/c' to='d@e' id='1'><body>hi</body></message>";

std::string marked(const ArchiveMark& mark) {
  std::string message(kPlain);
  add_mark(message, mark.encode());
  return message;
}

TEST(ArchiveMark, IsReadAsItWasWritten) {
  const std::string message = marked({"abcdef", 4'294'967'295, 17});
  const auto mark = mark_of(message);
  ASSERT_TRUE(mark);
  EXPECT_EQ(mark->tag, "abcdef");
  EXPECT_EQ(mark->number, 4'294'967'295U);
  EXPECT_EQ(mark->handled, 17U);
  EXPECT_EQ("<message" + std::string(behind_mark(message)), kPlain);
}

// For whoever knows nothing of marks, a node of the version before among them.
TEST(ArchiveMark, IsNoPartOfTheMessage) {
  const auto message = xmpp::Stanza::parse(marked({"abcdef", 2, 1}));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->to_xml(), kPlain);
}

TEST(ArchiveMark, None) {
  std::string message(kPlain);
  add_mark(message, "");
  EXPECT_EQ(message, kPlain);
  EXPECT_FALSE(mark_of(message));
  EXPECT_EQ("<message" + std::string(behind_mark(message)), kPlain);
}

TEST(ArchiveMark, Damaged) {
  for (const char* text : {"", "abc", "abcdef", "abcdef 1", "abcdef 1 2 3", "abcdef x 2",
                           "abcdef 1 4294967296", "abcdef  1 2"}) {
    EXPECT_FALSE(mark_of("<message xmlns:sm='" + std::string(text) + "' to='a'/>")) << text;
  }
  EXPECT_FALSE(mark_of("<message xmlns:sm='abcdef 1 2"));
  EXPECT_FALSE(mark_of("<message"));
}

}  // namespace
}  // namespace starling::core
