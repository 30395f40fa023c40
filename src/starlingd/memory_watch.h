// MemoryWatch: once a second compares the memory in use with what the node may have, and sheds
// sessions when there is far too much (core/memory_budget.h). Belongs to worker 0.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/task.h"
#include "base/thread_pool.h"
#include "core/server.h"
#include "stream/c2s_service.h"

namespace starling::starlingd {

class MemoryWatch {
 public:
  using Services = std::vector<std::unique_ptr<stream::C2sService>>;

  // All must outlive the loops' last turn, as must this.
  MemoryWatch(core::Server& server, ThreadPool& pool, Services& services)
      : server_(server), pool_(pool), services_(services) {}

  // `max_memory` as in the configuration: bytes, 0 for a share of what the system lets us have. Any
  // thread, at any time.
  void set_max(std::uint64_t max_memory);
  // Begins. On worker 0's thread, once; it ends with the worker's gate.
  void start();

 private:
  void later();
  Task<void> look();
  Task<void> shed(std::uint64_t surplus);

  core::Server& server_;
  ThreadPool& pool_;
  Services& services_;
  unsigned looks_ = 0;
};

}  // namespace starling::starlingd
