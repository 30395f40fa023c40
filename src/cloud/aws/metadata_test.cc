#include "cloud/aws/metadata.h"

#include <gtest/gtest.h>

#include "base/manual_loop.h"
#include "cloud/test_http.h"

namespace starling::cloud::aws {
namespace {

class MetadataTest : public ::testing::Test {
 protected:
  Result<HttpResponse> answer(const HttpRequest& request) {
    if (down) return fail(Errc::timeout, "too slow");
    if (request.method == "PUT") {
      EXPECT_EQ(request.url, "http://imds.test/latest/api/token");
      EXPECT_EQ(TestHttp::header(request, "x-aws-ec2-metadata-token-ttl-seconds"), "21600");
      ++tokens;
      return HttpResponse{
          200, "token" + std::to_string(tokens), {{"x-aws-ec2-metadata-token-ttl-seconds", "600"}}};
    }
    if (TestHttp::header(request, "x-aws-ec2-metadata-token") != good()) return HttpResponse{401};
    if (request.url == "http://imds.test/latest/meta-data/instance-id") {
      return HttpResponse{200, "i-0123"};
    }
    return HttpResponse{404, "<html>"};
  }
  // The newest one, unless none is good.
  std::string good() const { return refuse_all ? "none" : "token" + std::to_string(tokens); }

  ManualLoop loop;
  TestHttp http{[this](const HttpRequest& request) { return answer(request); }};
  Environment environment{{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://imds.test/"}};
  int tokens = 0;
  bool down = false;
  bool refuse_all = false;
};

TEST_F(MetadataTest, Token_IsFetchedOnceAndAnewAtHalfOfItsTime) {
  Metadata metadata(environment, http, loop);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(metadata.get("meta-data/instance-id"), "i-0123");
  EXPECT_EQ(tokens, 1);
  loop.advance(std::chrono::seconds(301));
  EXPECT_EQ(metadata.get("meta-data/instance-id"), "i-0123");
  EXPECT_EQ(tokens, 2);
}

TEST_F(MetadataTest, WhatIsNotThere_IsNothing) {
  Metadata metadata(environment, http, loop);
  const auto found = metadata.get("meta-data/spot/instance-action");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, std::nullopt);
}

TEST_F(MetadataTest, TokenThatIsRefused_IsRenewedOnce) {
  Metadata metadata(environment, http, loop);
  EXPECT_TRUE(metadata.get("meta-data/instance-id"));
  tokens = 7;  // the service was restarted
  EXPECT_EQ(metadata.get("meta-data/instance-id"), "i-0123");
  EXPECT_EQ(tokens, 8);
  refuse_all = true;
  const auto refused = metadata.get("meta-data/instance-id");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_EQ(tokens, 9) << "no more than once";
}

TEST_F(MetadataTest, Silence_IsAnErrorThatNamesTheUrl) {
  down = true;
  Metadata metadata(environment, http, loop);
  const auto found = metadata.get("meta-data/instance-id");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::timeout);
  EXPECT_EQ(found.error().message, "http://imds.test/latest/api/token: too slow");
}

TEST_F(MetadataTest, Environment_SaysWhereAndHowLong) {
  const auto asked = [&](const Environment& where) {
    http.requests.clear();
    down = true;
    static_cast<void>(Metadata(where, http, loop).get("x"));
    return http.requests.front();
  };
  const auto usual = asked({});
  EXPECT_TRUE(usual.url.starts_with("http://169.254.169.254/latest/"));
  EXPECT_EQ(usual.timeout, std::chrono::seconds(1));
  EXPECT_TRUE(usual.direct) << "never through a proxy";
  EXPECT_TRUE(asked({{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6"}})
                  .url.starts_with("http://[fd00:ec2::254]/latest/"));
  EXPECT_EQ(asked({{"AWS_METADATA_SERVICE_TIMEOUT", "2.5"}}).timeout,
            std::chrono::milliseconds(2'500));
  EXPECT_EQ(asked({{"AWS_METADATA_SERVICE_TIMEOUT", "soon"}}).timeout, std::chrono::seconds(1));
}

TEST_F(MetadataTest, Disabled_AsksNobody) {
  environment["AWS_EC2_METADATA_DISABLED"] = "TRUE";
  Metadata metadata(environment, http, loop);
  EXPECT_TRUE(metadata.disabled());
  EXPECT_FALSE(metadata.get("meta-data/instance-id"));
  EXPECT_TRUE(http.requests.empty());
}

}  // namespace
}  // namespace starling::cloud::aws
