#include "core/server.h"

#include <charconv>
#include <utility>

#include "base/clock.h"
#include "base/random.h"

namespace starling::core {

Server::Server(store::Store& store, ThreadPool& pool, const std::vector<std::string>& hosts,
               std::span<const Module* const> modules, const std::vector<EventLoop*>& loops,
               config::HostOptions options)
    : options_(std::move(options)),
      store_(store),
      authenticator_(store, pool),
      host_names_(hosts),
      started_at_us_(wall_clock_us()) {
  for (const auto& name : host_names_) {
    auto host = std::make_unique<Host>(name, options_);
    for (const Module* module : modules) module->setup(*host);
    const std::string_view key = host->name();
    hosts_.emplace(key, std::move(host));
  }
  for (std::size_t i = 0; i < loops.size(); ++i) {
    workers_.push_back(std::make_unique<Worker>(*this, i, *loops[i]));
  }
}

Task<Result<>> Server::prepare() {
  if (auto prepared = co_await authenticator_.prepare(); !prepared) co_return prepared;
  const std::string map = "server";
  const std::string key = "archive-uid-secret";
  auto secret = co_await store_.maps().get("", map, key);
  if (!secret) co_return std::unexpected(secret.error());
  if (!*secret || (**secret).size() != ArchiveUid::kSecretBytes) {
    *secret = random_bytes(ArchiveUid::kSecretBytes);
    std::vector<store::Change> changes(1);
    changes[0].map = map;
    changes[0].key = key;
    changes[0].value = *secret;
    auto stored = co_await store_.maps().apply("", std::move(changes));
    if (!stored) co_return stored;
  }
  const auto clocks = co_await store_.maps().scan("", std::string(Archive::kClockMap));
  if (!clocks) co_return std::unexpected(clocks.error());
  ArchiveId latest = 0;
  for (const auto& [unused, value] : *clocks) {
    ArchiveId id = 0;
    std::from_chars(value.data(), value.data() + value.size(), id);
    latest = std::max(latest, id);
  }
  for (const auto& worker : workers_) worker->archive().begin(**secret, latest);
  co_return Result<>{};
}

const Host* Server::host(std::string_view domain) const {
  const auto found = hosts_.find(domain);
  return found == hosts_.end() ? nullptr : found->second.get();
}

}  // namespace starling::core
