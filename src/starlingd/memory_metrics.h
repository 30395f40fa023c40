// MemoryMetrics: what takes the memory of this node, part by part, as metrics.
//
// All of it is there already when it is asked for, so asking holds up nobody. What is counted in
// bytes, and what is a number of things times what one of them was measured to take, says
// docs/metrics.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/metrics.h"
#include "core/server.h"
#include "stream/c2s_service.h"

namespace starling::starlingd {

class MemoryMetrics {
 public:
  using Services = std::vector<std::unique_ptr<stream::C2sService>>;

  // Both outlive it.
  MemoryMetrics(core::Server& server, const Services& services);

 private:
  using Bytes = std::function<std::uint64_t()>;
  void add(const char* subsystem, Bytes bytes);
  // Of all workers together.
  [[nodiscard]] stream::StreamMemory held() const;
  void add_streams();
  void add_accounts();

  core::Server& server_;
  const Services& services_;
  std::vector<std::unique_ptr<metrics::Observed>> parts_;
};

}  // namespace starling::starlingd
