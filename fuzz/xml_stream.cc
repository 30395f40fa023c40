// Holds the stream scanner against expat, and against itself with the input cut elsewhere.
//
// Each input is scanned twice: as a whole stream, and as what stands between a usual stream header
// and the closing tag.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "expat_oracle.h"
#include "xml/stream_scanner.h"
#include "xml/writer.h"
#include "xml_tree.h"

namespace {

using starling::fuzz::ExpatOracle;
using starling::fuzz::Tree;
using starling::fuzz::tree_of;
using namespace starling::xml;

constexpr std::string_view kHeader =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns:p='urn:p'>";
constexpr std::string_view kFooter = "</stream:stream>";

void require(bool condition, const char* what, std::string_view detail = {}) {
  if (condition) return;
  std::fprintf(stderr, "xml_stream: %s\n%.*s\n", what, static_cast<int>(detail.size()),
               detail.data());
  std::abort();
}

struct Scanned {
  std::vector<ScanEvent> events;
  bool closed = false;
  ScanError error = ScanError::none;
};

// Feeds `input` in parts, each as long as `part_length` says.
Scanned scan(std::string_view input, const std::function<std::size_t()>& part_length) {
  static const Limits limits;
  StreamScanner scanner(&limits);
  Scanned result;
  while (!input.empty()) {
    // A copy of its own, so that a read beyond the part is found.
    const std::string part(input.substr(0, part_length()));
    input.remove_prefix(part.size());
    std::string_view rest = part;
    for (;;) {
      ScanEvent event = scanner.next(rest);
      if (event.kind == ScanEvent::Kind::need_more) break;
      if (event.kind == ScanEvent::Kind::stream_close) result.closed = true;
      result.error = event.error;
      result.events.push_back(std::move(event));
      if (result.error != ScanError::none) {
        require(scanner.memory() == 0, "memory is held after an error");
        return result;
      }
    }
    require(rest.empty(), "need_more, but input is left");
  }
  return result;
}

std::string describe(const Scanned& scanned) {
  std::string text;
  for (const ScanEvent& event : scanned.events) {
    text +=
        std::to_string(static_cast<int>(event.kind)) + " " + std::string(to_string(event.error));
    if (event.document) {
      text += event.document->self_contained() ? " contained " : " ";
      text += event.document->wire();
      append_to(text, tree_of(event.document->root()));
    }
    text += "\n";
  }
  return text;
}

bool is_limit(ScanError error) {
  return error == ScanError::too_large || error == ScanError::too_deep ||
         error == ScanError::too_many_attributes || error == ScanError::too_many_elements;
}

void compare_with_expat(std::string_view input, const Scanned& ours) {
  const ExpatOracle expat(input);
  if (!is_limit(ours.error)) {
    const bool accepted = ours.closed && ours.error == ScanError::none;
    require(accepted == expat.accepted(),
            accepted ? "accepted, but expat refuses" : "not accepted, but expat accepts", input);
  }
  std::size_t stanzas = 0;
  for (const ScanEvent& event : ours.events) {
    if (!event.document) continue;
    const Tree tree = tree_of(event.document->root());
    if (event.kind == ScanEvent::Kind::stream_open) {
      require(tree == expat.root(), "another root than expat's", input);
    } else if (stanzas < expat.stanzas().size()) {
      require(tree == expat.stanzas()[stanzas++], "another stanza than expat's", input);
    }
  }
  if (expat.accepted() && ours.error == ScanError::none) {
    require(stanzas == expat.stanzas().size(), "fewer stanzas than expat's", input);
  }
}

void check_canonical(const Document& document) {
  const Tree wanted = tree_of(document.root());
  for (const std::string_view context : {std::string_view("jabber:client"), document.root().ns()}) {
    if (context == kXmlNamespace) continue;  // cannot be a default namespace
    const std::string text(
        Writer().open("w", context).raw(document.canonical_content(context)).close().view());
    const DocumentPtr again = Document::parse(text);
    require(again != nullptr, "canonical content is not well-formed", text);
    const Tree got = tree_of(again->root());
    require(got.text == wanted.text && got.children == wanted.children,
            "canonical content says something else", text);
  }
  if (document.self_contained()) {
    const std::string_view ns = document.root().ns();
    const std::string_view content = document.root().raw_content();
    const DocumentPtr again = Document::parse(Writer().open("w", ns).raw(content).close().view());
    require(again != nullptr, "self-contained content is not", document.wire());
    require(tree_of(again->root()).children == wanted.children,
            "self-contained content says something else", document.wire());
  }
}

void check_stream(std::string_view input) {
  const Scanned whole = scan(input, [&] { return input.size(); });
  const std::string description = describe(whole);
  const Scanned by_byte = scan(input, [] { return 1; });
  require(describe(by_byte) == description, "another result byte by byte", input);
  std::uint64_t state = std::hash<std::string_view>{}(input) | 1;
  const Scanned in_parts = scan(input, [&state] {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return 1 + (state >> 60) * (state >> 56 & 3);
  });
  require(describe(in_parts) == description, "another result in parts", input);
  compare_with_expat(input, whole);
  for (const ScanEvent& event : whole.events) {
    if (event.kind == ScanEvent::Kind::stanza) check_canonical(*event.document);
  }
}

// Whatever is written is well-formed, and what was read once is read again.
void check_writer(std::string_view input) {
  const auto round = [](std::string_view text) {
    const std::string written(
        Writer().open("a", "urn:a").attribute("b", text).text(text).close().view());
    const DocumentPtr read = Document::parse(written);
    require(read != nullptr, "what Writer wrote is not well-formed", written);
    std::string again = read->root().text();
    require(read->root().attribute("b") == again, "attribute and text differ", written);
    return again;
  };
  const std::string first = round(input);
  require(round(first) == first, "writing changed what was read", input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_stream(input);
  check_stream(std::string(kHeader).append(input).append(kFooter));
  check_writer(input);
  return 0;
}
