#include "cloud/aws/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include "base/clock.h"
#include "base/manual_loop.h"
#include "cloud/test_http.h"

namespace starling::cloud::aws {
namespace {

using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;
using ::testing::Gt;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using What = Order::What;

std::int64_t g_now = 0;

// One instance's metadata, and the group it is in.
struct World {
  std::map<std::string, std::string> metadata{{"meta-data/instance-id", "i-1"},
                                              {"meta-data/local-ipv4", "10.0.0.7"}};
  std::string state = "InService";  // "": it is in no group
  std::string waits_for;            // the hook
  bool metadata_is_silent = false;
  bool api_is_down = false;
  bool metrics_are_down = false;
  std::vector<std::string> calls;  // of what changes something

  void target(const std::string& state_wanted) {
    metadata["meta-data/autoscaling/target-lifecycle-state"] = state_wanted;
  }
  void wait_for(const std::string& at, const std::string& hook) {
    state = at;
    waits_for = hook;
  }

  static bool has(const HttpRequest& request, const std::string& text) {
    return request.body.find(text) != std::string::npos;
  }
  Result<HttpResponse> answer(const HttpRequest& request) {
    if (request.url.starts_with("http://imds/")) return of_metadata(request);
    if (request.url.starts_with("http://monitoring/")) {
      if (metrics_are_down) return fail(Errc::timeout, "too slow");
      calls.push_back("metric");
      return HttpResponse{200, "<Ok/>"};
    }
    if (api_is_down) return HttpResponse{503, "<Error><Code>Throttling</Code></Error>"};
    if (has(request, "Action=DescribeAutoScalingInstances")) return describe();
    if (has(request, "Action=DescribeLifecycleHooks")) {
      return HttpResponse{
          200,
          "<R><LifecycleHooks><member><LifecycleHookName>starling-terminate</LifecycleHookName>"
          "<HeartbeatTimeout>30</HeartbeatTimeout></member></LifecycleHooks></R>"};
    }
    for (const char* hook : {"starling-launch", "starling-terminate"}) {
      if (!has(request, std::string("LifecycleHookName=") + hook)) continue;
      const bool heartbeat = has(request, "Action=RecordLifecycleActionHeartbeat");
      const bool waits = waits_for == hook && state.ends_with(":Wait");
      calls.push_back((heartbeat ? "heartbeat " : "complete ") + std::string(hook) +
                      (waits ? "" : " in vain"));
      if (!waits) {
        return HttpResponse{400,
                            "<E><Error><Code>ValidationError</Code><Message>No active Lifecycle "
                            "Action found with instance ID i-1</Message></Error></E>"};
      }
      if (!heartbeat) state.replace(state.find(":Wait"), 5, ":Proceed");
      return HttpResponse{200, "<Ok/>"};
    }
    return HttpResponse{400, "<E><Code>InvalidAction</Code></E>"};
  }
  Result<HttpResponse> of_metadata(const HttpRequest& request) {
    if (metadata_is_silent) return fail(Errc::timeout, "too slow");
    if (request.method == "PUT") return HttpResponse{200, "token"};
    const auto found = metadata.find(request.url.substr(std::string("http://imds/latest/").size()));
    return found == metadata.end() ? HttpResponse{404} : HttpResponse{200, found->second};
  }
  HttpResponse describe() const {
    if (state.empty()) return {200, "<R><AutoScalingInstances/></R>"};
    return {200,
            "<R><AutoScalingInstances><member><InstanceId>i-1</InstanceId><AutoScalingGroupName>"
            "chat</AutoScalingGroupName><LifecycleState>" +
                state + "</LifecycleState></member></AutoScalingInstances></R>"};
  }
  [[nodiscard]] std::size_t count(const std::string& call) const {
    return static_cast<std::size_t>(std::ranges::count(calls, call));
  }
};

struct View final : NodeView {
  std::optional<std::uint64_t> utilisation() override { return percent; }
  std::optional<std::vector<NodeLoad>> to_choose_from() override { return std::nullopt; }
  std::optional<std::uint64_t> percent = 42;
};

class AgentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    g_now = 1'795'467'900'000'000;
    replace_wall_clock_for_simulation([] { return g_now; });
  }
  void TearDown() override {
    agent.reset();
    replace_wall_clock_for_simulation(nullptr);
    std::filesystem::remove_all(folder);
  }
  // The process is started (again).
  void boot() {
    loop.run();
    agent.reset();
    Agent::Parts parts;
    parts.options.provider = Provider::aws;
    parts.options.folder = folder;
    parts.environment = {{"AWS_ACCESS_KEY_ID", "AKID"},
                         {"AWS_SECRET_ACCESS_KEY", "secret"},
                         {"AWS_REGION", "eu-west-1"},
                         {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://imds"},
                         {"AWS_ENDPOINT_URL_AUTO_SCALING", "http://autoscaling"},
                         {"AWS_ENDPOINT_URL_CLOUDWATCH", "http://monitoring"}};
    parts.http = std::make_unique<TestHttp>(
        [this](const HttpRequest& request) { return world.answer(request); });
    parts.boot = "boot-1";
    parts.news = [this] { ++news; };
    agent = std::make_unique<Agent>(loop, std::move(parts));
    agent->start();
  }
  void pass(Duration time) {
    if (!agent) boot();
    for (; time > 0s; time -= 1s) {
      loop.advance(1s);
      loop.run();
      g_now += 1'000'000;
    }
  }
  What what() { return agent->order().what; }
  void serve() {
    pass(1s);
    ASSERT_EQ(what(), What::serve);
    agent->serving(view);
    pass(1s);
  }
  void leave() {
    agent->leaving();
    agent->left();
  }

  const std::string folder =
      std::filesystem::temp_directory_path() / ("agent-" + std::to_string(::getpid()));
  ManualLoop loop;
  World world;
  View view;
  int news = 0;
  std::unique_ptr<Agent> agent;
};

TEST_F(AgentTest, Instance_KnowsWhoItIsAndServes) {
  boot();
  EXPECT_EQ(what(), What::unknown);
  pass(1s);
  EXPECT_EQ(what(), What::serve) << "no group has said anything";
  EXPECT_EQ(agent->identity().name, "i-1");
  EXPECT_EQ(agent->identity().address, "10.0.0.7");
  EXPECT_EQ(news, 1);
}

TEST_F(AgentTest, LaunchHook_IsCompletedOnceWhenTheNodeServes) {
  world.target("InService");
  world.state = "Pending";
  pass(10s);
  world.wait_for("Pending:Wait", "starling-launch");
  pass(60s);
  EXPECT_THAT(world.calls, IsEmpty()) << "it does not serve yet";
  agent->serving(view);
  pass(30s);
  EXPECT_EQ(world.count("complete starling-launch"), 1U);
  EXPECT_EQ(world.state, "Pending:Proceed");
  world.state = "InService";
  pass(10min);
  EXPECT_EQ(world.count("complete starling-launch"), 1U);
  EXPECT_EQ(world.count("complete starling-launch in vain"), 0U);
}

TEST_F(AgentTest, SilentMetadata_KeepNobodyFromServing) {
  world.metadata_is_silent = true;
  pass(Agent::kFirstWord - 1s);
  EXPECT_EQ(what(), What::unknown);
  pass(2s);
  EXPECT_EQ(what(), What::serve);
  pass(10min);
  EXPECT_EQ(what(), What::serve);
  world.metadata_is_silent = false;
  world.target("Terminated");
  pass(Chore::kLastRetry + 5s);
  EXPECT_EQ(what(), What::drain);
}

TEST_F(AgentTest, Terminated_DrainsWithHeartbeatsAndIsCompletedOnce) {
  serve();
  world.target("Terminated");
  world.state = "Terminating";
  pass(7s);
  ASSERT_EQ(what(), What::drain);
  EXPECT_EQ(agent->order().reason, "terminated");
  EXPECT_EQ(agent->order().until_us, std::nullopt);
  agent->leaving();
  pass(60s);
  EXPECT_EQ(world.count("heartbeat starling-terminate"), 0U) << "the load balancer comes first";
  world.wait_for("Terminating:Wait", "starling-terminate");
  pass(120s);  // of a hook that waits for 30 s
  EXPECT_THAT(world.count("heartbeat starling-terminate"), Gt(9U));
  EXPECT_EQ(world.count("complete starling-terminate"), 0U);
  agent->left();
  pass(20s);
  EXPECT_EQ(world.count("complete starling-terminate"), 1U);
  EXPECT_EQ(what(), What::end);
  const auto calls = world.calls.size();
  pass(10min);
  EXPECT_THAT(world.calls, SizeIs(calls)) << "there is nothing more to say";
}

TEST_F(AgentTest, NodeThatIsEmptyBeforeTheHookWaits_CompletesItThen) {
  serve();
  world.target("Terminated");
  world.state = "Terminating";
  pass(7s);
  leave();
  pass(5min);
  EXPECT_EQ(what(), What::drain);
  EXPECT_EQ(world.count("complete starling-terminate"), 0U);
  world.wait_for("Terminating:Wait", "starling-terminate");
  pass(10s);
  EXPECT_EQ(world.count("complete starling-terminate"), 1U);
  EXPECT_EQ(what(), What::end);
}

TEST_F(AgentTest, StateOfTheGroup_SaysItAsWell) {
  serve();
  world.state = "Terminating";  // and the metadata are behind
  pass(Agent::kGroupEvery + 10s);
  EXPECT_EQ(what(), What::drain);
}

TEST_F(AgentTest, GroupThatWaitsForNothing_IsTheEnd) {
  serve();
  world.target("Terminated");
  world.state = "Terminating:Proceed";  // there is no such hook, or its time was over
  pass(7s);
  leave();
  pass(10s);
  EXPECT_EQ(what(), What::end);
  EXPECT_EQ(world.count("complete starling-terminate"), 0U);
}

TEST_F(AgentTest, ProcessThatIsStartedAgain_GoesOnToDrain) {
  serve();
  world.target("Terminated");
  world.wait_for("Terminating:Wait", "starling-terminate");
  pass(7s);
  ASSERT_EQ(what(), What::drain);
  world.metadata_is_silent = true;
  boot();
  pass(1s);
  EXPECT_EQ(what(), What::drain) << "nobody has to tell it again";
  agent->left();
  world.metadata_is_silent = false;
  pass(40s);
  EXPECT_EQ(world.count("complete starling-terminate"), 1U);
  ASSERT_EQ(what(), What::end);
  boot();
  pass(1s);
  EXPECT_EQ(what(), What::end) << "nor to complete it again";
  EXPECT_EQ(world.count("complete starling-terminate"), 1U);
}

TEST_F(AgentTest, SpotNotice_HasADeadlineTwentySecondsBefore) {
  serve();
  world.metadata["meta-data/spot/instance-action"] =
      R"({"action":"terminate","time":"2026-11-23T21:07:30Z"})";
  pass(7s);
  const Order order = agent->order();
  EXPECT_EQ(order.what, What::drain);
  EXPECT_EQ(order.reason, "spot interruption");
  EXPECT_EQ(order.until_us, parse_xmpp_datetime("2026-11-23T21:07:10Z"));
  leave();
  pass(60s);
  EXPECT_EQ(what(), What::drain) << "the group may still ask";
  pass(120s);
  EXPECT_EQ(what(), What::end) << "the machine is gone by now";
}

TEST_F(AgentTest, RebalanceRecommendation_DrainsWithoutDeadlineAndWaitsForTheGroup) {
  serve();
  pass(Agent::kGroupEvery + 10s);
  world.metadata["meta-data/events/recommendations/rebalance"] = "{}";
  pass(7s);
  EXPECT_EQ(agent->order().what, What::drain);
  EXPECT_EQ(agent->order().until_us, std::nullopt);
  leave();
  pass(100min);
  EXPECT_EQ(what(), What::drain);
  world.target("Terminated");
  world.state = "Terminating";
  pass(10min);
  EXPECT_EQ(what(), What::drain) << "it waits for the hook as any other";
  world.wait_for("Terminating:Wait", "starling-terminate");
  pass(20s);
  EXPECT_EQ(world.count("complete starling-terminate"), 1U);
  EXPECT_EQ(what(), What::end);
}

TEST_F(AgentTest, SpotNoticeWhileItDrains_BringsADeadline) {
  serve();
  world.target("Terminated");
  pass(7s);
  ASSERT_EQ(agent->order().until_us, std::nullopt);
  const int before = news;
  world.metadata["meta-data/spot/instance-action"] =
      R"({"action":"terminate","time":"2026-11-23T21:08:00Z"})";
  pass(7s);
  EXPECT_NE(agent->order().until_us, std::nullopt);
  EXPECT_EQ(agent->order().reason, "terminated");
  EXPECT_EQ(news, before + 1) << "once";
}

TEST_F(AgentTest, GroupThatIsAwayForAWhile_IsToldWhenItIsBack) {
  serve();
  world.target("Terminated");
  world.wait_for("Terminating:Wait", "starling-terminate");
  world.api_is_down = true;
  pass(7s);
  EXPECT_EQ(what(), What::drain) << "the metadata say enough";
  leave();
  pass(5min);
  EXPECT_EQ(what(), What::drain);
  world.api_is_down = false;
  pass(Chore::kLastRetry + 5s);
  EXPECT_EQ(world.count("complete starling-terminate"), 1U);
  EXPECT_EQ(what(), What::end);
}

TEST_F(AgentTest, GroupThatNeverWaits_IsGivenUp) {
  serve();
  world.target("Terminated");
  pass(7s);
  leave();
  pass(Agent::kCompleteFor - 10s);
  EXPECT_EQ(what(), What::drain);
  pass(20s);
  EXPECT_EQ(what(), What::end);
  EXPECT_EQ(world.count("complete starling-terminate"), 0U);
}

TEST_F(AgentTest, GroupThatStaysAway_IsGivenUpAsWell) {
  serve();
  world.target("Terminated");
  world.api_is_down = true;
  pass(7s);
  leave();
  pass(Agent::kCompleteFor + Chore::kLastRetry);
  EXPECT_EQ(what(), What::end);
}

TEST_F(AgentTest, SpareInstance_CompletesTheHookAndJoinsWhenItIsWanted) {
  world.target("Warmed:Running");
  world.wait_for("Warmed:Pending:Wait", "starling-launch");
  pass(20s);
  EXPECT_EQ(what(), What::wait);
  EXPECT_EQ(world.count("complete starling-launch"), 1U);
  world.state = "Warmed:Running";
  pass(10min);
  EXPECT_EQ(what(), What::wait);
  world.target("InService");
  world.wait_for("Pending:Wait", "starling-launch");
  pass(7s);
  EXPECT_EQ(what(), What::serve);
  agent->serving(view);
  pass(20s);
  EXPECT_EQ(world.count("complete starling-launch"), 2U);
}

TEST_F(AgentTest, InstanceThatGoesBackToThePool_WaitsThere) {
  serve();
  world.target("Warmed:Running");
  world.wait_for("Warmed:Pending:Wait", "starling-terminate");
  pass(40s);
  ASSERT_EQ(what(), What::drain);
  EXPECT_THAT(world.count("heartbeat starling-terminate"), Gt(1U));
  leave();
  pass(10s);
  EXPECT_EQ(world.count("complete starling-terminate"), 1U);
  EXPECT_EQ(what(), What::wait);
  world.state = "Warmed:Running";
  pass(60s);
  world.target("InService");
  world.wait_for("Pending:Wait", "starling-launch");
  pass(7s);
  EXPECT_EQ(what(), What::serve);
  world.target("Terminated");
  pass(7s);
  EXPECT_EQ(what(), What::drain) << "what was latched before is forgotten";
}

TEST_F(AgentTest, StatesThatNobodyKnows_ChangeNothing) {
  serve();
  for (const char* state : {"Standby", "Detached", "ReplacingRootVolume:Wait", "<>"}) {
    world.target(state);
    world.state = std::string(state) == "<>" ? "New" : state;
    pass(60s);
    EXPECT_EQ(what(), What::serve) << state;
  }
  EXPECT_EQ(world.count("complete starling-launch"), 0U);
  boot();
  pass(1s);
  EXPECT_EQ(what(), What::serve);
}

TEST_F(AgentTest, InstanceOfNoGroup_Serves_AndPublishesNothing) {
  world.state = "";
  world.metadata["meta-data/events/recommendations/rebalance"] = "{}";
  serve();
  pass(5min);
  EXPECT_EQ(what(), What::serve) << "nobody would come in its place";
  EXPECT_THAT(world.calls, IsEmpty());
}

TEST_F(AgentTest, Utilisation_IsPublishedWhileItServes) {
  serve();
  pass(60s);
  const auto published = world.count("metric");
  EXPECT_THAT(published, Gt(5U));
  view.percent.reset();
  pass(60s);
  EXPECT_EQ(world.count("metric"), published) << "the node has nothing to say";
  view.percent = 0;
  pass(20s);
  EXPECT_THAT(world.count("metric"), Gt(published)) << "an idle one has";
  world.metrics_are_down = true;
  pass(5min);
  EXPECT_EQ(what(), What::serve);
  world.metrics_are_down = false;
  world.target("Terminated");
  pass(30s);
  const auto at_the_end = world.count("metric");
  pass(60s);
  EXPECT_EQ(world.count("metric"), at_the_end) << "a node that drains is silent";
}

TEST_F(AgentTest, MetadataThatAreSwitchedOff_AreNotWaitedFor) {
  Agent::Parts parts;
  parts.options.folder = folder;
  parts.environment = {{"AWS_EC2_METADATA_DISABLED", "true"}};
  parts.http = std::make_unique<TestHttp>([](const HttpRequest&) -> Result<HttpResponse> {
    ADD_FAILURE() << "nobody is to be asked";
    return fail(Errc::internal, "");
  });
  parts.news = [] {};
  agent = std::make_unique<Agent>(loop, std::move(parts));
  agent->start();
  pass(1s);
  EXPECT_EQ(what(), What::serve);
  pass(60s);
}

}  // namespace
}  // namespace starling::cloud::aws
