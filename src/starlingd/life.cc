#include "starlingd/life.h"

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/version.h"
#include "starlingd/process.h"
#include "starlingd/quickstart.h"

namespace starling::starlingd {

namespace {

using cloud::Order;
using What = cloud::Order::What;

constexpr int kFailed = 1;
constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 100'000'000};
constexpr timespec kRest{.tv_sec = 5, .tv_nsec = 0};  // the unit's WatchdogSec is longer
constexpr std::chrono::seconds kLastWord{10};         // to the provider, after a signal

// The end came, but something hangs: its threads make an orderly exit impossible. What was
// acknowledged is on disk.
[[noreturn]] void give_up() {
  log::error("stop_failed", {{"advice", "a disk that does not answer? Ended without waiting"}});
  std::_Exit(kFailed);
}

// What systemd's WatchdogSec asks for: twice in its time, so that one late round is forgiven.
void watch_for_systemd(Node& node) {
  std::uint64_t patience_us = 0;
  if (::sd_watchdog_enabled(0, &patience_us) <= 0) return;
  node.watch(std::chrono::microseconds(patience_us) / 2, [] { ::sd_notify(0, "WATCHDOG=1"); });
}

bool ends(int signal) {
  return signal == SIGTERM || signal == SIGINT;
}

const char* name_of(int signal) {
  return signal == SIGINT ? "SIGINT" : "SIGTERM";
}

void log_stopping(int signal) {
  if (signal == kLeave) return log::info("stopping", {{"reason", "a command"}});
  log::info("stopping", {{"signal", name_of(signal)}});
}

}  // namespace

Life::Life(const config::Config& config, const config::Environment& environment, Node::Load load)
    : config_(config),
      load_(std::move(load)),
      signals_(block_signals()),
      cloud_(config, environment, [] { ::kill(::getpid(), kNews); }) {}

int Life::run(bool greet) {
  for (;;) {
    const What what = cloud_->order().what;
    if (what == What::end) break;
    if (what == What::serve) {
      if (const auto code = serve(greet)) return *code;
      continue;
    }
    if (what == What::drain) cloud_->left();  // nothing is here, or nothing any more
    if (!rest_while(what)) break;
  }
  log::info("stopped");
  return 0;
}

// False if a signal ends it.
bool Life::rest_while(What what) {
  if (signalled_ && what != What::drain) return false;
  const Deadline last_word(kLastWord);
  if (what != What::unknown && !std::exchange(ready_, true)) ::sd_notify(0, "READY=1");
  while (cloud_->order().what == what) {
    if (const int signal = ::sigtimedwait(&signals_, nullptr, &kRest); ends(signal)) {
      log_stopping(signal);
      return false;
    }
    if (signalled_ && last_word.passed()) return false;
    ::sd_notify(0, "WATCHDOG=1");
  }
  return true;
}

// nullopt: it has left as the provider said; else the exit code.
std::optional<int> Life::serve(bool greet) {
  heard_ = 0;
  Node node(config_, [] { ::kill(::getpid(), kLeave); }, load_, cloud_->identity());
  if (auto started = node.start(); !started) {
    log::error("start_failed", {{"error", started.error().message}});
    if (!node.stop()) give_up();
    return kFailed;
  }
  log::info("node_ready", {{"version", kVersionText}, {"pid", ::getpid()}});
  if (greet) quickstart_greeting(node, config_);
  ::sd_notify(0, "READY=1");
  ready_ = true;
  watch_for_systemd(node);
  cloud_->serving(node.view());
  const Order order = serve_until_told(node);
  cloud_->leaving();
  {
    const std::jthread ear(
        [&](const std::stop_token& over) { listen_while_leaving(node, order, over); });
    if (!node.stop(order)) give_up();
  }
  if (order.what != What::unknown) return std::nullopt;
  log::info("stopped");
  return 0;
}

// What ends it; unknown: a signal, or a command.
Order Life::serve_until_told(Node& node) {
  for (;;) {
    if (Order order = cloud_->order(); order.what != What::serve) {
      log::info("stopping", {{"reason", order.reason}});
      return order;
    }
    int signal = 0;
    if (::sigwait(&signals_, &signal) != 0) continue;
    if (ends(signal) || signal == kLeave) {
      log_stopping(signal);
      heard_ += ends(signal) ? 1 : 0;
      // Of a machine that goes systemd knows nothing, and does not limit the time.
      ::sd_notify(0, "STOPPING=1");
      return {};
    }
    if (signal != SIGHUP) continue;
    ::sd_notify(0, "RELOADING=1");
    node.run_on_first_worker([&node](core::Server&) -> Task<void> {
      static_cast<void>(co_await node.reload());  // the log says how it went
    });
    ::sd_notify(0, "READY=1");
  }
}

// While the node stops. The first signal when the machine is to go gives it the time that any
// signal gives; when a command has, it changes nothing: Kubernetes, say, sends one behind its
// preStop hook. Another one ends its sessions without waiting for a good moment, yet another the
// process: nothing that was acknowledged is lost by any of them.
void Life::listen_while_leaving(Node& node, const Order& order, const std::stop_token& over) {
  auto until_us = order.until_us;
  while (!over.stop_requested()) {
    const int signal = ::sigtimedwait(&signals_, nullptr, &kLook);
    if (const auto now = cloud_->order(); now.until_us && now.until_us != until_us) {
      until_us = now.until_us;
      node.press(std::chrono::floor<std::chrono::seconds>(
          std::chrono::microseconds(*until_us - wall_clock_us())));
    }
    if (ends(signal) || signal == kLeave) signalled_ = true;
    if (!ends(signal)) continue;
    switch (heard_++) {
      case 0:
        log_stopping(signal);
        if (order.what != What::unknown) node.press(config_.drain.deadline);
        break;
      case 1:
        log::warning("stopping_at_once", {{"signal", name_of(signal)}});
        node.hurry();
        break;
      default:
        std::_Exit(kFailed);
    }
  }
}

}  // namespace starling::starlingd
