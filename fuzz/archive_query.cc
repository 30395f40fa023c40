// Any stanza as a query of an archive (XEP-0313): what is understood keeps the bounds that reading
// relies on, what is not is refused by an error that can be sent.
#include "core/archive_query.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "xml/stream_scanner.h"
#include "xmpp/ns.h"

namespace {

using starling::core::ArchiveQuery;
namespace ns = starling::xmpp::ns;
namespace xml = starling::xml;

constexpr std::string_view kHeader =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

void require(bool ok) {
  if (!ok) std::abort();
}

void check(const xml::Element& element) {
  const auto query = ArchiveQuery::parse(element);
  if (!query) {
    require(xml::Document::parse(to_xml(query.error()), ns::kClient) != nullptr);
    return;
  }
  require(query->ids.size() <= ArchiveQuery::kMaxIds);
  require(query->with.empty() || starling::xmpp::Jid::parse(query->with.str()) == query->with);
  // Years that XEP-0082 can write.
  constexpr std::int64_t kTenThousandYears = std::int64_t{10'000} * 366 * 86'400 * 1'000'000;
  for (const auto& us : {query->start_us, query->end_us}) {
    require(!us || (*us < kTenThousandYears && *us > -kTenThousandYears));
  }
  require(query->page.backwards || query->page.before.empty());
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
    check(event.document->root());
  }
}
