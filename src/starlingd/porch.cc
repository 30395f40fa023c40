#include "starlingd/porch.h"

#include <pthread.h>

#include <utility>

#include "starlingd/health.h"

namespace starling::starlingd {

Porch::Porch() {
  constexpr unsigned kNotYet = 503;
  auto routes = std::make_shared<http::Routes>(kNotYet);
  add_health_at_start(*routes);
  services_.push_back(std::make_unique<http::HttpService>(loop_, std::move(routes)));
}

Result<std::unique_ptr<Porch>> Porch::open(const std::shared_ptr<const config::Config>& config,
                                           const std::shared_ptr<net::TlsContext>& tls) {
  std::unique_ptr<Porch> porch(new Porch());
  for (const config::ListenOptions& listen : config->listen) {
    if (listen.module != "http" || listen.port == 0) continue;
    auto door = HttpListener::open({&porch->loop_}, porch->services_, config, listen, tls);
    if (!door) return std::unexpected(door.error());
    porch->doors_.push_back(std::move(*door));
  }
  porch->thread_ = std::thread([loop = &porch->loop_] { loop->run(); });
  pthread_setname_np(porch->thread_.native_handle(), "porch");
  return porch;
}

Porch::~Porch() {
  if (!thread_.joinable()) return;
  for (const auto& door : doors_) door->close();
  loop_.post([this] { services_.front()->shut_down([this] { loop_.stop(); }); });
  thread_.join();
}

}  // namespace starling::starlingd
