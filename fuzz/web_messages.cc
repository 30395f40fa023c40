// Any text as a message of a client over HTTP. A BOSH <body/> gives elements that a stream takes
// one by one; and what the cutter of streams calls an element is one to the XML scanner as well, if
// that takes it at all.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "web/bosh_body.h"
#include "web/elements.h"
#include "xml/stream_scanner.h"

namespace {

using namespace starling;  // NOLINT(google-build-using-namespace)
using Kind = xml::ScanEvent::Kind;

void require(bool ok) {
  if (!ok) std::abort();
}

// A stream in which a message stands.
xml::StreamScanner begun(const xml::Limits& limits) {
  xml::StreamScanner scanner(&limits);
  const std::string header = web::stream_header("example.org", "", "1.0", "");
  std::string_view rest = header;
  require(scanner.next(rest).kind == Kind::stream_open);
  return scanner;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const xml::Limits limits;
  if (const auto request = web::parse_bosh_request(text, limits)) {
    auto scanner = begun(limits);
    std::string_view rest = request->payload;
    while (!rest.empty()) {
      const auto kind = scanner.next(rest).kind;
      require(kind == Kind::stanza || kind == Kind::need_more || kind == Kind::error);
      if (kind == Kind::error) break;
    }
  }
  std::string_view rest = text;
  const web::Piece piece = web::next_piece(rest);
  require(piece.text.size() <= size);
  if (piece.kind != web::Piece::Kind::element || piece.text.size() != size) return 0;
  web::raw_attribute(text, "xmlns");
  if (!xml::scan_element(text, "jabber:client", limits)) return 0;
  require(xml::scan_element(web::standing_alone(text), "", limits).has_value() ||
          web::tag_name(text).contains(':'));
  auto scanner = begun(limits);
  std::string_view message = text;
  require(scanner.next(message).kind == Kind::stanza && message.empty());
  return 0;
}
