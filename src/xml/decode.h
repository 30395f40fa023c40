// Decoding of raw XML: references, CDATA sections, line ends, attribute-value normalisation.
//
// All of it assumes raw bytes that the scanner has found well-formed. Pure.
#pragma once

#include <string>
#include <string_view>

namespace starling::xml {

// Character data between two tags (XML 1.0 section 2.11: CR LF and CR become LF).
void append_decoded_text(std::string& out, std::string_view raw);

// An attribute's value (section 3.3.3, as CDATA: white space becomes ' ', unless written as a
// character reference).
void append_decoded_value(std::string& out, std::string_view raw);

}  // namespace starling::xml
