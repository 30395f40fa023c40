#include "cloud/aws/query_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/manual_loop.h"
#include "cloud/aws/answer.h"
#include "cloud/aws/auto_scaling.h"
#include "cloud/aws/cloud_watch.h"
#include "cloud/test_http.h"

namespace starling::cloud::aws {
namespace {

using ::testing::HasSubstr;

HttpResponse error(int status, const std::string& code, const std::string& message = "") {
  return {status,
          "<ErrorResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><Error><Type>"
          "Sender</Type><Code>" +
              code + "</Code><Message>" + message + "</Message></Error></ErrorResponse>"};
}

class QueryApiTest : public ::testing::Test {
 protected:
  Result<HttpResponse> answer(const HttpRequest&) {
    if (answers.empty()) return HttpResponse{200, "<Ok/>"};
    auto next = answers.front();
    answers.erase(answers.begin());
    return next;
  }
  Errc code_after(const HttpResponse& response) {
    answers = {response, response};
    const auto done = api.call(kAutoScaling, "A", {});
    return done ? Errc::internal : done.error().code;
  }

  ManualLoop loop;
  std::vector<Result<HttpResponse>> answers;
  TestHttp http{[this](const HttpRequest& request) { return answer(request); }};
  Environment environment{{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "secret"}};
  Metadata metadata{environment, http, loop};
  CredentialChain credentials{environment, http, metadata};
  QueryApi api{environment, http, credentials};
  AutoScaling auto_scaling{api};

  void SetUp() override { api.set_region("eu-west-1"); }
};

TEST_F(QueryApiTest, Endpoint_IsByRegionUnlessTheEnvironmentSaysOtherwise) {
  EXPECT_EQ(endpoint_of({}, kAutoScaling, "eu-west-1"),
            "https://autoscaling.eu-west-1.amazonaws.com");
  EXPECT_EQ(endpoint_of({}, kCloudWatch, "cn-north-1"),
            "https://monitoring.cn-north-1.amazonaws.com.cn");
  Environment set{{"AWS_ENDPOINT_URL", "http://all/"}, {"AWS_ENDPOINT_URL_STS", "http://sts"}};
  EXPECT_EQ(endpoint_of(set, kAutoScaling, "r"), "http://all");
  EXPECT_EQ(endpoint_of(set, kSts, "r"), "http://sts");
  set["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(endpoint_of(set, kSts, "r"), "https://sts.r.amazonaws.com");
}

TEST_F(QueryApiTest, Errors_TellWhetherToTryAgain) {
  EXPECT_EQ(code_after(error(400, "Throttling")), Errc::unavailable);
  EXPECT_EQ(code_after(error(503, "RequestLimitExceeded")), Errc::unavailable);
  EXPECT_EQ(code_after(error(500, "ResourceContention")), Errc::unavailable);
  EXPECT_EQ(code_after({502, "<html><p>Bad gateway</html>"}), Errc::unavailable);
  EXPECT_EQ(code_after({200, "not XML"}), Errc::unavailable);
  EXPECT_EQ(code_after(error(403, "AccessDenied")), Errc::denied);
  EXPECT_EQ(code_after(error(400, "ValidationError")), Errc::invalid);
}

TEST_F(QueryApiTest, Error_IsFoundHoweverDeepItIs) {
  answers = {HttpResponse{400,
                          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>"
                          "<Code>InvalidInstanceID.NotFound</Code><Message>who?</Message></Error>"
                          "</Errors></Response>"}};
  const auto done = api.call(kAutoScaling, "A", {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message,
            "autoscaling A: HTTP status 400 InvalidInstanceID.NotFound: who?");
}

TEST_F(QueryApiTest, ExpiredToken_IsTriedOnceMore) {
  answers = {error(403, "ExpiredToken")};
  EXPECT_TRUE(api.call(kAutoScaling, "A", {}));
  EXPECT_EQ(http.requests.size(), 2U);
  http.requests.clear();
  answers = {error(403, "ExpiredToken"), error(403, "ExpiredToken")};
  EXPECT_FALSE(api.call(kAutoScaling, "A", {}));
  EXPECT_EQ(http.requests.size(), 2U);
}

TEST_F(QueryApiTest, ClockThatIsWrong_IsMadeUpForByTheServersDate) {
  HttpResponse late = error(403, "SignatureDoesNotMatch", "Signature expired");
  late.headers["date"] = "Wed, 18 Feb 2037 08:22:00 GMT";
  answers = {late};
  ASSERT_TRUE(api.call(kAutoScaling, "A", {}));
  EXPECT_THAT(TestHttp::header(http.requests.back(), "X-Amz-Date"), HasSubstr("20370218T082"));
  // From then on.
  ASSERT_TRUE(api.call(kAutoScaling, "A", {}));
  EXPECT_THAT(TestHttp::header(http.requests.back(), "X-Amz-Date"), HasSubstr("20370218T082"));
}

TEST_F(QueryApiTest, Instances_AreReadPageByPage) {
  answers = {HttpResponse{200,
                          "<R><X><AutoScalingInstances><member><InstanceId>i-1</InstanceId>"
                          "<AutoScalingGroupName>chat</AutoScalingGroupName><AvailabilityZone>a"
                          "</AvailabilityZone><LifecycleState>Terminating:Wait</LifecycleState>"
                          "<ProtectedFromScaleIn>true</ProtectedFromScaleIn></member>"
                          "</AutoScalingInstances><NextToken>more+</NextToken></X></R>"},
             HttpResponse{200,
                          "<R><AutoScalingInstances><member><InstanceId>i-2</InstanceId>"
                          "<ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>"
                          "</AutoScalingInstances></R>"}};
  const auto found = auto_scaling.instances({"i-1", "i-2"});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].group, "chat");
  EXPECT_EQ((*found)[0].state, "Terminating:Wait");
  EXPECT_TRUE((*found)[0].is_protected);
  EXPECT_EQ((*found)[1].id, "i-2");
  EXPECT_FALSE((*found)[1].is_protected);
  EXPECT_EQ(http.requests[1].body,
            "Action=DescribeAutoScalingInstances&Version=2011-01-01&InstanceIds.member.1=i-1&"
            "InstanceIds.member.2=i-2&NextToken=more%2B");
}

TEST_F(QueryApiTest, ActionThatDoesNotWait_IsNotFound) {
  answers = {
      error(400, "ValidationError", "No active Lifecycle Action found with instance ID i-1")};
  const auto done = auto_scaling.complete("chat", "hook", "i-1");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::not_found);
  EXPECT_EQ(http.requests[0].body,
            "Action=CompleteLifecycleAction&Version=2011-01-01&AutoScalingGroupName=chat&"
            "LifecycleHookName=hook&InstanceId=i-1&LifecycleActionResult=CONTINUE");
}

TEST_F(QueryApiTest, HookTimeout_IsThatOfTheHook) {
  answers = {
      HttpResponse{200,
                   "<R><LifecycleHooks><member><LifecycleHookName>hook</LifecycleHookName>"
                   "<HeartbeatTimeout>300</HeartbeatTimeout></member></LifecycleHooks></R>"}};
  EXPECT_EQ(auto_scaling.hook_timeout("chat", "hook"), std::chrono::seconds(300));
  answers = {HttpResponse{200, "<R><LifecycleHooks/></R>"}};
  EXPECT_EQ(auto_scaling.hook_timeout("chat", "hook").error().code, Errc::not_found);
}

TEST_F(QueryApiTest, Utilisation_HasTheGroupAsItsOnlyDimension) {
  ASSERT_TRUE(put_utilisation(api, "Starling", "chat", 42));
  EXPECT_EQ(http.requests[0].url, "https://monitoring.eu-west-1.amazonaws.com/");
  EXPECT_EQ(http.requests[0].body,
            "Action=PutMetricData&Version=2010-08-01&Namespace=Starling&MetricData.member.1."
            "MetricName=Utilisation&MetricData.member.1.Unit=Percent&MetricData.member.1.Value=42&"
            "MetricData.member.1.StorageResolution=1&MetricData.member.1.Dimensions.member.1.Name="
            "AutoScalingGroupName&MetricData.member.1.Dimensions.member.1.Value=chat");
}

}  // namespace
}  // namespace starling::cloud::aws
