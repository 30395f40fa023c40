// Routes: which handler answers which path.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/task.h"
#include "http/message.h"

namespace starling::http {

// Runs on the loop of whichever worker has the connection.
using Handler = std::function<Task<Response>(Request)>;

struct Route {
  std::string service;  // what a listener may leave out: "metrics"
  std::set<std::string, std::less<>>
      methods;  // with GET goes HEAD, whose answer is sent without its body
  Handler handler;
};

class Routes {
 public:
  // `missing`: the status of what has no route.
  explicit Routes(unsigned missing = 404) : missing_(missing) {}

  // A path that ends in "/" is for all that is below it as well; the longest path that fits counts.
  void add(std::string path, Route route) { routes_[std::move(path)] = std::move(route); }
  // nullptr if there is none.
  [[nodiscard]] const Route* find(std::string_view path) const;
  [[nodiscard]] unsigned missing() const { return missing_; }

 private:
  const unsigned missing_;
  std::map<std::string, Route, std::less<>> routes_;
};

}  // namespace starling::http
