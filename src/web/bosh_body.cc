#include "web/bosh_body.h"

#include <charconv>
#include <utility>

#include "xml/document.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::web {

namespace {

constexpr std::string_view kXmppBosh = "urn:xmpp:xbosh";

template <class Number>
std::optional<Number> number(const xml::Element& body, std::string_view name) {
  const std::string_view text = body.attribute(name).value_or("");
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Of XEP-0206, whatever the prefix.
std::string_view xmpp_attribute(const xml::Element& body, std::string_view name) {
  for (const xml::Attribute& attribute : body.attributes()) {
    if (attribute.ns == kXmppBosh && attribute.name == name) return attribute.value;
  }
  return {};
}

}  // namespace

std::optional<BoshRequest> parse_bosh_request(std::string_view text, const xml::Limits& limits) {
  const auto document = xml::scan_element(text, "", limits);
  if (!document) return std::nullopt;
  const xml::Element body = (*document)->root();
  if (!body.is("body", kHttpBind)) return std::nullopt;
  // Section 14.1: up to 2^53 - 1.
  const auto rid = number<std::uint64_t>(body, "rid");
  if (!rid || *rid == 0 || *rid >= 1ULL << 53U) return std::nullopt;
  BoshRequest request;
  request.rid = *rid;
  const auto is_true = [](std::string_view value) { return value == "true" || value == "1"; };
  const auto attribute = [&](std::string_view name) {
    return std::string(body.attribute(name).value_or(""));
  };
  request.sid = attribute("sid");
  request.to = attribute("to");
  request.from = attribute("from");
  request.lang = attribute("xml:lang");
  request.version = xmpp_attribute(body, "version");
  request.restart = is_true(xmpp_attribute(body, "restart"));
  request.terminate = attribute("type") == "terminate";
  request.wait = number<std::uint32_t>(body, "wait");
  request.hold = number<std::uint32_t>(body, "hold");
  request.pause = number<std::uint32_t>(body, "pause");
  for (const xml::Element child : body.children()) {
    request.payload += child.canonical(xmpp::ns::kClient);
  }
  return request;
}

std::string terminate_body(std::string_view condition) {
  xml::Writer w;
  w.open("body", kHttpBind).attribute("type", "terminate").attribute_if("condition", condition);
  w.close();
  return std::move(w).take();
}

}  // namespace starling::web
