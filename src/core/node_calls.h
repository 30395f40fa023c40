// NodeCalls: what one node asks another to do: a procedure by its name, with bytes as arguments and
// result. For what operators do; stanzas have their own ways (remote.h).
//
// Each worker has one; it is used on its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/task.h"
#include "bus/bus.h"
#include "cluster/wire.h"
#include "xmpp/jid.h"

namespace starling::core {

class Server;
class Worker;

// Runs on any worker of the node that is asked. `arguments` are as the caller made them; for
// arguments that cannot be read: invalid.
using Procedure = std::function<Task<Result<std::string>>(Server& server, std::string arguments)>;
using Procedures = std::map<std::string, Procedure, std::less<>>;

class NodeCalls {
 public:
  explicit NodeCalls(Worker& worker) : worker_(worker) {}

  // Errors: what the procedure says; timeout; unavailable (the node is gone); invalid (it is of a
  // version that does not know the procedure).
  Task<Result<std::string>> call(bus::NodeId node, std::string procedure, std::string arguments);

  // Parcels behind their heads.
  void take_call(bus::NodeId from, cluster::Decoder& parcel);
  void take_answer(std::uint64_t number, cluster::Decoder& parcel);
  void peer_gone(bus::NodeId peer);  // 0: all

 private:
  struct Waiting {
    bus::NodeId node;
    TimerId timer;
    Completion<Result<std::string>>::Resume resume;
  };
  void answer(bus::NodeId to, std::uint64_t number, const Result<std::string>& result);
  Task<void> run(bus::NodeId from, std::uint64_t number, std::string procedure,
                 std::string arguments);
  void answered(std::uint64_t number, Result<std::string> result);

  Worker& worker_;
  std::map<std::uint64_t, Waiting> waiting_;
};

// On the loop of any worker.
Task<Result<std::string>> call_node(Server& server, bus::NodeId node, std::string procedure,
                                    std::string arguments);
// The node that has to do with the account, its home or keeper; 0 if it is this one.
[[nodiscard]] bus::NodeId other_place(Server& server, const xmpp::Jid& account);
// The other nodes that are members now.
[[nodiscard]] std::vector<bus::NodeId> other_nodes(const Server& server);

}  // namespace starling::core
