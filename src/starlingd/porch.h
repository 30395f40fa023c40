// Porch: what answers on a node's ports for HTTP while it starts: that it lives, and that nobody
// should come yet. A node may have to wait for its database, and for the others of its cluster.
//
// On a loop and a thread of its own, since nothing of the node is there yet. When the node is, it
// takes the porch away and opens its own listeners.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "http/http_service.h"
#include "net/io_loop.h"
#include "net/tls.h"
#include "starlingd/http_listener.h"

namespace starling::starlingd {

class Porch {
 public:
  // On all ports for HTTP that can be known beforehand. Errors: of net::Listener::open.
  static Result<std::unique_ptr<Porch>> open(const std::shared_ptr<const config::Config>& config,
                                             const std::shared_ptr<net::TlsContext>& tls);
  // Nobody listens on the ports any more.
  ~Porch();
  Porch(const Porch&) = delete;
  Porch& operator=(const Porch&) = delete;

 private:
  Porch();

  net::IoLoop loop_;
  std::vector<std::unique_ptr<http::HttpService>> services_;  // one
  std::vector<std::unique_ptr<HttpListener>> doors_;
  std::thread thread_;
};

}  // namespace starling::starlingd
