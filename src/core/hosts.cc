#include "core/hosts.h"

#include <utility>

namespace starling::core {

Hosts::Hosts(HostOptionsByName options, std::span<const Module* const> modules)
    : options_(std::move(options)) {
  for (const auto& [name, of_host] : options_) {
    auto host = std::make_unique<Host>(name, of_host);
    for (const Module* module : modules) module->setup(*host);
    names_.push_back(name);
    hosts_.emplace(name, std::move(host));
  }
}

const Host* Hosts::find(std::string_view domain) const {
  const auto found = hosts_.find(domain);
  return found == hosts_.end() ? nullptr : found->second.get();
}

}  // namespace starling::core
