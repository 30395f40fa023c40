// The XML declaration at the start of a stream (XML 1.0 section 2.8, RFC 6120 11.4 to 11.6).
#pragma once

#include <string_view>

#include "xml/stream_scanner.h"

namespace starling::xml {

// `text` is all of "<?xml ... ?>". Accepted: version 1.0, encoding UTF-8 in any case or none,
// standalone yes, no or none.
[[nodiscard]] ScanError check_xml_declaration(std::string_view text);

}  // namespace starling::xml
