// ArchiveUid: what the world sees of an archive id.
//
// XEP-0313 section 3 wants uids that cannot be guessed, while a message's place in the archive is
// its time. So the id goes out enciphered (AES of one block), and comes back as it was: nothing has
// to be stored or looked up. One per worker; not thread-safe.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/owed.h"

namespace starling::core {

class ArchiveUid {
 public:
  static constexpr std::size_t kSecretBytes = 16;
  explicit ArchiveUid(std::string_view secret);

  [[nodiscard]] std::string encode(ArchiveId id) const;
  // nullopt for a text that encode never gave.
  [[nodiscard]] std::optional<ArchiveId> decode(std::string_view uid) const;

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  using Context = std::unique_ptr<EVP_CIPHER_CTX, Free>;
  static Context make_context(std::string_view secret, bool encrypt);

  Context encrypt_;
  Context decrypt_;
};

}  // namespace starling::core
