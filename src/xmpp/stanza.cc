#include "xmpp/stanza.h"

#include <array>
#include <atomic>
#include <cassert>
#include <utility>

#include "base/metrics.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::xmpp {

namespace {

constexpr std::array<std::string_view, 15> kTypeNames{
    "",          "chat",       "groupchat",   "headline",     "",      "unavailable",
    "subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe", "get",
    "set",       "result",     "error"};
static_assert(kTypeNames.size() == std::size_t(StanzaType::error) + 1);

std::optional<StanzaKind> kind_of(std::string_view name) {
  if (name == "message") return StanzaKind::message;
  if (name == "presence") return StanzaKind::presence;
  if (name == "iq") return StanzaKind::iq;
  return std::nullopt;
}

std::optional<StanzaType> find_type(std::string_view name, StanzaType first, StanzaType last) {
  for (auto i = std::size_t(first); i <= std::size_t(last); ++i) {
    if (kTypeNames[i] == name) return StanzaType(i);
  }
  if (name == "error") return StanzaType::error;
  return std::nullopt;
}

std::optional<StanzaType> type_of(StanzaKind kind, std::optional<std::string_view> name) {
  switch (kind) {
    case StanzaKind::message:
      // RFC 6121 section 5.2.2: a type that is not understood is normal.
      return name ? find_type(*name, StanzaType::chat, StanzaType::headline)
                        .value_or(StanzaType::normal)
                  : StanzaType::normal;
    case StanzaKind::presence:
      if (!name) return StanzaType::available;
      return find_type(*name, StanzaType::unavailable, StanzaType::probe);
    case StanzaKind::iq:
      return name ? find_type(*name, StanzaType::get, StanzaType::result) : std::nullopt;
  }
  return std::nullopt;
}

// RFC 6120 section 8.2.3: a request has exactly one child, a result at most one.
std::optional<std::string_view> iq_mistake(const Stanza& iq) {
  if (iq.id().empty() && !iq.element().attribute("id")) return "an iq needs an id";
  int children = 0;
  for ([[maybe_unused]] const xml::Element child : iq.element().children()) ++children;
  if (iq.is_iq_request() && children != 1) return "an iq request has exactly one child";
  if (iq.type() == StanzaType::result && children > 1) return "an iq result has one child at most";
  return std::nullopt;
}

metrics::Counter& errors(StanzaCondition condition) {
  return metrics::counter("starling_stanza_errors_total", "Stanzas answered by us with an error",
                          {{"condition", std::string(to_string(condition))}});
}

void count(StanzaCondition condition) {
  constexpr std::size_t kConditions = std::size_t(StanzaCondition::unexpected_request) + 1;
  // Looked up once: who is flooded answers many.
  static std::array<std::atomic<metrics::Counter*>, kConditions> known{};
  auto& counter = known[std::size_t(condition)];
  if (counter.load() == nullptr) counter = &errors(condition);
  counter.load()->add();
}

// An iq always has an id, if only an empty one.
Stanza bare_error(std::string_view kind, std::string_view id, const StanzaError& error) {
  count(error.condition);
  xml::Writer w;
  w.open(kind).attribute("type", "error");
  if (!id.empty() || kind == "iq") w.attribute("id", id);
  w.raw(to_xml(error)).close();
  return Stanza::from_text(std::move(w).take());
}

StanzaError error_of(StanzaCondition condition, std::string_view text) {
  return {condition, std::string(text), {}};
}

void append_address(std::string& out, std::string_view attribute, const Jid& jid) {
  if (jid.empty()) return;
  out += attribute;
  out += jid.bare();  // RFC 7622 allows nothing in it that would have to be escaped
  if (!jid.is_bare()) {
    out += '/';
    xml::append_escaped(out, jid.resource());
  }
  out += '\'';
}

// Appends an attribute of the sender's as it goes out. One with a foreign prefix brings its own
// declaration, since the sender's may stand on the stream; `foreign` counts them.
void append_attribute(std::string& head, const xml::Attribute& attribute, int& foreign) {
  std::string prefix;
  if (attribute.prefix == "xml") {
    prefix = "xml:";
  } else if (!attribute.prefix.empty()) {
    prefix = "a" + std::to_string(foreign++);
    head += " xmlns:" + prefix + "='";
    xml::append_escaped_value(head, attribute.ns);
    head += '\'';
    prefix += ':';
  }
  head += ' ';
  head += prefix;
  head += attribute.name;
  head += "='";
  xml::append_escaped_value(head, attribute.value);
  head += '\'';
}

}  // namespace

std::string_view to_string(StanzaKind kind) {
  switch (kind) {
    case StanzaKind::message:
      return "message";
    case StanzaKind::presence:
      return "presence";
    case StanzaKind::iq:
      return "iq";
  }
  return "?";
}

std::string_view to_string(StanzaType type) {
  return kTypeNames[std::size_t(type)];
}

std::expected<Stanza, Stanza::Malformed> Stanza::from_document(xml::DocumentPtr document,
                                                               std::string_view content_ns) {
  const xml::Element root = document->root();
  const auto kind = kind_of(root.name());
  if (!kind || root.ns() != content_ns) return std::unexpected(Malformed{});
  const auto bad = [](StanzaCondition condition, std::string_view text) {
    return std::unexpected(Malformed{error_of(condition, text)});
  };

  Stanza stanza;
  stanza.kind_ = *kind;
  stanza.document_ = std::move(document);
  std::optional<std::string_view> type;
  int foreign = 0;
  for (const xml::Attribute& attribute : root.attributes()) {
    const bool plain = attribute.prefix.empty();
    if (plain && (attribute.name == "from" || attribute.name == "to")) {
      auto jid = Jid::parse(attribute.value);
      if (!jid) return bad(StanzaCondition::jid_malformed, "an address is not a valid JID");
      (attribute.name == "to" ? stanza.to_ : stanza.from_) = std::move(*jid);
      continue;
    }
    if (plain && attribute.name == "type") type = attribute.value;
    if (stanza.written_.empty()) stanza.written_.reserve(64);  // usually enough: it grows once
    append_attribute(stanza.written_, attribute, foreign);
  }
  stanza.head_size_ = static_cast<std::uint32_t>(stanza.written_.size());
  const auto known = type_of(*kind, type);
  if (!known) return bad(StanzaCondition::bad_request, "unknown type");
  stanza.type_ = *known;
  if (*kind == StanzaKind::iq) {
    if (const auto mistake = iq_mistake(stanza)) {
      return bad(StanzaCondition::bad_request, *mistake);
    }
  }
  return stanza;
}

std::optional<Stanza> Stanza::parse(std::string_view text) {
  auto document = xml::Document::parse(text, ns::kClient);
  if (!document) return std::nullopt;
  auto stanza = from_document(std::move(document), ns::kClient);
  if (!stanza) return std::nullopt;
  return std::move(*stanza);
}

Stanza Stanza::from_text(std::string_view text) {
  auto document = xml::Document::parse(text, ns::kClient);
  assert(document && "the server wrote a stanza that is not well-formed");
  auto stanza = from_document(std::move(document), ns::kClient);
  assert(stanza && "the server wrote a stanza that is not valid");
  return std::move(*stanza);
}

std::string_view Stanza::id() const {
  return element().attribute("id").value_or(std::string_view());
}

void Stanza::remove_children(const std::function<bool(const xml::Element&)>& unwanted) {
  const xml::Element root = element();
  bool any = false;
  for (const xml::Element child : root.children()) any = any || unwanted(child);
  if (!any) return;
  // What is left, in a root that has nothing but the namespace: the attributes are in head(), but
  // for the id, which is read from the document.
  xml::Writer w;
  w.open(to_string(kind_), ns::kClient).attribute_if("id", id());
  for (const xml::Element child : root.children()) {
    if (!unwanted(child)) w.raw(child.canonical(ns::kClient));
  }
  w.close();
  document_ = xml::Document::parse(w.view());
  assert(document_ && "children that were well-formed no longer are");
}

void Stanza::append_to(std::string& out) const {
  const std::string_view name = to_string(kind_);
  out += '<';
  out += name;
  append_address(out, " from='", from_);
  append_address(out, " to='", to_);
  out += head();
  const std::size_t content = out.size();
  out += '>';
  if (document_->self_contained()) {
    out += element().raw_content();
  } else {
    out += document_->canonical_content(ns::kClient);
  }
  out += added();
  if (out.size() == content + 1) {
    out.back() = '/';
    out += '>';
    return;
  }
  out += "</";
  out += name;
  out += '>';
}

std::string Stanza::to_xml() const {
  std::string out;
  append_to(out);
  return out;
}

Stanza make_result(const Stanza& request, std::string_view payload) {
  xml::Writer w;
  w.open("iq").attribute("type", "result").attribute("id", request.id()).raw(payload).close();
  Stanza result = Stanza::from_text(std::move(w).take());
  result.set_from(request.to());
  result.set_to(request.from());
  return result;
}

Stanza make_error(const Stanza& offending, const StanzaError& error) {
  Stanza answer = bare_error(to_string(offending.kind()), offending.id(), error);
  answer.set_from(offending.to());
  answer.set_to(offending.from());
  answer.set_trace_id(offending.trace_id());
  return answer;
}

std::optional<Stanza> make_error_for(const xml::Element& offending, const StanzaError& error) {
  const auto type = offending.attribute("type").value_or("");
  if (type == "error" || type == "result") return std::nullopt;
  return bare_error(offending.name(), offending.attribute("id").value_or(""), error);
}

std::string forwarded(const Stanza& stanza) {
  std::string xml = stanza.to_xml();
  xml.insert(1 + to_string(stanza.kind()).size(), " xmlns='" + std::string(ns::kClient) + "'");
  return "<forwarded xmlns='" + std::string(ns::kForward) + "'>" + xml + "</forwarded>";
}

Stanza make_presence(StanzaType type, const Jid& from, const Jid& to) {
  xml::Writer w;
  w.open("presence").attribute_if("type", to_string(type)).close();
  Stanza presence = Stanza::from_text(std::move(w).take());
  presence.set_from(from);
  presence.set_to(to);
  return presence;
}

}  // namespace starling::xmpp
