#include "cloud/chore.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/random.h"

namespace starling::cloud {

namespace {

constexpr std::chrono::minutes kTellEvery{1};

Duration at_random_below(Duration bound) {
  return Duration(
      static_cast<Duration::rep>(random_u64() % static_cast<std::uint64_t>(bound.count() + 1)));
}

}  // namespace

Duration about(Duration time) {
  return time - time / 5 + at_random_below(time * 2 / 5);
}

void Chore::soon(Duration in) {
  stopped_ = false;
  if (timer_ != 0 && due_ <= loop_.now() + in) return;
  plan(in);
}

void Chore::stop() {
  stopped_ = true;
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
}

void Chore::plan(Duration in) {
  if (timer_ != 0) loop_.cancel(timer_);
  due_ = loop_.now() + in;
  timer_ = loop_.run_after(in, [this] { run(); });
}

void Chore::run() {
  timer_ = 0;
  stopped_ = false;
  const auto next = work_();
  if (!next) {
    tell(next.error());
    ++failures_;
    const auto doublings = std::min<std::uint64_t>(failures_, 10);
    const Duration bound = std::min<Duration>(kLastRetry, kFirstRetry * (1U << doublings) / 2);
    if (!stopped_ && timer_ == 0) plan(at_random_below(bound));
    return;
  }
  if (failures_ > 0) {
    log::info("cloud_call_succeeded", {{"what", what_}, {"failures", failures_}});
    failures_ = untold_ = 0;
  }
  if (!stopped_ && *next) soon(**next);
}

void Chore::tell(const Error& error) {
  if (failures_ > 0 && loop_.now() - told_ < kTellEvery) {
    ++untold_;
    return;
  }
  told_ = loop_.now();
  log::warning(
      "cloud_call_failed",
      {{"what", what_}, {"error", error.message}, {"not_logged", std::exchange(untold_, 0)}});
}

}  // namespace starling::cloud
