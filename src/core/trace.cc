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

// XEP-0249 and XEP-0048 put passwords into attributes, XEP-0077 into elements; others may.
bool secret(std::string_view name_of_it) {
  std::string name(name_of_it);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name.contains("pass") || name.contains("token") || name.contains("secret") ||
         name == "key";
}

// Of a data form (XEP-0004): a field that a client shows as dots.
bool is_private_field(const xml::Element& element) {
  return element.name() == "field" && element.attribute("type") == "text-private";
}

void write(xml::Writer& w, const xml::Element& element, std::string_view parent_ns,
           Trace::Texts texts) {
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
    const bool shown = texts == Trace::Texts::shown && !secret(element.name());
    if (shown || shows_text(element)) {
      w.text(text);
    } else if (!element.first_child() || !blank(text)) {
      w.text(length_of(text));
    }
  }
  const Trace::Texts inside = is_private_field(element) ? Trace::Texts::lengths : texts;
  for (const xml::Element child : element.children()) write(w, child, element.ns(), inside);
  w.close();
}

std::string cut(std::string xml) {
  if (xml.size() > kMaxXmlBytes) {
    xml.resize(kMaxXmlBytes);
    xml += "...";
  }
  return xml;
}

}  // namespace

std::string redacted(const xml::Element& element, Trace::Texts texts) {
  xml::Writer w;
  write(w, element, xmpp::ns::kClient, texts);
  std::string text = std::move(w).take();
  std::ranges::replace(text, '\n', ' ');  // of a text that is shown
  return text;
}

std::uint64_t Trace::watch(xmpp::Jid jid, Sink sink, Texts texts) {
  watches_.push_back({++last_, std::move(jid), std::move(sink), texts});
  return last_;
}

void Trace::unwatch(std::uint64_t id) {
  std::erase_if(watches_, [id](const Watch& watch) { return watch.id == id; });
}

bool Trace::watched(const xmpp::Jid& full) const {
  return std::ranges::any_of(watches_, [&full](const Watch& watch) { return watch.is_of(full); });
}

void Trace::stanza(Direction direction, std::uint64_t stream, const Session& session,
                   const xml::Element& element, std::size_t size, xmpp::TraceId trace_id) const {
  Line line{wall_clock_us(), direction, stream, session.id, session.jid, size, trace_id, {}};
  for (const Texts texts : {Texts::lengths, Texts::shown}) {
    line.xml.clear();
    for (const auto& watch : watches_) {
      if (watch.texts != texts || !watch.is_of(session.jid)) continue;
      if (line.xml.empty()) line.xml = cut(redacted(element, texts));
      watch.sink(line);
    }
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
