// NatsConnection: one connection of libnats, with subscriptions that live as long as it does.
//
// It reconnects by itself, to the same servers, for as long as it exists. Opening, publishing and
// closing may block for some hundred milliseconds: it is used on a thread of its own.
#pragma once

#include <nats/nats.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace starling::bus {

struct MessageFree {
  void operator()(natsMsg* message) const { natsMsg_Destroy(message); }
};
using Message = std::unique_ptr<natsMsg, MessageFree>;

class NatsConnection {
 public:
  // Called on threads of libnats; each must return soon.
  struct Events {
    std::function<void(Message)> message;
    std::function<void()> connected;
    std::function<void(std::string error)> disconnected;
    // It has given up, as after two refused passwords. There is nothing to do but to open another.
    std::function<void(std::string error)> closed;
    std::function<void(std::string error)> failed;  // anything else, for people
  };

  // Succeeds when the servers cannot be reached, too: `connected` comes when they can.
  // Errors: invalid (as a URL that is none), unavailable.
  static Result<std::unique_ptr<NatsConnection>> open(const std::vector<std::string>& urls,
                                                      const std::string& user,
                                                      const std::string& password,
                                                      const std::vector<std::string>& subjects,
                                                      Events events);
  // Afterwards there is no event any more.
  ~NatsConnection();
  NatsConnection(const NatsConnection&) = delete;
  NatsConnection& operator=(const NatsConnection&) = delete;

  // False if the message is lost for certain.
  bool publish(const std::string& subject, std::string_view bytes);

 private:
  struct State;

  explicit NatsConnection(std::unique_ptr<State> state);
  natsStatus dial(natsOptions* options);
  natsStatus subscribe(const std::string& subject);

  std::unique_ptr<State> state_;
  natsConnection* connection_ = nullptr;
  std::vector<natsSubscription*> subscriptions_;
};

}  // namespace starling::bus
