#include "xmpp/sasl/scram_crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <memory>

namespace starling::xmpp::sasl {
namespace {

constexpr std::array kDigestNames{"SHA1", "SHA256", "SHA512"};
constexpr std::array<std::size_t, 3> kDigestSizes{20, 32, 64};

std::size_t index_of(ScramHash hash) {
  return static_cast<std::size_t>(hash);
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// These fail only without memory or without the algorithm; neither leaves a way to log in safely.
void require(bool ok) {
  if (!ok) std::abort();
}

// Fetched once: looking an algorithm up takes a lock, and often longer than running it.
const EVP_MD* digest_of(ScramHash hash) {
  static const auto digests = [] {
    std::array<const EVP_MD*, kDigestNames.size()> out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = EVP_MD_fetch(nullptr, kDigestNames[i], nullptr);
      require(out[i] != nullptr);
    }
    return out;
  }();
  return digests[index_of(hash)];
}

struct FreeMacContext {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeMacContext>;

MacContext make_mac_context(ScramHash hash) {
  static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  require(mac != nullptr);
  MacContext context(EVP_MAC_CTX_new(mac));
  require(context != nullptr);
  std::array<char, 8> name{};
  std::string_view(kDigestNames[index_of(hash)]).copy(name.data(), name.size() - 1);
  const std::array params{OSSL_PARAM_construct_utf8_string("digest", name.data(), 0),
                          OSSL_PARAM_construct_end()};
  require(EVP_MAC_CTX_set_params(context.get(), params.data()) == 1);
  return context;
}

}  // namespace

std::size_t hash_size(ScramHash hash) {
  return kDigestSizes[index_of(hash)];
}

std::string scram_h(ScramHash hash, std::string_view data) {
  std::string out(hash_size(hash), '\0');
  require(EVP_Digest(data.data(), data.size(), bytes_of(out), nullptr, digest_of(hash), nullptr) ==
          1);
  return out;
}

std::string scram_hmac(ScramHash hash, std::string_view key, std::string_view data) {
  thread_local std::array<MacContext, kDigestNames.size()> contexts;
  MacContext& context = contexts[index_of(hash)];
  if (!context) context = make_mac_context(hash);
  std::string out(hash_size(hash), '\0');
  std::size_t size = 0;
  // A null key would mean "the one from last time".
  const unsigned char* key_bytes = key.empty() ? bytes_of(std::string_view("")) : bytes_of(key);
  require(EVP_MAC_init(context.get(), key_bytes, key.size(), nullptr) == 1);
  require(EVP_MAC_update(context.get(), bytes_of(data), data.size()) == 1);
  require(EVP_MAC_final(context.get(), bytes_of(out), &size, out.size()) == 1);
  return out;
}

std::string scram_hi(ScramHash hash, std::string_view password, std::string_view salt,
                     std::uint32_t iterations) {
  require(iterations >= 1 && iterations <= INT_MAX);
  std::string out(hash_size(hash), '\0');
  require(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt),
                            static_cast<int>(salt.size()), static_cast<int>(iterations),
                            digest_of(hash), static_cast<int>(out.size()), bytes_of(out)) == 1);
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace starling::xmpp::sasl
