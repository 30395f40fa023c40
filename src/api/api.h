// The API: the commands of commands/commands.h over HTTP, for programs and for the operator's page.
// docs/api.md is what its users read.
//
// A request is taken to worker 0, where commands are carried out, and its answer back.
#pragma once

#include "api/identity.h"
#include "commands/commands.h"
#include "http/routes.h"

namespace starling::api {

// All that is below /api/. What `context` refers to must outlive the routes' users.
void add_routes(http::Routes& routes, Context context);

// One command. On worker 0.
Task<http::Response> call(Context context, const commands::Command* command, http::Request request);

}  // namespace starling::api
