#include "cloud/aws/agent.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "cloud/aws/cloud_watch.h"
#include "cloud/aws/endpoints.h"
#include "cloud/aws/scale_in.h"
#include "cloud/environment.h"

namespace starling::cloud::aws {

namespace {

using What = Order::What;

constexpr const char* kTerminated = "terminated";
constexpr const char* kSpot = "spot interruption";
constexpr const char* kRebalance = "rebalance recommendation";
constexpr const char* kPool = "warm pool";

std::string_view name_of(What what) {
  switch (what) {
    case What::unknown:
      return "unknown";
    case What::wait:
      return "wait";
    case What::serve:
      return "serve";
    case What::drain:
      return "drain";
    case What::end:
      return "end";
  }
  return "";
}

std::int64_t us_of(std::chrono::seconds time) {
  return std::chrono::microseconds(time).count();
}

bool is_terminating(std::string_view state) {
  return state.starts_with("Terminating") || state.starts_with("Warmed:Terminating");
}

// Nothing waits for this instance any more.
bool is_over(std::string_view state) {
  return state == "Terminated" || state == "Warmed:Terminated" ||
         (is_terminating(state) && state.ends_with(":Proceed"));
}

}  // namespace

Agent::Agent(EventLoop& loop, Parts parts)
    : loop_(loop),
      parts_(std::move(parts)),
      metadata_(parts_.environment, *parts_.http, loop),
      credentials_(parts_.environment, *parts_.http, metadata_),
      api_(parts_.environment, *parts_.http, credentials_),
      auto_scaling_(api_),
      file_(parts_.options.folder, parts_.boot),
      signals_(loop, "instance metadata", [this] { return look_at_signals(); }),
      group_(loop, "the instance's state in its group", [this] { return look_at_group(); }),
      heartbeat_(loop, "lifecycle heartbeat", [this] { return record_heartbeat(); }),
      metrics_(loop, "utilisation", [this] { return publish(); }),
      scale_in_(loop, "protection from scale-in", [this] { return see_to_scale_in(); }) {}

void Agent::start() {
  loop_.post([this] {
    latch_ = file_.read();
    if (latch_.completed) return set_order({What::end});
    if (!latch_.reason.empty()) set_order({What::drain, latch_.reason, latch_.until_us});
    if (metadata_.disabled()) {
      log::warning("cloud_not_reached", {{"error", "AWS_EC2_METADATA_DISABLED is set"}});
      if (order().what == What::unknown) set_order({What::serve});
      return;
    }
    first_word_ = loop_.run_after(kFirstWord, [this] {
      if (order().what != What::unknown) return;
      log::warning("cloud_not_reached", {{"error", "the instance metadata service is silent"}});
      set_order({What::serve});
    });
    signals_.soon();
    group_.soon();
  });
}

void Agent::stop() {
  parts_.http->give_up();
  loop_.post([this] {
    for (Chore* chore : {&signals_, &group_, &heartbeat_, &metrics_, &scale_in_}) chore->stop();
    loop_.cancel(first_word_);
  });
}

Identity Agent::identity() const {
  const std::lock_guard lock(mutex_);
  return identity_;
}

Order Agent::order() const {
  const std::lock_guard lock(mutex_);
  return order_;
}

void Agent::serving(NodeView& node) {
  {
    const std::lock_guard lock(node_mutex_);
    node_ = &node;
  }
  loop_.post([this] {
    serving_ = true;
    for (Chore* chore : {&group_, &metrics_, &scale_in_}) chore->soon();
  });
}

void Agent::leaving() {
  {
    const std::lock_guard lock(node_mutex_);
    node_ = nullptr;
  }
  loop_.post([this] {
    serving_ = false;
    metrics_.stop();
    scale_in_.stop();
  });
}

void Agent::left() {
  loop_.post([this] {
    has_left_ = true;
    waits_since_ = loop_.now();
    group_.soon();
  });
}

// --- what the node is to do ---

void Agent::set_order(Order order) {
  {
    const std::lock_guard lock(mutex_);
    if (order == order_) return;
    order_ = order;
  }
  log::info("lifecycle_order", {{"order", name_of(order.what)}, {"reason", order.reason}});
  parts_.news();
}

void Agent::drain(const std::string& reason, std::optional<std::int64_t> until_us) {
  const What what = order().what;
  if (what == What::end) return;
  Latch latch = what == What::drain ? latch_ : Latch{.reason = reason};
  // Those two may end otherwise than with the machine.
  if (latch.reason == kRebalance || latch.reason == kPool) latch.reason = reason;
  if (until_us) latch.until_us = std::min(latch.until_us.value_or(*until_us), *until_us);
  if (what == What::drain && latch == latch_) return;
  if (latch.reason != latch_.reason) waits_since_ = loop_.now();
  latch_ = latch;
  remember();
  set_order({What::drain, latch_.reason, latch_.until_us});
  group_.soon();
}

// A node that goes to the pool comes back: whether it is there, the group says.
void Agent::remember() {
  if (from_pool()) return;
  if (auto written = file_.write(latch_); !written) {
    log::error("lifecycle_not_remembered", {{"error", written.error().message}});
  }
}

void Agent::end() {
  latch_.completed = true;
  remember();
  group_.stop();
  heartbeat_.stop();
  set_order({What::end});
}

Result<Chore::Next> Agent::look_at_signals() {
  if (instance_.empty()) {
    if (auto known = identify(); !known) return std::unexpected(known.error());
  }
  const auto signals = read_signals(metadata_);
  if (!signals) return std::unexpected(signals.error());
  follow(signals->target_state);
  if (signals->taken_at_us) drain(kSpot, *signals->taken_at_us - us_of(kSpare));
  // Only a group has another in its place.
  if (signals->rebalance && !group_name_.empty()) drain(kRebalance);
  if (order().what == What::end) return std::nullopt;
  return about(kSignalsEvery);
}

Result<> Agent::identify() {
  const auto item = [this](const std::string& path) -> Result<std::string> {
    auto text = metadata_.get(path);
    if (!text) return std::unexpected(text.error());
    return text->value_or("");
  };
  const auto instance = item("meta-data/instance-id");
  if (!instance) return std::unexpected(instance.error());
  const auto address = item("meta-data/local-ipv4");
  if (!address) return std::unexpected(address.error());
  auto region = Result<std::string>(region_of(parts_.environment));
  if (region->empty()) region = item("meta-data/placement/region");
  if (!region) return std::unexpected(region.error());
  if (instance->empty() || region->empty()) {
    return fail(Errc::unavailable, "the instance metadata has no instance-id, or no region");
  }
  credentials_.set_region(*region);
  api_.set_region(*region);
  instance_ = *instance;
  {
    const std::lock_guard lock(mutex_);
    identity_ = {.name = *instance, .address = *address};
  }
  log::info("cloud_identified",
            {{"instance", *instance}, {"address", *address}, {"region", *region}});
  group_.soon();
  return {};
}

void Agent::follow(const std::optional<std::string>& target) {
  if (target == "Terminated" || target == "Warmed:Terminated") return drain(kTerminated);
  const bool to_pool = target && target->starts_with("Warmed:");
  switch (order().what) {
    case What::unknown:
    case What::wait:
      set_order({to_pool ? What::wait : What::serve});
      break;
    case What::serve:
      if (to_pool) drain(kPool);
      break;
    case What::drain:
    case What::end:
      break;
  }
}

// --- the group ---

bool Agent::group_waits_for_us_to_go() const {
  return state_.ends_with(":Wait") &&
         (is_terminating(state_) || (from_pool() && state_ == "Warmed:Pending:Wait"));
}

Result<Chore::Next> Agent::look_at_group() {
  auto next = follow_group();
  if (!has_left_ || order().what != What::drain || !too_late()) return next;
  log::warning("lifecycle_action_not_completed", {{"group", group_name_}, {"state", state_}});
  end();
  return std::nullopt;
}

Result<Chore::Next> Agent::follow_group() {
  if (instance_.empty()) return about(kGroupSoon);
  const auto found = auto_scaling_.instances({instance_});
  if (!found) return without_state(found.error());
  const std::string before = std::exchange(state_, found->empty() ? "" : found->front().state);
  unknown_ = found->empty() ? unknown_ + 1 : 0;
  if (!found->empty()) group_name_ = found->front().group;
  if (state_ != before) {
    welcomed_ = false;
    log::info("lifecycle_state", {{"group", group_name_}, {"state", state_}});
  }
  if (is_terminating(state_)) drain(kTerminated);
  switch (order().what) {
    case What::drain:
      if (group_waits_for_us_to_go() && !heartbeat_.planned()) heartbeat_.soon();
      if (has_left_) return farewell();
      // The hook begins to wait at a time of the group's own, and must not time out before that is
      // seen.
      return std::min(about(2 * kGroupSoon), hook_timeout() / 3);
    case What::end:
      return std::nullopt;
    default:
      if (auto done = welcome(); !done) return std::unexpected(done.error());
      return about(state_ == "InService" ? kGroupEvery : kGroupSoon);
  }
}

// The group does not say how things are: what can be done is done nevertheless.
Result<Chore::Next> Agent::without_state(const Error& error) {
  if (order().what != What::drain || group_name_.empty()) return std::unexpected(error);
  if (!heartbeat_.planned()) heartbeat_.soon();
  if (has_left_ && !from_pool() && complete(parts_.options.terminate_hook)) {
    return accepted();
  }
  return std::unexpected(error);
}

// The node serves, or is a spare one that is ready to be kept: the launch is complete.
Result<> Agent::welcome() {
  const bool serves = order().what == What::serve && serving_ && state_ == "Pending:Wait";
  const bool spare = order().what == What::wait && state_ == "Warmed:Pending:Wait";
  if (welcomed_ || !(serves || spare)) return {};
  auto done = complete(parts_.options.launch_hook);
  // One that came back from the group waits for the other hook.
  if (!done && done.error().code == Errc::not_found && spare) {
    done = complete(parts_.options.terminate_hook);
  }
  welcomed_ = done.has_value();
  return done || done.error().code == Errc::not_found ? Result<>() : done;
}

Result<> Agent::complete(const std::string& hook) {
  auto done = auto_scaling_.complete(group_name_, hook, instance_);
  if (done) log::info("lifecycle_action_completed", {{"group", group_name_}, {"hook", hook}});
  return done;
}

// The node has left. Once the group waits for that, it is told; before and after there is nothing
// to be told.
Result<Chore::Next> Agent::farewell() {
  if (group_waits_for_us_to_go()) {
    auto done = complete(parts_.options.terminate_hook);
    if (done) return accepted();
    if (done.error().code != Errc::not_found) return std::unexpected(done.error());
  }
  const bool in_pool = from_pool() && !state_.starts_with("Warmed:Pending");
  if (in_pool) return accepted();
  // Descriptions are eventually consistent: one that lacks us once says nothing.
  if (!from_pool() && (is_over(state_) || unknown_ >= kSurelyUnknown)) {
    end();
    return std::nullopt;
  }
  return about(kGroupSoon);
}

Result<Chore::Next> Agent::accepted() {
  if (!from_pool()) {
    end();
    return std::nullopt;
  }
  heartbeat_.stop();
  latch_ = {};
  has_left_ = false;
  set_order({What::wait});
  return about(kGroupSoon);
}

bool Agent::too_late() const {
  if (latch_.until_us) return wall_clock_us() >= *latch_.until_us + us_of(kSpare);
  return latch_.reason == kTerminated && loop_.now() - waits_since_ >= kCompleteFor;
}

Result<Chore::Next> Agent::record_heartbeat() {
  if (order().what != What::drain || group_name_.empty()) return std::nullopt;
  const std::string& hook = parts_.options.terminate_hook;
  const auto done = auto_scaling_.record_heartbeat(group_name_, hook, instance_);
  if (!done && done.error().code == Errc::not_found) return std::nullopt;
  if (!done) return std::unexpected(done.error());
  log::info("lifecycle_heartbeat", {{"group", group_name_}, {"hook", hook}});
  return hook_timeout() / 3;
}

// Asks for it until it is known.
Duration Agent::hook_timeout() {
  if (!hook_timeout_ && !group_name_.empty()) {
    const auto told = auto_scaling_.hook_timeout(group_name_, parts_.options.terminate_hook);
    if (told) hook_timeout_ = *told;
    // There is none, or it is nobody's business: asking again does not help.
    const bool never =
        !told && told.error().code != Errc::unavailable && told.error().code != Errc::timeout;
    if (never) hook_timeout_ = kHookTimeout;
  }
  return hook_timeout_.value_or(kHookTimeout);
}

// --- while it serves ---

Result<Chore::Next> Agent::publish() {
  std::optional<std::uint64_t> percent;
  {
    const std::lock_guard lock(node_mutex_);
    if (node_ == nullptr) return std::nullopt;
    percent = node_->utilisation();
  }
  if (percent && !group_name_.empty() && order().what == What::serve) {
    auto done = put_utilisation(api_, parts_.options.metrics_namespace, group_name_, *percent);
    if (!done) return std::unexpected(done.error());
  }
  return parts_.options.metrics_interval;
}

Result<Chore::Next> Agent::see_to_scale_in() {
  std::optional<std::vector<NodeLoad>> nodes;
  {
    const std::lock_guard lock(node_mutex_);
    if (node_ == nullptr) return std::nullopt;
    if (!group_name_.empty()) nodes = node_->to_choose_from();
  }
  if (nodes) {
    auto done = let_the_emptiest_go(auto_scaling_, group_name_, *nodes);
    if (!done) return std::unexpected(done.error());
  }
  return about(kScaleInEvery);
}

std::unique_ptr<Lifecycle> make_agent(const Options& options, const Environment& environment,
                                      EventLoop& loop, std::function<void()> news) {
  return std::make_unique<Agent>(
      loop, Agent::Parts{.options = options,
                         .environment = environment,
                         .http = std::make_unique<CurlHttp>(value_of(environment, "AWS_CA_BUNDLE")),
                         .boot = boot_id(),
                         .news = std::move(news)});
}

}  // namespace starling::cloud::aws
