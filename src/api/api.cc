#include "api/api.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/events.h"
#include "api/once.h"
#include "api/openapi.h"
#include "api/operations.h"
#include "api/sign_in.h"
#include "core/hop.h"

namespace starling::api {

namespace {

constexpr const char* kService = "api";
constexpr std::size_t kMaxKey = 255;

// Why this caller may not do this; nullopt if he may.
std::optional<http::Response> if_not_allowed(const Identity& identity,
                                             const commands::Command& command,
                                             const http::Request& request) {
  if (!identity.caller.is_token) {
    return by_post(command) ? if_forged(request) : std::nullopt;
  }
  if (admin::cover(identity.grant.scopes, command.tag, needs_write(command))) return std::nullopt;
  return http::problem(403, "the token may " + admin::to_string(identity.grant.scopes) +
                                "; this needs " + std::string(command.tag) + ":" +
                                (needs_write(command) ? "write" : "read"));
}

Task<http::Response> run(const Context& context, const commands::Command& command,
                         std::vector<std::string> arguments, admin::Caller caller) {
  const auto result = co_await context.admin.run(std::string(command.name), std::move(arguments),
                                                 nullptr, std::move(caller));
  if (!result) co_return refusal(result.error());
  co_return answer(*result);
}

Task<http::Response> run_once(const Context& context, const commands::Command& command,
                              std::vector<std::string> arguments, Identity identity,
                              std::string key) {
  if (key.size() > kMaxKey) co_return http::problem(400, "Idempotency-Key: at most 255 bytes");
  if (command.secret_answer) {
    co_return http::problem(400, "what " + std::string(command.name) +
                                     " answers is kept nowhere, so it takes no Idempotency-Key");
  }
  std::string request(command.name);
  for (const auto& argument : arguments) request += '\0' + argument;
  const std::string caller =
      identity.caller.is_token ? "token " + identity.grant.id : identity.caller.account;
  Once once(context.server.store().maps(), caller, key, request);
  if (auto first = co_await once.begin()) co_return std::move(*first);
  http::Response response =
      co_await run(context, command, std::move(arguments), std::move(identity.caller));
  co_await once.end(response);
  co_return response;
}

http::Response stream(const Context& context, const commands::Command& command,
                      std::vector<std::string> arguments, admin::Caller caller,
                      const http::Request& request) {
  std::string name(command.name);
  if (auto good = context.admin.check(name, arguments); !good) return refusal(good.error());
  if (request.method == "HEAD") return {.content_type = "text/event-stream"};
  // The same as at the beginning; a Request is copied for each.
  auto may_go_on = [context, request = std::make_shared<http::Request>(request)] {
    constexpr auto ask = [](Context whom, http::Request asked) -> Task<bool> {
      const auto identity = co_await identify(whom, std::move(asked));
      co_return identity.has_value() || identity.error().status == 503;
    };
    return ask(context, *request);
  };
  return events(context.server.worker(0), context.admin, std::move(name), std::move(arguments),
                std::move(caller), std::move(may_go_on));
}

using OnFirstWorker = std::function<Task<http::Response>(Context, http::Request)>;

http::Handler handler(Context context, OnFirstWorker work) {
  return [context = std::move(context),
          work = std::move(work)](http::Request request) -> Task<http::Response> {
    std::move_only_function<Task<http::Response>()> there =
        [&context, &work, request = std::move(request)]() mutable {
          return work(context, std::move(request));
        };
    auto response = co_await core::hop(context.server.worker(0), std::move(there));
    if (!response) co_return http::problem(503, "the node stops");
    co_return std::move(*response);
  };
}

}  // namespace

Task<http::Response> call(Context context, const commands::Command* command,
                          http::Request request) {
  auto identity = co_await identify(context, request);
  if (!identity) co_return std::move(identity.error());
  if (auto refused = if_not_allowed(*identity, *command, request)) co_return std::move(*refused);
  auto arguments = by_post(*command) ? arguments_of_body(*command, request.body)
                                     : arguments_of_query(*command, request.query);
  if (!arguments) co_return refusal(arguments.error());
  if (command->goes_on) {
    co_return stream(context, *command, std::move(*arguments), std::move(identity->caller),
                     request);
  }
  std::string key(request.fields.get("Idempotency-Key"));
  if (by_post(*command) && !key.empty()) {
    co_return co_await run_once(context, *command, std::move(*arguments), std::move(*identity),
                                std::move(key));
  }
  co_return co_await run(context, *command, std::move(*arguments), std::move(identity->caller));
}

void add_routes(http::Routes& routes, Context context) {
  for (const commands::Command* command : operations()) {
    routes.add(path_of(*command), {kService,
                                   {by_post(*command) ? "POST" : "GET"},
                                   handler(context, [command](Context here, http::Request request) {
                                     return call(std::move(here), command, std::move(request));
                                   })});
  }
  routes.add("/api/session",
             {kService, {"DELETE", "GET", "POST"}, handler(context, [](Context here, auto request) {
                constexpr auto which = [](Context at, http::Request asked) -> Task<http::Response> {
                  if (asked.method == "POST") co_return co_await sign_in(at, std::move(asked));
                  if (asked.method == "DELETE") co_return co_await sign_out(at, std::move(asked));
                  co_return co_await show_session(at, std::move(asked));
                };
                return which(std::move(here), std::move(request));
              })});
  routes.add("/api/sessions",
             {kService, {"DELETE"}, handler(context, [](Context here, auto request) {
                constexpr auto all = [](Context at, http::Request asked) -> Task<http::Response> {
                  co_return co_await sign_out_everywhere(at, std::move(asked));
                };
                return all(std::move(here), std::move(request));
              })});
  routes.add("/api/openapi.json", {kService, {"GET"}, [](http::Request) -> Task<http::Response> {
                                     static const std::string document = openapi();
                                     co_return http::Response{.body = document};
                                   }});
}

}  // namespace starling::api
