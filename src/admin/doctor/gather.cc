#include "admin/doctor/gather.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "admin/doctor/gather_parts.h"
#include "base/clock.h"
#include "base/thread_pool.h"
#include "core/archive.h"

namespace starling::admin::doctor {

namespace {

// How far in the future the newest archived message is, in seconds.
Task<std::int64_t> behind_store(store::Store& store) {
  const auto clocks = co_await store.maps().scan("", std::string(core::Archive::kClockMap));
  std::int64_t newest_us = 0;
  for (const auto& clock : clocks ? *clocks : std::vector<store::Entry>{}) {
    core::ArchiveId id = 0;
    std::from_chars(clock.value.data(), clock.value.data() + clock.value.size(), id);
    newest_us = std::max(newest_us, core::archive_time_us(id));
  }
  co_return std::max<std::int64_t>(0, (newest_us - wall_clock_us()) / 1'000'000);
}

}  // namespace

Task<Facts> gather(config::Config config, std::vector<ListenerFacts> listeners,
                   std::uint64_t max_memory, store::Store& store) {
  // Not the pool of the log-ins: nobody shall wait for a name server.
  ThreadPool pool(1, "starling-doctor");
  auto ask = [config = std::move(config), listeners = std::move(listeners), max_memory]() mutable {
    Facts facts;
    facts.hosts = config.hosts;
    facts.certificates = ask_certificates(config);
    facts.listeners = std::move(listeners);
    for (auto& listener : facts.listeners) ask_port(listener, config.hosts.front());
    facts.dns = ask_records(config);
    facts.files = ask_files(config);
    facts.clock = ask_clock();
    facts.disk = ask_disk(config);
    facts.memory = ask_memory(max_memory);
    facts.versions = ask_versions();
    return facts;
  };
  Facts facts = co_await pool.run(std::move(ask));
  facts.clock.behind_store_s = co_await behind_store(store);
  facts.disk.failed_writes = store.stats().unavailable;
  co_return facts;
}

}  // namespace starling::admin::doctor
