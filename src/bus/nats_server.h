// NatsServer: a nats-server of this node's own, as a child process that is kept running.
//
// Only this node is its client, over loopback. The servers of a cluster connect to each other, by
// mutual TLS with certificates of one authority and a common secret. One thread starts the child,
// watches it, and starts it again when it exits. Thread-safe.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace starling::bus {

struct NatsServerOptions {
  std::string program;           // "": nats-server, where programs usually are
  std::string folder;            // for its files; made with mode 0700 if it is not there
  std::string ip;                // where other nodes reach this one
  std::uint16_t route_port = 0;  // 0: some free one
  std::string name;              // unique for ever: it must differ at every start of the node
  std::string cluster = "starling";
  std::string secret;  // the cluster's; [A-Za-z0-9_-] only
  // PEM: of this node, for `ip`, and of the authority that all nodes trust.
  std::string certificate;
  std::string key;
  std::string authority;
  // Changed routes are taken up once they have not changed for so long, and no sooner after a
  // start. See set_routes().
  std::chrono::milliseconds quiet{2'000};
};

class NatsServer {
 public:
  explicit NatsServer(NatsServerOptions options);
  ~NatsServer();  // as stop()
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;

  // Called on a thread of the server's when it serves its client at another port than before:
  // somebody else had taken that one. nullptr ends it: afterwards there is no call any more.
  void on_moved(std::function<void(std::string url)> moved);

  // Waits until it serves, for ten seconds at most. Once in an object's life. Errors: invalid (an
  // option), exists (somebody listens at the address for routes), unavailable, timeout; with the
  // last line that the program wrote.
  Result<> start();
  // Ends it, and waits for that: two seconds at most if it does not want to.
  void stop();

  // The other servers, "10.0.1.7:6222" or "[2001:db8::7]:6222"; this one's own may be among them.
  // Returns at once. Before start(), it is what it starts with: of two servers the one that
  // started later connects to the other, at once, so nobody has to be told of a newcomer in haste.
  // And nobody should be: a server that reads its configuration again makes its accounts anew, and
  // forgets a subscription that comes at that very moment (seen with 2.9.10); newcomers bring
  // some. So it waits for a quiet time. Connections that are there notice nothing.
  void set_routes(const std::vector<std::string>& addresses);
  // Ends the child and starts it again, so that all connections are made anew. Returns at once.
  void restart();

  // For a client. Fixed once start() has succeeded, but for on_moved().
  [[nodiscard]] std::string url() const;
  [[nodiscard]] const std::string& user() const;
  [[nodiscard]] const std::string& password() const;
  // For set_routes() of other nodes.
  [[nodiscard]] std::string route_address() const;
  [[nodiscard]] pid_t pid() const;  // of the child; 0 while there is none

 private:
  class Supervisor;
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace starling::bus
