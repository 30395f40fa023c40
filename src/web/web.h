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
#include <string_view>
#include <vector>

#include "core/server.h"
#include "http/routes.h"
#include "net/connection_budget.h"
#include "stream/c2s_service.h"

namespace starling::web {

// What these routes know of a listener: its HttpOptions::attachment.
struct Listener {
  std::shared_ptr<const stream::C2sOptions> streams;
  // Which of them it has, for host-meta.
  bool websocket = true;
  bool bosh = true;
  // How many BOSH sessions there may be; nullptr: as many as like.
  std::shared_ptr<net::ConnectionBudget> bosh_sessions;
};

// The Content-Security-Policy of the page at /chat (web/chat): nothing of any other site, no code
// but its own files. Converse.js needs this beyond what is plain:
//   style-src 'unsafe-inline'  its components bring <style> elements and style attributes
//   img-src data:              avatars come in stanzas, and icons in its stylesheet
inline constexpr std::string_view kChatPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// `services` is by worker; complete, as is the server, before the first request.
void add_routes(http::Routes& routes, core::Server& server,
                const std::vector<std::unique_ptr<stream::C2sService>>& services);

}  // namespace starling::web
