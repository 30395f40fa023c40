#include "xmpp/base64.h"

#include <openssl/evp.h>

#include <cassert>
#include <climits>

namespace starling::xmpp {
namespace {

// EVP takes int lengths; nothing of ours comes near.
constexpr std::size_t kMaxBytes = INT_MAX / 2;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  assert(bytes.size() <= kMaxBytes);
  std::string out((bytes.size() + 2) / 3 * 4, '\0');
  if (out.empty()) return out;
  // Writes a NUL behind the text, where std::string has one anyway.
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(bytes),
                  static_cast<int>(bytes.size()));
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0 || text.size() > kMaxBytes) return std::nullopt;
  if (text.empty()) return std::string();
  std::string out(text.size() / 4 * 3, '\0');
  const int written = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text),
                                      static_cast<int>(text.size()));
  if (written != static_cast<int>(out.size())) return std::nullopt;
  // EVP counts padding as zero bytes.
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(out.size() - padding);
  // It is lenient about white space and unused bits; what is canonical encodes back to itself.
  if (base64_encode(out) != text) return std::nullopt;
  return out;
}

}  // namespace starling::xmpp
