#include "core/server.h"

#include "base/clock.h"

namespace starling::core {

Server::Server(store::Store& store, ThreadPool& pool, const std::vector<std::string>& hosts,
               std::span<const Module* const> modules, const std::vector<EventLoop*>& loops)
    : store_(store),
      authenticator_(store, pool),
      host_names_(hosts),
      started_at_us_(wall_clock_us()) {
  for (const auto& name : host_names_) {
    auto host = std::make_unique<Host>(name);
    for (const Module* module : modules) module->setup(*host);
    const std::string_view key = host->name();
    hosts_.emplace(key, std::move(host));
  }
  for (std::size_t i = 0; i < loops.size(); ++i) {
    workers_.push_back(std::make_unique<Worker>(*this, i, *loops[i]));
  }
}

const Host* Server::host(std::string_view domain) const {
  const auto found = hosts_.find(domain);
  return found == hosts_.end() ? nullptr : found->second.get();
}

}  // namespace starling::core
