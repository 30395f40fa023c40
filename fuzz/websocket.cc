// Any bytes as a WebSocket client's frames: what comes of them does not depend on how they are cut,
// and nothing longer than allowed does.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/websocket.h"

namespace {

using namespace starling;  // NOLINT(google-build-using-namespace)
using Kind = http::FrameReader::Event::Kind;

constexpr std::size_t kMaxMessage = 1'000;

std::string events_of(std::string_view bytes, std::size_t piece) {
  http::FrameReader reader(kMaxMessage);
  std::string events;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    for (;;) {
      const auto event = reader.next(part);
      if (event.kind == Kind::need_more) break;
      events += static_cast<char>('0' + static_cast<int>(event.kind));
      events += event.payload;
      if (event.kind == Kind::error) return events;
      if (event.payload.size() > kMaxMessage) std::abort();
    }
    if (!part.empty()) std::abort();
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = events_of(bytes, std::max<std::size_t>(size, 1));
  if (events_of(bytes, 1) != whole || events_of(bytes, 5) != whole) std::abort();
  return 0;
}
