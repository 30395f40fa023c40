// What the store keeps of an account between two nodes (core/owed.h, core/parking.h): whatever is
// there is refused or means the same after it was written again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/owed.h"
#include "core/parking.h"

namespace {

using starling::core::Owed;
using starling::core::ParkedSession;

void require(bool ok) {
  if (!ok) std::abort();
}

void check_cursor(std::string_view text) {
  Owed owed;
  if (!owed.decode(text)) return;
  const std::string again = owed.encode();
  Owed same;
  require(again.empty() || same.decode(again));
  require(same.encode() == again);
}

void check_parked(std::string_view text) {
  const auto parked = ParkedSession::decode(text);
  if (!parked) return;
  require(!parked->jid.is_bare());
  const std::string again = parked->encode();
  const auto same = ParkedSession::decode(again);
  require(same && same->encode() == again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_cursor(text);
  check_parked(text);
  return 0;
}
