#include "starlingd/memory_metrics.h"

#include <cstddef>
#include <utility>

#include "base/memory.h"
#include "cluster/cluster.h"
#include "core/roster.h"
#include "core/worker.h"
#include "store/store.h"

namespace starling::starlingd {

namespace {

// Bytes, as measured: docs/performance.md, "What an idle session is made of".
constexpr std::uint64_t kConnection = 464;  // and its stream
constexpr std::uint64_t kTls = 15 * 1'024;  // OpenSSL's part
constexpr std::uint64_t kAccount = 296;     // its place in the directory, and JIDs
constexpr std::uint64_t kSession = 320;     // and its presence
constexpr std::uint64_t kHome = 165;        // docs/scaling.md

// Of all workers.
template <class Of>
std::uint64_t sum(core::Server& server, const Of& of) {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < server.worker_count(); ++i) all += of(server.worker(i));
  return all;
}

}  // namespace

MemoryMetrics::MemoryMetrics(core::Server& server, const Services& services)
    : server_(server), services_(services) {
  add("allocator", allocators_memory);
  add("store", [this] { return server_.store().memory().caches; });
  add("store_writes", [this] { return server_.store().memory().writes; });
  add("journal", [this] {
    return sum(server_, [](core::Worker& worker) { return worker.journal().bytes(); });
  });
  add_streams();
  add_accounts();
  if (server.cluster() == nullptr) return;
  add("links", [this] { return server_.cluster()->waiting_bytes(); });
  add("homes", [this] { return server_.cluster()->homes().size() * kHome; });
}

void MemoryMetrics::add_streams() {
  add("connections", [this] { return held().streams * kConnection; });
  add("tls", [this] { return held().secure * kTls; });
  add("client_queues", [this] { return held().queued; });
  add("unacknowledged", [this] { return held().unacknowledged; });
  add("in_hand", [this] { return held().in_hand; });
}

void MemoryMetrics::add_accounts() {
  add("accounts", [this] {
    return sum(server_, [](core::Worker& worker) {
      const core::Directory& directory = worker.directory();
      return directory.account_count() * kAccount + directory.session_count() * kSession;
    });
  });
  add("rosters", core::bytes_of_rosters);
}

void MemoryMetrics::add(const char* subsystem, Bytes bytes) {
  parts_.push_back(std::make_unique<metrics::Observed>(
      "starling_memory_bytes", "Memory by what takes it; docs/metrics.md says what is reckoned",
      metrics::Labels{{"subsystem", subsystem}},
      [bytes = std::move(bytes)] { return static_cast<double>(bytes()); }));
}

stream::StreamMemory MemoryMetrics::held() const {
  stream::StreamMemory all;
  for (const auto& service : services_) {
    const auto held = service->held();
    all.streams += held.streams;
    all.secure += held.secure;
    all.queued += held.queued;
    all.unacknowledged += held.unacknowledged;
    all.in_hand += held.in_hand;
  }
  return all;
}

}  // namespace starling::starlingd
