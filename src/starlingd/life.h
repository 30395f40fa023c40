// Life: the process of a node from its start to its end: it does what its signals say, and the
// provider of its machine.
//
// Mostly it serves until SIGTERM. On a machine that waits in a pool it does not serve yet; on one
// that is to go it lets its sessions go, and says when it is empty.
#pragma once

#include <csignal>
#include <optional>
#include <stop_token>

#include "config/config.h"
#include "config/load.h"
#include "starlingd/cloud.h"
#include "starlingd/node.h"

namespace starling::starlingd {

class Life {
 public:
  // Before other threads run.
  Life(const config::Config& config, const config::Environment& environment, Node::Load load);

  // `greet`: somebody tries it out, and is told how. Gives the exit code.
  int run(bool greet);

 private:
  std::optional<int> serve(bool greet);
  cloud::Order serve_until_told(Node& node);
  bool rest_while(cloud::Order::What what);
  void listen_while_leaving(Node& node, const cloud::Order& order, const std::stop_token& over);

  const config::Config config_;
  const Node::Load load_;
  const sigset_t signals_;
  Cloud cloud_;
  bool ready_ = false;      // as systemd was told
  bool signalled_ = false;  // to end, while it left as the provider had said
  int heard_ = 0;           // signals to end that have come from without
};

}  // namespace starling::starlingd
