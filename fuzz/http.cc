// Whatever comes on an HTTP connection is answered or ends it.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/log.h"
#include "base/manual_loop.h"
#include "http/http_service.h"
#include "net/memory_connection.h"

namespace {

using namespace starling;  // a program of its own

struct Nobody final : net::MemoryPeer {
  void on_bytes(std::string_view /*bytes*/) override {}
  void on_end(bool /*dropped*/) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ManualLoop loop;
  Nobody nobody;
  http::HttpService service(
      loop, std::make_shared<const http::Routes>(http::Routes{
                {"/health", [](const http::Request&) { return http::Response{.body = "ok"}; }}}));
  const auto connection = std::make_shared<net::MemoryConnection>(loop, nobody);
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t half = size / 2;
  loop.inside([&] { service.accept(connection); });
  for (const std::string_view piece : {all.substr(0, half), all.substr(half)}) {
    loop.inside([&] { connection->peer_sends(piece); });
    loop.run();
  }
  loop.inside([&] { service.shut_down(); });
  loop.run();
  return 0;
}
