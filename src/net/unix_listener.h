// UnixListener: accepts connections on a Unix-domain socket, on one loop, and says who called.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/io_loop.h"
#include "net/socket_connection.h"

namespace starling::net {

class UnixListener {
 public:
  // `peer_uid` is the caller's user by the kernel's word (SO_PEERCRED).
  using OnAccept = std::function<void(std::shared_ptr<SocketConnection>, uid_t peer_uid)>;

  // Binds `path`, mode 0600. A socket left behind by a dead process is replaced; one that somebody
  // still answers on is an error (unavailable).
  static Result<std::unique_ptr<UnixListener>> open(IoLoop& loop, const std::string& path,
                                                    OnAccept on_accept);
  ~UnixListener();  // removes the socket file

  // Stops accepting, on the loop's own thread.
  void close();

 private:
  struct Acceptor;
  static void accept(std::shared_ptr<Acceptor> acceptor);

  std::string path_;
  std::shared_ptr<Acceptor> acceptor_;
};

}  // namespace starling::net
