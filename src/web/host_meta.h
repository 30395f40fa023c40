// Where web clients find a host's sessions over HTTP (XEP-0156): under the address at which they
// ask.
#pragma once

#include "http/message.h"
#include "web/web.h"

namespace starling::web {

// /.well-known/host-meta (XRD, RFC 6415) and /.well-known/host-meta.json.
[[nodiscard]] http::Response host_meta(const http::Request& request, const Listener& listener);
[[nodiscard]] http::Response host_meta_json(const http::Request& request, const Listener& listener);

}  // namespace starling::web
