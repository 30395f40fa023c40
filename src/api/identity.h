// Identity: who sends a request, by a bearer token (RFC 6750) or by the cookie of a browser that
// has signed in; and what that lets him do.
//
// Used on the loop of worker 0.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "admin/admin.h"
#include "admin/grants.h"
#include "base/task.h"
#include "config/api_options.h"
#include "core/server.h"
#include "http/message.h"

namespace starling::api {

inline constexpr const char* kCookie = "starling_session";

// What all parts of the API need.
struct Context {
  core::Server& server;
  admin::Admin& admin;
  std::function<config::ApiOptions()> options;  // in force; on worker 0
};

struct Identity {
  admin::Caller caller;
  admin::Grant grant;  // the token or the session
};

// Until when the session is good if nothing more is heard of it; microseconds since 1970.
[[nodiscard]] std::int64_t session_ends_us(const admin::Grant& session,
                                           const config::ApiOptions& options);

// Who it is, or the answer that refuses him: 401; 403 if others could have listened; 429 if too
// many tokens from there were wrong.
Task<std::expected<Identity, http::Response>> identify(const Context& context,
                                                       http::Request request);

// Says why if the request may have been made by a page of another site: one that changes something
// by cookie needs `X-Requested-With: starling`, which no other site can send, and the Origin of its
// page, if it is named, must be this host.
[[nodiscard]] std::optional<http::Response> if_forged(const http::Request& request);
// The latter alone.
[[nodiscard]] std::optional<http::Response> if_of_other_site(const http::Request& request);

// Why a password or token is not taken over this connection: others may read it.
[[nodiscard]] std::optional<http::Response> if_not_private(const http::Request& request);

}  // namespace starling::api
