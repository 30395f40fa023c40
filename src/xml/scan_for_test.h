// Helpers for the tests of the scanner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "xml/stream_scanner.h"

namespace starling::xml {

inline constexpr std::string_view kClientHeader =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    "to='example.com' version='1.0'>";
inline constexpr std::string_view kStreamEnd = "</stream:stream>";

// Feeds `input` to the scanner in parts of at most `part` bytes; all events but need_more. Ends at
// the first error.
inline std::vector<ScanEvent> scan_on(StreamScanner& scanner, std::string_view input,
                                      std::size_t part = std::string_view::npos) {
  std::vector<ScanEvent> events;
  while (!input.empty()) {
    const std::string bytes(input.substr(0, part));  // on its own, so that overreads are found
    input.remove_prefix(bytes.size());
    std::string_view rest = bytes;
    for (;;) {
      ScanEvent event = scanner.next(rest);
      if (event.kind == ScanEvent::Kind::need_more) break;
      events.push_back(event);
      if (event.kind == ScanEvent::Kind::error) return events;
    }
  }
  return events;
}

inline std::vector<ScanEvent> scan_all(std::string_view input,
                                       std::size_t part = std::string_view::npos) {
  static const Limits limits;
  StreamScanner scanner(&limits);
  return scan_on(scanner, input, part);
}

// The error that `input` leads to; none if it leads to no error.
inline ScanError error_of(std::string_view input, std::size_t part = std::string_view::npos) {
  const auto events = scan_all(input, part);
  return events.empty() ? ScanError::none : events.back().error;
}

// The same for what comes after a client's stream header.
inline ScanError error_in_stream(std::string_view input,
                                 std::size_t part = std::string_view::npos) {
  return error_of(std::string(kClientHeader).append(input), part);
}

}  // namespace starling::xml
