// The directory of a cluster: what an entry takes, what a change is on the bus, and what a look-up
// costs.
//
//   cmake --preset bench && ninja -C build/bench homes_bench && build/bench/bench/homes_bench
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "cluster/homes.h"

namespace {

using starling::cluster::Decoder;
using starling::cluster::Encoder;
using starling::cluster::Homes;

constexpr std::int64_t kSince = 1'795'674'770'391'956;
constexpr std::int64_t kFrame = 1'000;  // changes

std::string account(std::int64_t number) {
  std::string digits = std::to_string(number);
  return "user" + std::string(8 - digits.size(), '0') + digits + "@example.org";
}

std::int64_t resident_bytes() {
  std::int64_t all = 0;
  std::int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

// Entries of another node, as they come in its changes.
std::unique_ptr<Homes> filled(std::int64_t entries) {
  auto homes = std::make_unique<Homes>();
  homes->begin(1);
  for (std::int64_t i = 0; i < entries; i += kFrame) {
    Encoder changes;
    changes.number(static_cast<std::uint64_t>(i) + 1);
    for (std::int64_t j = i; j < i + kFrame; ++j) {
      changes.number(0).number(kSince).text(account(j));
    }
    Decoder frame(changes.view());
    homes->on_changes(2, frame);
  }
  return homes;
}

void entry_bytes(benchmark::State& state) {
  for (auto unused : state) {
    const std::int64_t before = resident_bytes();
    const auto homes = filled(state.range(0));
    state.counters["bytes"] =
        static_cast<double>(resident_bytes() - before) / static_cast<double>(homes->size());
  }
}
BENCHMARK(entry_bytes)->Arg(1'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);

void change_bytes(benchmark::State& state) {
  Homes homes;
  homes.begin(1);
  std::int64_t number = 0;
  std::size_t bytes = 0;
  for (auto unused : state) {
    for (std::int64_t i = 0; i < kFrame; ++i) homes.claim(account(number++ % 10'000'000), kSince);
    for (const auto& frame : homes.take_changes()) bytes += frame.size();
  }
  state.counters["bytes"] = static_cast<double>(bytes) / static_cast<double>(number);
}
BENCHMARK(change_bytes)->Iterations(100);

void find(benchmark::State& state) {
  const auto homes = filled(state.range(0));
  std::int64_t number = 0;
  for (auto unused : state) {
    number = (number + 7'919) % state.range(0);
    benchmark::DoNotOptimize(homes->find(account(number)));
  }
}
BENCHMARK(find)->Arg(1'000)->Arg(1'000'000);

}  // namespace
