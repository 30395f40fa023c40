// HttpService: HTTP/1.1 on the connections of one worker, for what operators and load balancers
// ask. Requests are short and are answered at once.
//
// Everything runs on the worker's loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "net/connection.h"

namespace starling::http {

struct Request {
  std::string method;
  std::string path;  // without the query
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
};

// By path. Each is called on any worker's loop, for GET and HEAD.
using Routes = std::map<std::string, std::function<Response(const Request&)>, std::less<>>;

class HttpService {
 public:
  HttpService(EventLoop& loop, std::shared_ptr<const Routes> routes);
  ~HttpService();
  HttpService(const HttpService&) = delete;
  HttpService& operator=(const HttpService&) = delete;

  // The connection has not begun to read yet, or reads from now on.
  void accept(std::shared_ptr<net::Connection> connection);
  // Drops all connections. New ones are closed at once.
  void shut_down();

 private:
  class Exchange;

  EventLoop& loop_;
  std::shared_ptr<const Routes> routes_;
  std::set<std::shared_ptr<Exchange>> exchanges_;
  bool shut_down_ = false;
};

}  // namespace starling::http
