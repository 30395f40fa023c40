#include "starlingd/memory_watch.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/memory.h"
#include "base/run_on.h"

namespace starling::starlingd {

namespace {

constexpr std::chrono::seconds kInterval{1};
constexpr std::uint64_t kTrimAbove = 85;  // per cent of the maximum
constexpr unsigned kTrimEvery = 5;        // looks
constexpr std::size_t kAtOnce = 1'000;    // sessions of one worker

}  // namespace

void MemoryWatch::set_max(std::uint64_t max_memory) {
  server_.memory_budget().set_max(max_memory != 0 ? max_memory
                                                  : core::MemoryBudget::share_of(allowed_memory()));
}

void MemoryWatch::start() {
  later();
}

void MemoryWatch::later() {
  core::Worker& worker = server_.worker(0);
  worker.loop().run_after(kInterval, [this, &worker] { worker.gate().spawn(look()); });
}

Task<void> MemoryWatch::look() {
  core::MemoryBudget& budget = server_.memory_budget();
  std::uint64_t resident = resident_memory();
  core::MemoryBudget::Stage stage = budget.update(resident);
  if (looks_++ % kTrimEvery == 0 && budget.max() != 0 &&
      resident > budget.max() / 100 * kTrimAbove) {
    // What was freed is often still ours: nobody must be ended for that.
    const auto trim = [] {
      return_free_memory();
      return resident_memory();
    };
    resident = co_await pool_.run(trim);
    stage = budget.update(resident);
  }
  if (stage == core::MemoryBudget::Stage::shedding) {
    co_await shed(budget.surplus());
    looks_ = 0;  // so that it shows at the next look
  }
  later();
}

// The largest of all workers, until their bytes make up for the surplus. What that brings is seen a
// second later.
Task<void> MemoryWatch::shed(std::uint64_t surplus) {
  struct Candidate {
    std::size_t worker;
    stream::C2sService::Load load;
  };
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    const auto find = [service = services_[i].get()] { return service->heaviest(kAtOnce); };
    auto loads = co_await run_on(server_.worker(i).loop(), find);
    for (auto& load : loads) candidates.push_back({i, std::move(load)});
  }
  std::ranges::sort(candidates, std::ranges::greater(),
                    [](const Candidate& candidate) { return candidate.load.bytes; });
  for (Candidate& candidate : candidates) {
    if (surplus == 0) co_return;
    surplus -= std::min<std::uint64_t>(surplus, candidate.load.bytes);
    stream::C2sService* service = services_[candidate.worker].get();
    server_.worker(candidate.worker).loop().post([service, load = std::move(candidate.load)] {
      service->shed(load);
    });
  }
}

}  // namespace starling::starlingd
