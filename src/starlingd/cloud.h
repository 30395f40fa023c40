// Cloud: what the process and the provider of its machine have to do with each other, on a thread
// of its own where the provider has to be asked.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "cloud/lifecycle.h"
#include "config/config.h"
#include "config/load.h"
#include "net/io_loop.h"

namespace starling::starlingd {

class Cloud {
 public:
  // `news`: see cloud::make_lifecycle.
  Cloud(const config::Config& config, const config::Environment& environment,
        std::function<void()> news);
  ~Cloud();
  Cloud(const Cloud&) = delete;
  Cloud& operator=(const Cloud&) = delete;

  cloud::Lifecycle* operator->() { return lifecycle_.get(); }

 private:
  std::unique_ptr<net::IoLoop> loop_;  // nullptr: there is nobody to ask
  std::unique_ptr<cloud::Lifecycle> lifecycle_;
  std::thread thread_;
};

}  // namespace starling::starlingd
