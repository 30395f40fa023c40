#include "http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace starling::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(Fields, NamesHaveNoCase_ListsAreJoined) {
  const Fields fields{{"accept-encoding", "br"}, {"Accept-Encoding", "gzip ; q=0.5, x;q=0.00"}};
  EXPECT_EQ(fields.get("ACCEPT-ENCODING"), "br");
  EXPECT_TRUE(fields.lists("Accept-Encoding", "GZIP"));
  EXPECT_FALSE(fields.lists("Accept-Encoding", "x"));
  EXPECT_FALSE(fields.lists("Accept-Encoding", "zip"));
  EXPECT_FALSE(fields.has("Accept"));
}

TEST(Query, IsDecoded) {
  EXPECT_THAT(*parse_query("user=al%69ce&host=example.org&&text=a+b%26&empty"),
              ElementsAre(Pair("user", "alice"), Pair("host", "example.org"), Pair("text", "a b&"),
                          Pair("empty", "")));
  EXPECT_EQ(parse_query("a=%4"), std::nullopt);
  EXPECT_EQ(parse_query("a=%zz"), std::nullopt);
}

TEST(Request, Cookies) {
  Request request;
  request.fields = {{"Cookie", "a=1; session=x=y; b"}, {"cookie", "last=2"}};
  EXPECT_EQ(request.cookie("session"), "x=y");
  EXPECT_EQ(request.cookie("last"), "2");
  EXPECT_EQ(request.cookie("nothing"), "");
}

TEST(Request, IsPrivate_OnThisMachineOrByTls) {
  const auto is_private = [](std::string remote, bool secure) {
    Request request;
    request.remote = std::move(remote);
    request.secure = secure;
    return request.is_private();
  };
  EXPECT_TRUE(is_private("127.1.2.3", false));
  EXPECT_TRUE(is_private("::1", false));
  EXPECT_TRUE(is_private("203.0.113.7", true));
  EXPECT_FALSE(is_private("203.0.113.7", false));
  EXPECT_FALSE(is_private("memory", false));
}

TEST(Problem, SaysWhat_InValidJson) {
  const Response response = problem(400, "no \"such\" \xff argument");
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_THAT(response.body, HasSubstr(R"("title":"Bad Request","status":400)"));
  EXPECT_THAT(response.body, HasSubstr(R"(no \"such\" )"));
  EXPECT_THAT(response.body, testing::Not(HasSubstr("\xff")));
}

}  // namespace
}  // namespace starling::http
