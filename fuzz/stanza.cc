// Any XML as what a client's stream carries: every stanza that is accepted must go out as text that
// says the same when it is read again, and every answer to it must be a valid stanza.
#include "xmpp/stanza.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "xml/stream_scanner.h"
#include "xml_tree.h"
#include "xmpp/ns.h"

namespace {

using namespace starling::xmpp;
using starling::fuzz::Tree;
using starling::fuzz::tree_of;
namespace xml = starling::xml;

constexpr std::string_view kHeader =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns:p='urn:p'>";

void require(bool condition, const char* what, std::string_view detail) {
  if (condition) return;
  std::fprintf(stderr, "stanza: %s\n%.*s\n", what, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

Stanza read_again(const Stanza& stanza) {
  const std::string text = stanza.to_xml();
  auto document = xml::Document::parse(text, ns::kClient);
  require(document != nullptr, "what goes out is not well-formed", text);
  auto again = Stanza::from_document(std::move(document), ns::kClient);
  require(again.has_value(), "what goes out is no valid stanza", text);
  require(again->kind() == stanza.kind() && again->type() == stanza.type(), "another type", text);
  require(again->from() == stanza.from() && again->to() == stanza.to(), "other addresses", text);
  require(again->id() == stanza.id(), "another id", text);
  return *std::move(again);
}

// What the stanza says besides its addresses.
Tree sense_of(const Stanza& stanza) {
  Tree tree = tree_of(stanza.element());
  std::erase_if(tree.attributes,
                [](const auto& a) { return a.ns.empty() && (a.name == "from" || a.name == "to"); });
  return tree;
}

void check_error(const Stanza& error, StanzaKind kind, std::string_view id) {
  const Stanza again = read_again(error);
  const std::string text = again.to_xml();
  require(again.is(kind, StanzaType::error) && again.id() == id, "not an error like it", text);
  const auto child = again.element().child("error", ns::kClient);
  require(child && child->child("bad-request", ns::kStanzaErrors), "no condition", text);
}

void check_stanza(const Stanza& stanza) {
  const Stanza again = read_again(stanza);
  require(sense_of(again) == sense_of(stanza), "says something else", stanza.to_xml());

  Stanza grown = stanza;
  grown.add_child("<added xmlns='urn:added'/>");
  // An iq may not have one more child, so only its text is read.
  const auto document = xml::Document::parse(grown.to_xml(), ns::kClient);
  require(document && document->root().child("added", "urn:added"), "no child was added",
          grown.to_xml());

  const Stanza error = make_error(stanza, {StanzaCondition::bad_request, stanza.to_xml(), ""});
  check_error(error, stanza.kind(), stanza.id());
  require(error.to() == stanza.from() && error.from() == stanza.to(), "not swapped",
          error.to_xml());
  if (stanza.is_iq_request()) {
    const Stanza result = read_again(make_result(stanza, "<r xmlns='urn:r'/>"));
    require(result.is(StanzaKind::iq, StanzaType::result) && result.id() == stanza.id(),
            "not a result of it", result.to_xml());
  }
}

void check_refused(const xml::Element& element, const Stanza::Malformed& malformed) {
  const bool named =
      element.name() == "message" || element.name() == "presence" || element.name() == "iq";
  require((named && element.ns() == ns::kClient) == malformed.error.has_value(),
          "a stanza error for what is none, or none for what is", element.raw());
  if (!malformed.error) return;
  const auto answer = make_error_for(element, {StanzaCondition::bad_request, "", ""});
  if (!answer) return;
  check_error(*answer, answer->kind(), element.attribute("id").value_or(""));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const xml::Limits limits;
  xml::StreamScanner scanner(&limits);
  const std::string input = std::string(kHeader).append(reinterpret_cast<const char*>(data), size);
  std::string_view rest = input;
  for (;;) {
    const xml::ScanEvent event = scanner.next(rest);
    if (event.kind == xml::ScanEvent::Kind::stream_open) continue;
    if (event.kind != xml::ScanEvent::Kind::stanza) return 0;
    const auto stanza = Stanza::from_document(event.document, ns::kClient);
    if (stanza) {
      check_stanza(*stanza);
    } else {
      check_refused(event.document->root(), stanza.error());
    }
  }
}
