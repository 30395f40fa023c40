// HttpService: HTTP/1.1 (RFC 9112) on the connections of one worker: reads requests, hands each to
// its route, writes answers. Requests of one connection are answered one after the other.
//
// Everything runs on the worker's loop.
#pragma once

#include <any>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/task.h"
#include "http/routes.h"
#include "net/connection.h"

namespace starling::http {

// What one listener grants.
struct HttpOptions {
  std::size_t max_header = 16'384;   // bytes; more is answered with 431
  std::size_t max_body = 1'048'576;  // bytes; more is answered with 413
  // From one answer, read by the client, to the end of the next request.
  std::chrono::seconds patience{30};
  std::set<std::string> services;  // whose routes are there; empty: all
  // Whether this address is a proxy's whose X-Forwarded-For and -Proto count; unset: none is.
  std::function<bool(std::string_view address)> trusts_proxy;
  std::any attachment;  // what handlers find in Request::attachment
};

class HttpService {
 public:
  HttpService(EventLoop& loop, std::shared_ptr<const Routes> routes);
  ~HttpService();
  HttpService(const HttpService&) = delete;
  HttpService& operator=(const HttpService&) = delete;

  // The connection has not begun to read yet, or reads from now on.
  void accept(std::shared_ptr<net::Connection> connection,
              std::shared_ptr<const HttpOptions> options);
  // Drops all connections but those that speak another protocol by now; `done` runs when no handler
  // is at work any more. New ones are closed at once.
  void shut_down(Callback done);

 private:
  class Exchange;
  class Chunks;

  EventLoop& loop_;
  std::shared_ptr<const Routes> routes_;
  Gate gate_;
  std::set<std::shared_ptr<Exchange>> exchanges_;
  bool shut_down_ = false;
};

}  // namespace starling::http
