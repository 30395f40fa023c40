#include "core/trace.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/clock.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::core {

namespace {

constexpr std::size_t kMaxXmlBytes = 8'192;  // of one line

std::string length_of(std::string_view text) {
  return "[" + std::to_string(text.size()) + "]";
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool shows_text(const xml::Element& element) {
  if (element.ns() == xmpp::ns::kClient) {
    return element.name() == "show" || element.name() == "priority";
  }
  return element.name() == "text" &&
         (element.ns() == xmpp::ns::kStanzaErrors || element.ns() == xmpp::ns::kStreamErrors);
}

// XEP-0249 and XEP-0048 put passwords into attributes; others may.
bool secret(std::string_view attribute) {
  std::string name(attribute);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name.contains("pass") || name.contains("token") || name.contains("secret") ||
         name == "key";
}

void write(xml::Writer& w, const xml::Element& element, std::string_view parent_ns) {
  if (element.ns() == parent_ns) {
    w.open(element.name());
  } else {
    w.open(element.name(), element.ns());
  }
  for (const auto& attribute : element.attributes()) {
    std::string name(attribute.prefix);
    if (!name.empty()) name += ':';
    name += attribute.name;
    w.attribute(name, secret(name) ? length_of(attribute.value) : std::string(attribute.value));
  }
  if (const std::string text = element.text(); !text.empty()) {
    if (shows_text(element)) {
      w.text(text);
    } else if (!element.first_child() || !blank(text)) {
      w.text(length_of(text));
    }
  }
  for (const xml::Element child : element.children()) write(w, child, element.ns());
  w.close();
}

}  // namespace

std::string redacted(const xml::Element& element) {
  xml::Writer w;
  write(w, element, xmpp::ns::kClient);
  std::string text = std::move(w).take();
  std::ranges::replace(text, '\n', ' ');  // of a text that is shown
  return text;
}

std::uint64_t Trace::watch(xmpp::Jid jid, Sink sink) {
  watches_.push_back({++last_, std::move(jid), std::move(sink)});
  return last_;
}

void Trace::unwatch(std::uint64_t id) {
  std::erase_if(watches_, [id](const Watch& watch) { return watch.id == id; });
}

bool Trace::watched(const xmpp::Jid& full) const {
  return std::ranges::any_of(watches_, [&full](const Watch& watch) {
    return watch.jid == full || watch.jid.full() == full.bare();
  });
}

void Trace::stanza(Direction direction, std::uint64_t stream, const Session& session,
                   const xml::Element& element, std::size_t size, xmpp::TraceId trace_id) const {
  Line line{wall_clock_us(), direction, stream,   session.id,
            session.jid,     size,      trace_id, redacted(element)};
  if (line.xml.size() > kMaxXmlBytes) {
    line.xml.resize(kMaxXmlBytes);
    line.xml += "...";
  }
  for (const auto& watch : watches_) {
    if (watch.jid == session.jid || watch.jid.full() == session.jid.bare()) watch.sink(line);
  }
}

void Trace::stanza(Direction direction, std::uint64_t stream, const Session& session,
                   const xmpp::Stanza& stanza) const {
  const std::string xml = stanza.to_xml();
  const auto document = xml::Document::parse(xml, xmpp::ns::kClient);
  if (!document) return;
  this->stanza(direction, stream, session, document->root(), xml.size(), stanza.trace_id());
}

}  // namespace starling::core
