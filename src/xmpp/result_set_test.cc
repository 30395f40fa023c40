#include "xmpp/result_set.h"

#include <gtest/gtest.h>

#include <limits>
#include <utility>

namespace starling::xmpp {
namespace {

std::expected<PageRequest, StanzaError> parse(const std::string& content) {
  const auto document = xml::Document::parse("<query xmlns='urn:x'>" + content + "</query>");
  EXPECT_TRUE(document) << content;
  return PageRequest::parse(document->root());
}

PageRequest parse_set(const std::string& content) {
  const auto request = parse("<set xmlns='http://jabber.org/protocol/rsm'>" + content + "</set>");
  EXPECT_TRUE(request) << content;
  return request.value_or(PageRequest());
}

TEST(ResultSet, WithoutSet_NothingIsAskedFor) {
  for (const char* content : {"", "<set xmlns='urn:other'><max>1</max></set>"}) {
    const auto request = parse(content);
    ASSERT_TRUE(request);
    EXPECT_FALSE(request->max);
    EXPECT_FALSE(request->backwards);
  }
}

TEST(ResultSet, Forwards) {
  const PageRequest request = parse_set("<max>10</max><after>a &amp; b</after>");
  EXPECT_EQ(request.max, 10u);
  EXPECT_EQ(request.after, "a & b");
  EXPECT_EQ(request.before, "");
  EXPECT_FALSE(request.backwards);
}

TEST(ResultSet, Backwards_FromAnItemOrTheEnd) {
  EXPECT_TRUE(parse_set("<before>a</before>").backwards);
  EXPECT_EQ(parse_set("<before>a</before>").before, "a");
  EXPECT_TRUE(parse_set("<before/>").backwards);
  EXPECT_EQ(parse_set("<before/>").before, "");
}

TEST(ResultSet, Max_IsANumber) {
  EXPECT_EQ(parse_set("<max>0</max>").max, 0u);
  EXPECT_EQ(parse_set("<max>99999999999</max>").max, std::numeric_limits<std::uint32_t>::max());
  for (const char* max : {"", "-1", "ten", "1 0", "99999999999x"}) {
    const auto request = parse("<set xmlns='http://jabber.org/protocol/rsm'><max>" +
                               std::string(max) + "</max></set>");
    ASSERT_FALSE(request) << max;
    EXPECT_EQ(request.error().condition, StanzaCondition::bad_request);
  }
}

TEST(ResultSet, Index_IsRefused) {
  const auto request =
      parse("<set xmlns='http://jabber.org/protocol/rsm'><max>10</max><index>371</index></set>");
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().condition, StanzaCondition::feature_not_implemented);
}

TEST(ResultSet, Answer) {
  const auto written = [](const PageAnswer& answer) {
    xml::Writer w;
    answer.write(w);
    return std::move(w).take();
  };
  EXPECT_EQ(written({"a", "b&c", 7}),
            "<set xmlns='http://jabber.org/protocol/rsm'><first>a</first><last>b&amp;c</last>"
            "<count>7</count></set>");
  EXPECT_EQ(written({}), "<set xmlns='http://jabber.org/protocol/rsm'/>");
}

}  // namespace
}  // namespace starling::xmpp
