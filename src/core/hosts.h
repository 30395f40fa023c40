// Hosts: the virtual hosts that are served at one time, each with its options and modules set up.
//
// Frozen once made. A reload makes new Hosts and lets the Server use them from then on
// (Server::replace_hosts); what is under way goes on with the Host it began with.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"
#include "core/module.h"

namespace starling::core {

using HostOptionsByName = std::map<std::string, config::HostOptions, std::less<>>;

class Hosts {
 public:
  // Keys are prepared domains; `modules` are set up for each of them, in order.
  Hosts(HostOptionsByName options, std::span<const Module* const> modules);

  // nullptr if it is not served.
  [[nodiscard]] const Host* find(std::string_view domain) const;
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  const HostOptionsByName options_;
  std::vector<std::string> names_;
  std::map<std::string_view, std::unique_ptr<Host>, std::less<>> hosts_;
};

}  // namespace starling::core
