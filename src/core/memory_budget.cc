#include "core/memory_budget.h"

#include <algorithm>

#include "base/log.h"

namespace starling::core {

namespace {

using Stage = MemoryBudget::Stage;

// Per cent of the maximum.
struct Threshold {
  std::uint64_t enter;
  std::uint64_t leave;
};
constexpr Threshold kRefusing{90, 85};
constexpr Threshold kShedding{97, 93};

bool holds(const Threshold& threshold, bool now, std::uint64_t resident, std::uint64_t max) {
  return resident > max / 100 * (now ? threshold.leave : threshold.enter);
}

}  // namespace

MemoryBudget::MemoryBudget()
    : resident_(metrics::gauge("starling_resident_memory_bytes", "Memory in use")),
      stage_gauge_(metrics::gauge("starling_memory_stage",
                                  "0 normal, 1 new sessions are refused, 2 sessions are shed")),
      max_gauge_(metrics::gauge("starling_max_memory_bytes", "Memory that may be used")),
      refused_(metrics::counter("starling_memory_refusals_total",
                                "Connections and sessions refused for want of memory")) {}

Stage MemoryBudget::update(std::uint64_t resident) {
  const std::uint64_t max = max_;
  const Stage before = stage_;
  Stage now = Stage::normal;
  if (max != 0 && holds(kShedding, before == Stage::shedding, resident, max)) {
    now = Stage::shedding;
  } else if (max != 0 && holds(kRefusing, before != Stage::normal, resident, max)) {
    now = Stage::refusing;
  }
  const std::uint64_t enough = max / 100 * kShedding.leave;
  surplus_ = now == Stage::shedding ? resident - std::min(resident, enough) : 0;
  stage_ = now;
  resident_.set(static_cast<std::int64_t>(resident));
  max_gauge_.set(static_cast<std::int64_t>(max));
  stage_gauge_.set(static_cast<std::int64_t>(now));
  if (now != before) {
    const log::Fields fields = {
        {"stage", to_string(now)}, {"resident_bytes", resident}, {"max_bytes", max}};
    now == Stage::normal ? log::info("memory_pressure", fields)
                         : log::warning("memory_pressure", fields);
  }
  return now;
}

bool MemoryBudget::refuses_session() {
  if (stage_ == Stage::normal) return false;
  refused_.add();
  return true;
}

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::normal:
      return "normal";
    case Stage::refusing:
      return "refusing";
    case Stage::shedding:
      return "shedding";
  }
  return "normal";
}

}  // namespace starling::core
