// Streams over HTTP: their top-level things travel one by one, each as a text that stands alone
// (RFC 7395 section 3.3.3, XEP-0206 section 2), instead of between a stream's two tags.
#pragma once

#include <string>
#include <string_view>

namespace starling::web {

inline constexpr std::string_view kFraming = "urn:ietf:params:xml:ns:xmpp-framing";

// One top-level thing of a stream, as bytes.
struct Piece {
  enum class Kind : unsigned char {
    header,      // <stream:stream ...>
    element,     // with all that is in it
    end,         // </stream:stream>
    incomplete,  // nothing whole is left
  };
  Kind kind = Kind::incomplete;
  std::string_view text;
};

// Cuts the next off the front of `text`. It only looks where tags begin and end, and nothing else
// is checked: for what a stream of ours says, and to see whether what a client says is one thing.
[[nodiscard]] Piece next_piece(std::string_view& text);

// The name in an element's start tag as it is written: "stream:features".
[[nodiscard]] std::string_view tag_name(std::string_view element);
// The value of an attribute in its start tag, as it is written; "" if there is none.
[[nodiscard]] std::string_view raw_attribute(std::string_view element, std::string_view name);

// An element of a stream of ours, with the namespaces that it has from the stream's header.
[[nodiscard]] std::string standing_alone(std::string_view element);

// The stream header that says what the attributes do, as they are; "" is left out.
[[nodiscard]] std::string stream_header(std::string_view to, std::string_view from,
                                        std::string_view version, std::string_view lang);

// Instead of a message that is not one whole element: the stream behind it ends as not well-formed.
inline constexpr std::string_view kNotWellFormed = "</>";

}  // namespace starling::web
