// CtlSocket: the Unix socket on which starlingctl gives its commands.
//
// One request and one answer a connection, each one line of JSON:
//   {"command": "register", "arguments": ["alice", "example.org", "secret"]}
//   {"ok": true, "result": "registered alice@example.org"}
//   {"ok": false, "error": "..."}
// "arguments" may be left out. What follows the first line is not read.
//
// A command that goes on (trace) answers with any number of lines before its last one:
//   {"ok": true, "line": {...}}
//   {"ok": true, "result": {...}}
// It ends when it has said all, when the caller hangs up, or when the server stops. What the caller
// does not read in time is left out, which the command says.
//
// Only root and the user the node runs as may speak (SO_PEERCRED).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "admin/admin.h"
#include "base/result.h"
#include "base/task.h"
#include "net/unix_listener.h"

namespace starling::admin {

class CtlSocket {
 public:
  // Listens at `path` on `loop`, which must be the loop of `admin`.
  static Result<std::unique_ptr<CtlSocket>> open(net::IoLoop& loop, const std::string& path,
                                                 Admin& admin);
  ~CtlSocket();
  CtlSocket(const CtlSocket&) = delete;
  CtlSocket& operator=(const CtlSocket&) = delete;

  // Accepts no more, drops the callers that have asked nothing, and runs `done` when what was
  // asked is answered. On the loop's thread.
  void close(Callback done);

 private:
  class Caller;
  explicit CtlSocket(Admin& admin);
  void accepted(std::shared_ptr<net::SocketConnection> connection, uid_t uid);
  Task<void> answer(std::uint64_t caller, uid_t uid, std::string line);
  // nullptr unless the command goes on.
  std::shared_ptr<Audience> audience_for(std::uint64_t caller, const std::string& command);

  Admin& admin_;
  Gate gate_;
  std::unique_ptr<net::UnixListener> listener_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Caller>> callers_;
  std::uint64_t last_caller_ = 0;
};

}  // namespace starling::admin
