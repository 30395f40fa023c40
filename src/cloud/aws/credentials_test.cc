#include "cloud/aws/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/manual_loop.h"
#include "cloud/test_http.h"

namespace starling::cloud::aws {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kStart = 1'795'467'900'000'000;  // 2026-11-23T21:05:00Z
std::int64_t g_now = kStart;

std::string json(const std::string& id, const std::string& expiration) {
  return R"({"Code":"Success","Type":"AWS-HMAC","AccessKeyId":")" + id +
         R"(","SecretAccessKey":"secret","Token":"token","Expiration":")" + expiration + "\"}";
}

class CredentialChainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    g_now = kStart;
    replace_wall_clock_for_simulation([] { return g_now; });
    std::ofstream(token_file) << "a-token\n";
  }
  void TearDown() override {
    replace_wall_clock_for_simulation(nullptr);
    std::filesystem::remove(token_file);
  }
  Result<HttpResponse> answer(const HttpRequest& request) {
    if (request.method == "PUT") return HttpResponse{200, "t"};
    if (request.url.ends_with("/security-credentials/")) return HttpResponse{200, "role"};
    return given;
  }
  CredentialChain chain() { return {environment, http, metadata}; }
  const HttpRequest& last() const { return http.requests.back(); }

  const std::string token_file =
      std::filesystem::temp_directory_path() / ("token-" + std::to_string(::getpid()));
  ManualLoop loop;
  TestHttp http{[this](const HttpRequest& request) { return answer(request); }};
  Environment environment;
  Metadata metadata{environment, http, loop};
  Result<HttpResponse> given = HttpResponse{200, json("AKID1", "2026-11-23T22:05:00Z")};
};

TEST_F(CredentialChainTest, Environment_ComesFirst) {
  environment = {{"AWS_ACCESS_KEY_ID", "AKID"},
                 {"AWS_SECRET_ACCESS_KEY", "secret"},
                 {"AWS_SESSION_TOKEN", "token"},
                 {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"}};
  CredentialChain all = chain();
  const auto found = all.get();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access_key_id, "AKID");
  EXPECT_EQ(found->session_token, "token");
  EXPECT_TRUE(http.requests.empty());
}

TEST_F(CredentialChainTest, WebIdentity_IsAskedOfStsWithTheTokenOfTheFile) {
  environment = {{"AWS_WEB_IDENTITY_TOKEN_FILE", token_file},
                 {"AWS_ROLE_ARN", "arn:aws:iam::1:role/node"}};
  given = HttpResponse{
      200,
      "<AssumeRoleWithWebIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
      "<AssumeRoleWithWebIdentityResult><Credentials><SessionToken>st</SessionToken>"
      "<SecretAccessKey>sk</SecretAccessKey><Expiration>2026-11-23T22:05:00Z</Expiration>"
      "<AccessKeyId>ASIA</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>"
      "</AssumeRoleWithWebIdentityResponse>"};
  CredentialChain all = chain();
  all.set_region("eu-west-1");
  const auto found = all.get();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->access_key_id, "ASIA");
  EXPECT_EQ(found->session_token, "st");
  EXPECT_EQ(last().url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_EQ(last().body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3A"
            "role%2Fnode&RoleSessionName=starling&WebIdentityToken=a-token");
}

TEST_F(CredentialChainTest, Container_IsAskedWithTheTokenThatTheFileHoldsNow) {
  environment = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"},
                 {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "old"},
                 {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token_file}};
  CredentialChain all = chain();
  ASSERT_TRUE(all.get());
  EXPECT_EQ(last().url, "http://169.254.170.23/v1/credentials");
  EXPECT_EQ(TestHttp::header(last(), "Authorization"), "a-token");
}

TEST_F(CredentialChainTest, ContainerElsewhereWithoutTls_IsNotGivenTheToken) {
  for (const char* url :
       {"http://example.org/", "http://127.0.0.1@example.org/", "http://127.evil.example/",
        "ftp://127.0.0.1/", "http://169.254.170.3/"}) {
    environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    CredentialChain all = chain();
    EXPECT_FALSE(all.get()) << url;
    EXPECT_TRUE(http.requests.empty()) << url;
  }
}

TEST_F(CredentialChainTest, RoleOfTheInstance_IsKeptAndFetchedAnewBeforeItExpires) {
  CredentialChain all = chain();
  ASSERT_TRUE(all.get());
  given = HttpResponse{200, json("AKID2", "2026-11-24T02:05:00Z")};
  g_now += std::int64_t{54 * 60} * 1'000'000;
  EXPECT_EQ(all.get()->access_key_id, "AKID1");
  g_now += std::int64_t{2 * 60} * 1'000'000;
  EXPECT_EQ(all.get()->access_key_id, "AKID2");
}

TEST_F(CredentialChainTest, OldOnes_ServeWhileNewOnesCannotBeHad_AndNoLongerThanTheyAreGood) {
  CredentialChain all = chain();
  ASSERT_TRUE(all.get());
  given = HttpResponse{500};
  g_now += std::int64_t{56 * 60} * 1'000'000;
  EXPECT_EQ(all.get()->access_key_id, "AKID1");
  const auto asked = http.requests.size();
  EXPECT_EQ(all.get()->access_key_id, "AKID1");
  EXPECT_EQ(http.requests.size(), asked) << "not at every call";
  g_now += std::int64_t{5 * 60} * 1'000'000;
  EXPECT_FALSE(all.get());
  given = HttpResponse{200, json("AKID2", "2026-11-24T02:05:00Z")};
  EXPECT_EQ(all.get()->access_key_id, "AKID2");
}

TEST_F(CredentialChainTest, RefusedOnes_AreFetchedAnew) {
  CredentialChain all = chain();
  ASSERT_TRUE(all.get());
  given = HttpResponse{200, json("AKID2", "2026-11-23T22:05:00Z")};
  all.refused();
  EXPECT_EQ(all.get()->access_key_id, "AKID2");
}

TEST_F(CredentialChainTest, Nonsense_IsAnErrorInWords) {
  given = HttpResponse{200, "<html>"};
  CredentialChain all = chain();
  const auto found = all.get();
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("no JSON"));
}

}  // namespace
}  // namespace starling::cloud::aws
