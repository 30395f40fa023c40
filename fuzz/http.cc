// Whatever comes on an HTTP connection is answered or ends it.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/log.h"
#include "base/manual_loop.h"
#include "base/metrics_text.h"
#include "http/http_service.h"
#include "net/memory_connection.h"

namespace {

using namespace starling;  // a program of its own

struct Nobody final : net::MemoryPeer {
  void on_bytes(std::string_view /*bytes*/) override {}
  void on_end(bool /*dropped*/) override {}
};

// Looks at all that a handler may look at.
Task<http::Response> answer(http::Request request) {
  http::Response response{.body = request.cookie("session") + request.remote};
  if (!http::parse_query(request.query) || request.fields.lists("Accept-Encoding", "gzip")) {
    response = http::problem(400, request.body);
  }
  response.content_type =
      metrics::content_type(metrics::format_for(request.fields.joined("Accept")));
  co_return response;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ManualLoop loop;
  Nobody nobody;
  const auto routes = std::make_shared<http::Routes>();
  routes->add("/health", {"health", {"GET"}, answer});
  routes->add("/form", {"form", {"POST"}, answer});
  http::HttpService service(loop, routes);
  const auto options = std::make_shared<http::HttpOptions>();
  options->trusts_proxy = [](std::string_view) { return true; };
  const auto connection = std::make_shared<net::MemoryConnection>(loop, nobody);
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t half = size / 2;
  loop.inside([&] { service.accept(connection, options); });
  for (const std::string_view piece : {all.substr(0, half), all.substr(half)}) {
    loop.inside([&] { connection->peer_sends(piece); });
    loop.run();
  }
  loop.inside([&] { service.shut_down([] {}); });
  loop.run();
  return 0;
}
