// XMPP sessions over HTTP, and where clients find them: the routes
//
//   /ws                           WebSocket (RFC 7395)
//   /bosh                         BOSH (XEP-0124, XEP-0206)
//   /.well-known/host-meta[.json] XEP-0156
//
// and, for the page at /chat:
//
//   /chat/config.json             {"domain": the host for those who name none}
#pragma once

#include <memory>
#include <vector>

#include "core/server.h"
#include "http/routes.h"
#include "stream/c2s_service.h"

namespace starling::web {

// What these routes know of a listener: its HttpOptions::attachment.
struct Listener {
  std::shared_ptr<const stream::C2sOptions> streams;
  // Which of them it has, for host-meta.
  bool websocket = true;
  bool bosh = true;
};

// `services` is by worker; complete, as is the server, before the first request.
void add_routes(http::Routes& routes, core::Server& server,
                const std::vector<std::unique_ptr<stream::C2sService>>& services);

}  // namespace starling::web
