// Any bytes as the header of the PROXY protocol: the same is found whole and in pieces, no byte
// behind the header is taken, and no more than its longest is ever held.
#include "net/proxy_header.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using starling::net::ProxyHeader;
using Status = ProxyHeader::Status;

void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ProxyHeader whole;
  std::string_view rest = bytes;
  const Status status = whole.feed(rest);
  const std::size_t taken = bytes.size() - rest.size();
  require(status != Status::need_more || rest.empty());
  require(taken <= ProxyHeader::kMaxBytes);
  require(status != Status::need_more || taken < ProxyHeader::kMaxBytes);
  require(whole.error().empty() == (status != Status::invalid));
  require(!whole.client() || status == Status::complete);

  ProxyHeader pieces;
  Status last = Status::need_more;
  std::size_t at = 0;
  while (at < bytes.size() && last == Status::need_more) {
    std::string_view piece = bytes.substr(at, 1 + data[at] % 7U);
    const std::size_t offered = piece.size();
    last = pieces.feed(piece);
    at += offered - piece.size();
    require(last != Status::need_more || piece.empty());
  }
  require(last == status && at == taken);
  require(pieces.client() == whole.client() && pieces.error() == whole.error());

  // Once it is decided, nothing more is taken.
  std::string_view more = "PROXY ";
  if (status != Status::need_more) require(whole.feed(more) == status && more.size() == 6);
  return 0;
}
