#include "core/server.h"

#include <charconv>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "cluster/cluster.h"
#include "core/messages_lost.h"
#include "core/operations.h"
#include "core/secrets.h"

namespace starling::core {

namespace {

HostOptionsByName all_with(const std::vector<std::string>& hosts,
                           const config::HostOptions& options) {
  HostOptionsByName by_name;
  for (const auto& host : hosts) by_name.emplace(host, options);
  return by_name;
}

}  // namespace

Server::Server(store::Store& store, ThreadPool& pool, HostOptionsByName hosts,
               std::span<const Module* const> modules, const std::vector<EventLoop*>& loops)
    : store_(store),
      authenticator_(store, pool),
      modules_(modules.begin(), modules.end()),
      current_hosts_(std::make_shared<const Hosts>(std::move(hosts), modules_)),
      hosts_(current_hosts_.get()),
      started_at_us_(wall_clock_us()) {
  add_operations(procedures_);
  for (std::size_t i = 0; i < loops.size(); ++i) {
    workers_.push_back(std::make_unique<Worker>(*this, i, *loops[i]));
  }
  set_journal_size(config::JournalOptions().size);
  static_cast<void>(messages_lost());  // counted from 0: who looks at the metrics sees the first
}

void Server::set_journal_size(std::uint32_t entries) {
  const std::size_t workers = workers_.size();
  for (const auto& worker : workers_) worker->journal().keep((entries + workers - 1) / workers);
}

Server::Server(store::Store& store, ThreadPool& pool, const std::vector<std::string>& hosts,
               std::span<const Module* const> modules, const std::vector<EventLoop*>& loops,
               const config::HostOptions& options)
    : Server(store, pool, all_with(hosts, options), modules, loops) {}

Task<Result<>> Server::prepare() {
  if (auto prepared = co_await authenticator_.prepare(); !prepared) co_return prepared;
  auto secret = co_await shared_secret(store_.maps(), "archive-uid-secret",
                                       random_bytes(ArchiveUid::kSecretBytes));
  if (!secret) co_return std::unexpected(secret.error());
  const auto clocks = co_await store_.maps().scan("", std::string(Archive::kClockMap));
  if (!clocks) co_return std::unexpected(clocks.error());
  ArchiveId latest = 0;
  for (const auto& [unused, value] : *clocks) {
    ArchiveId id = 0;
    std::from_chars(value.data(), value.data() + value.size(), id);
    latest = std::max(latest, id);
  }
  for (const auto& worker : workers_) {
    worker->archive().begin(*secret, latest);
    if (cluster_ != nullptr) continue;  // then it is when this node has joined
    worker->loop().post([at = worker.get()] { at->parking().watch_all(); });
  }
  co_return Result<>{};
}

std::int64_t Server::clock_us(TimePoint now) const {
  return cluster_ == nullptr ? wall_clock_us() : cluster_->clock_us(now);
}

void Server::replace_hosts(HostOptionsByName hosts) {
  const auto former =
      std::exchange(current_hosts_, std::make_shared<const Hosts>(std::move(hosts), modules_));
  hosts_.store(current_hosts_.get(), std::memory_order_release);
  for (const auto& worker : workers_) {
    worker->loop().post([at = worker.get(), former] {
      at->end_sessions_of_hosts_gone();
      at->gate().after_present([former] {});  // what uses them still has left: they may go
    });
  }
}

std::int64_t Server::session_count(std::string_view host) const {
  std::lock_guard lock(counts_mutex_);
  const auto found = counts_by_host_.find(host);
  return found == counts_by_host_.end() ? 0 : found->second;
}

bool Server::add_session(std::string_view host, std::uint32_t most) {
  std::lock_guard lock(counts_mutex_);
  std::int64_t& count = counts_by_host_.try_emplace(std::string(host)).first->second;
  if (most != 0 && count >= most) return false;
  ++count;
  ++session_count_;
  return true;
}

void Server::remove_session(std::string_view host) {
  std::lock_guard lock(counts_mutex_);
  const auto found = counts_by_host_.find(host);
  --session_count_;
  if (--found->second == 0) counts_by_host_.erase(found);
}

}  // namespace starling::core
