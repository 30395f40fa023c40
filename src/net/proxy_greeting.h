// ProxyGreeting: reads the header of the PROXY protocol from a fresh connection, and no byte more.
//
// It owns the socket meanwhile, and bounds how long that may take. On the loop's thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "net/io_loop.h"
#include "net/proxy_header.h"
#include "net/readiness.h"

namespace starling::net {

class ProxyGreeting final : public Watched, public std::enable_shared_from_this<ProxyGreeting> {
 public:
  // The client, or nullopt: the proxy itself; with the socket behind its header. Errors: invalid
  // (not a header), timeout, unavailable (the connection ended), not_found (it ended without a
  // byte: somebody looked whether there is a listener).
  using Done = std::move_only_function<void(Result<std::optional<boost::asio::ip::tcp::endpoint>>,
                                            FileDescriptor)>;

  static void read(IoLoop& loop, FileDescriptor socket, Done done);

  ProxyGreeting(IoLoop& loop, FileDescriptor socket, Done done);

 private:
  void on_ready(std::uint32_t events) override;
  bool read_some();
  void finish(Result<std::optional<boost::asio::ip::tcp::endpoint>> result);

  IoLoop& loop_;
  FileDescriptor socket_;
  Done done_;
  ProxyHeader header_;
  bool watched_ = true;
  bool heard_ = false;
  TimerId timer_ = 0;
};

}  // namespace starling::net
