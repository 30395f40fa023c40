#include "core/archive_uid.h"

#include <array>
#include <cassert>

namespace starling::core {

namespace {

// The id, and as many zeros to know it by.
constexpr std::size_t kBlock = 16;
using Block = std::array<unsigned char, kBlock>;

Block crypt(EVP_CIPHER_CTX* context, const Block& in) {
  Block out{};
  int written = 0;
  [[maybe_unused]] const int done =
      EVP_CipherUpdate(context, out.data(), &written, in.data(), kBlock);
  assert(done == 1 && written == kBlock);
  return out;
}

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

ArchiveUid::ArchiveUid(std::string_view secret)
    : encrypt_(make_context(secret, true)), decrypt_(make_context(secret, false)) {}

ArchiveUid::Context ArchiveUid::make_context(std::string_view secret, bool encrypt) {
  assert(secret.size() == kSecretBytes);
  Context context(EVP_CIPHER_CTX_new());
  // One block and no more, so that there is no pattern for a mode to hide.
  EVP_CipherInit_ex(context.get(), EVP_aes_128_ecb(), nullptr,
                    reinterpret_cast<const unsigned char*>(secret.data()), nullptr,
                    encrypt ? 1 : 0);
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  return context;
}

std::string ArchiveUid::encode(ArchiveId id) const {
  Block block{};
  for (std::size_t i = 0; i < sizeof id; ++i) {
    block[i] = static_cast<unsigned char>(id >> (8 * i));
  }
  std::string uid;
  uid.reserve(2 * kBlock);
  for (const unsigned char byte : crypt(encrypt_.get(), block)) {
    uid += kDigits[byte >> 4];
    uid += kDigits[byte & 15];
  }
  return uid;
}

std::optional<ArchiveId> ArchiveUid::decode(std::string_view uid) const {
  if (uid.size() != 2 * kBlock) return std::nullopt;
  Block block{};
  for (std::size_t i = 0; i < kBlock; ++i) {
    const auto high = kDigits.find(uid[2 * i]);
    const auto low = kDigits.find(uid[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    block[i] = static_cast<unsigned char>(high << 4 | low);
  }
  block = crypt(decrypt_.get(), block);
  ArchiveId id = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    if (i < sizeof id) {
      id |= ArchiveId{block[i]} << (8 * i);
    } else if (block[i] != 0) {
      return std::nullopt;
    }
  }
  return id;
}

}  // namespace starling::core
