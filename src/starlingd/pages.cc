#include "starlingd/pages.h"

#include <memory>
#include <string>
#include <utility>

#include "http/pages.h"
#include "http/static_files.h"
#include "web/web.h"

namespace starling::starlingd {

namespace {

// Everything comes from here, and nothing runs that is not in a file of its own.
constexpr const char* kAdminPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";

// `from` itself, and nothing below it.
http::Handler redirect(std::string from, std::string to) {
  return
      [from = std::move(from), to = std::move(to)](http::Request request) -> Task<http::Response> {
        if (request.path != from) co_return http::problem(404);
        co_return http::Response{.status = 308, .content_type = "", .fields = {{"Location", to}}};
      };
}

http::Handler serve(std::shared_ptr<const http::StaticFiles> files) {
  return [files = std::move(files)](http::Request request) -> Task<http::Response> {
    co_return files->get(request);
  };
}

}  // namespace

void add_pages(http::Routes& routes) {
  const auto add = [&](std::string service, std::shared_ptr<const http::StaticFiles> files) {
    const std::string path = "/" + service;
    routes.add(path, {service, {"GET"}, redirect(path, path + "/")});
    routes.add(path + "/", {service, {"GET"}, serve(std::move(files))});
  };
  add("admin", std::make_shared<http::StaticFiles>("/admin/", http::pages_admin(), kAdminPolicy));
  add("chat", std::make_shared<http::StaticFiles>("/chat/", http::pages_chat(),
                                                  std::string(web::kChatPolicy)));
  routes.add("/", {"admin", {"GET"}, redirect("/", "/admin/")});
}

}  // namespace starling::starlingd
