// Agent: a node's part in the life of its AWS Auto Scaling group.
//
// It looks at the machine's metadata every few seconds, at its own state in the group now and then,
// and from both follows what the node is to do (Order). What ends the node is latched: it is acted
// on once, and kept in a file, so that a process that is started again goes on with it. While the
// node drains, heartbeats keep the group waiting; when it has left, the lifecycle action is
// completed. docs/lifecycle.md tells it from the outside.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"
#include "cloud/aws/auto_scaling.h"
#include "cloud/aws/credentials.h"
#include "cloud/aws/latch.h"
#include "cloud/aws/metadata.h"
#include "cloud/aws/query_api.h"
#include "cloud/aws/signals.h"
#include "cloud/chore.h"
#include "cloud/http.h"
#include "cloud/lifecycle.h"

namespace starling::cloud::aws {

class Agent final : public Lifecycle {
 public:
  static constexpr std::chrono::seconds kSignalsEvery{5};
  static constexpr std::chrono::seconds kGroupEvery{30};
  static constexpr std::chrono::seconds kGroupSoon{5};  // while something waits for it
  static constexpr std::chrono::seconds kScaleInEvery{15};
  // The first order comes in so long: if the provider was not heard, it is to serve.
  static constexpr std::chrono::seconds kFirstWord{15};
  // Of a hook whose own is not known.
  static constexpr std::chrono::seconds kHookTimeout{100};
  // How long before a Spot instance is taken its node is to be empty.
  static constexpr std::chrono::seconds kSpare{20};
  // Descriptions of the group, one after the other, that do not know this instance.
  static constexpr int kSurelyUnknown = 3;
  // How long a node that has left tries to say so: longer than a load balancer may take to let go
  // of it, which the group waits for first.
  static constexpr std::chrono::minutes kCompleteFor{75};

  struct Parts {
    Options options;
    Environment environment;
    std::unique_ptr<Http> http;
    std::string boot;  // see LatchFile
    std::function<void()> news;
  };
  Agent(EventLoop& loop, Parts parts);
  ~Agent() override { loop_.cancel(first_word_); }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  void start() override;
  void stop() override;
  [[nodiscard]] Identity identity() const override;
  [[nodiscard]] Order order() const override;
  void serving(NodeView& node) override;
  void leaving() override;
  void left() override;

 private:
  // On the loop.
  Result<Chore::Next> look_at_signals();
  Result<> identify();
  void follow(const std::optional<std::string>& target);
  Result<Chore::Next> look_at_group();
  Result<Chore::Next> follow_group();
  Result<Chore::Next> without_state(const Error& error);
  Result<> welcome();
  Result<> complete(const std::string& hook);
  Result<Chore::Next> farewell();
  Result<Chore::Next> accepted();
  Result<Chore::Next> record_heartbeat();
  Duration hook_timeout();
  Result<Chore::Next> publish();
  Result<Chore::Next> see_to_scale_in();

  void drain(const std::string& reason, std::optional<std::int64_t> until_us = std::nullopt);
  void end();
  void set_order(Order order);
  void remember();
  [[nodiscard]] bool from_pool() const { return latch_.reason == "warm pool"; }
  [[nodiscard]] bool group_waits_for_us_to_go() const;
  [[nodiscard]] bool too_late() const;

  EventLoop& loop_;
  Parts parts_;
  Metadata metadata_;
  CredentialChain credentials_;
  QueryApi api_;
  AutoScaling auto_scaling_;
  const LatchFile file_;
  Chore signals_;
  Chore group_;
  Chore heartbeat_;
  Chore metrics_;
  Chore scale_in_;

  // On the loop.
  std::string instance_;  // "": not known yet
  std::string region_;
  std::string group_name_;
  std::string state_;  // in the group, as it was seen last
  int unknown_ = 0;    // so many times in a row the group has not known us
  Latch latch_;
  bool welcomed_ = false;  // in this state of the group
  bool serving_ = false;
  bool has_left_ = false;
  TimePoint waits_since_{};  // that it has left, and for this reason
  TimerId first_word_ = 0;
  std::optional<std::chrono::seconds> hook_timeout_;

  mutable std::mutex mutex_;
  Identity identity_;  // guarded by mutex_
  Order order_;        // guarded by mutex_
  std::mutex node_mutex_;
  NodeView* node_ = nullptr;  // guarded by node_mutex_
};

[[nodiscard]] std::unique_ptr<Lifecycle> make_agent(const Options& options,
                                                    const Environment& environment, EventLoop& loop,
                                                    std::function<void()> news);

}  // namespace starling::cloud::aws
