// Signing in: /api/session and /api/sessions, for the operator's page.
//
// The account's own password, checked as for any client; what fails counts for fail2ban. What a
// browser gets is a cookie that no script can read and no other site can send. On worker 0.
#pragma once

#include "api/identity.h"
#include "base/task.h"
#include "http/message.h"

namespace starling::api {

// POST /api/session {"jid", "password"}: {"jid", "expires"} and a cookie. 400; 401 if they are
// wrong; 403 for who is no administrator or disabled, or if others could listen; 429 if too many
// were wrong.
Task<http::Response> sign_in(const Context& context, http::Request request);
// GET /api/session: {"jid", "expires"}, or 401.
Task<http::Response> show_session(const Context& context, http::Request request);
// DELETE /api/session.
Task<http::Response> sign_out(const Context& context, http::Request request);
// DELETE /api/sessions: all of this account.
Task<http::Response> sign_out_everywhere(const Context& context, http::Request request);

}  // namespace starling::api
