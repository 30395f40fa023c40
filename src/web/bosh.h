// Bosh: a node's BOSH sessions, by their ids. Requests find theirs from any worker.
//
// A session is known on its own node only: load balancers have to send a client to the same node
// again, or it is told that its session is not there, and makes a new one.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/task.h"
#include "http/message.h"
#include "stream/c2s_service.h"
#include "web/bosh_session.h"
#include "web/web.h"

namespace starling::web {

class Bosh : public std::enable_shared_from_this<Bosh> {
 public:
  // POST, and OPTIONS for pages of other origins.
  [[nodiscard]] Task<http::Response> answer(http::Request request, Listener listener,
                                            stream::C2sService& here);

 private:
  [[nodiscard]] std::shared_ptr<BoshSession> find(const std::string& sid);
  std::shared_ptr<BoshSession> create(const http::Request& request, const BoshRequest& first,
                                      const Listener& listener, stream::C2sService& here);

  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<BoshSession>> sessions_;  // guarded by mutex_
};

}  // namespace starling::web
