#include "web/host_meta.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xml/writer.h"

namespace starling::web {

namespace {

struct Link {
  std::string_view rel;
  std::string href;
};

// A name or address, with a port perhaps (RFC 9110 section 7.2).
bool is_authority(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_:[]").contains(c);
  });
}

std::vector<Link> links(const http::Request& request, const Listener& listener) {
  const std::string host(request.fields.get("Host"));
  const std::string s = request.secure ? "s" : "";
  std::vector<Link> links;
  if (listener.websocket) {
    links.push_back({"urn:xmpp:alt-connections:websocket", "ws" + s + "://" + host + "/ws"});
  }
  if (listener.bosh) {
    links.push_back({"urn:xmpp:alt-connections:xbosh", "http" + s + "://" + host + "/bosh"});
  }
  return links;
}

// Section 3.2: pages of any origin may read it.
http::Response answer(std::string_view content_type, std::string body) {
  return {.content_type = std::string(content_type),
          .body = std::move(body),
          .fields = {{"Access-Control-Allow-Origin", "*"},
                     {"Cross-Origin-Resource-Policy", "cross-origin"}}};
}

http::Response no_host() {
  return http::problem(400, "the Host field names no host");
}

}  // namespace

http::Response host_meta(const http::Request& request, const Listener& listener) {
  if (!is_authority(request.fields.get("Host"))) return no_host();
  xml::Writer w;
  w.raw("<?xml version='1.0' encoding='utf-8'?>\n");
  w.open("XRD", "http://docs.oasis-open.org/ns/xri/xrd-1.0");
  for (const Link& link : links(request, listener)) {
    w.open("Link").attribute("rel", link.rel).attribute("href", link.href).close();
  }
  w.close();
  return answer("application/xrd+xml", std::move(w).take());
}

http::Response host_meta_json(const http::Request& request, const Listener& listener) {
  if (!is_authority(request.fields.get("Host"))) return no_host();
  nlohmann::json all = nlohmann::json::array();
  for (const Link& link : links(request, listener)) {
    all.push_back({{"rel", link.rel}, {"href", link.href}});
  }
  return answer("application/json", nlohmann::json{{"links", std::move(all)}}.dump());
}

}  // namespace starling::web
