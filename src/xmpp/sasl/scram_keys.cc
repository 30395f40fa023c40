// What the server keeps of a password, and what goes with it.
#include <openssl/crypto.h>
#include <unicode/unistr.h>
#include <unicode/usprep.h>

#include <algorithm>
#include <cassert>

#include "xmpp/base64.h"
#include "xmpp/precis.h"
#include "xmpp/sasl/scram.h"
#include "xmpp/sasl/scram_crypto.h"

namespace starling::xmpp::sasl {
namespace {

// Longer ones are refused before any work is spent on them.
constexpr std::size_t kMaxPassword = 1024;

const UStringPrepProfile& saslprep() {
  UErrorCode status = U_ZERO_ERROR;
  static const UStringPrepProfile* const profile =
      usprep_openByType(USPREP_RFC4013_SASLPREP, &status);
  assert(profile != nullptr && "ICU has no SASLprep data");
  return *profile;
}

std::string join_sorted(std::vector<std::string> names) {
  std::ranges::sort(names);  // by octets: the collation i;octet
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += '\x1e';
    out += name;
  }
  return out;
}

}  // namespace

std::string_view scram_name(ScramHash hash) {
  switch (hash) {
    case ScramHash::sha1:
      return "SCRAM-SHA-1";
    case ScramHash::sha256:
      return "SCRAM-SHA-256";
    case ScramHash::sha512:
      return "SCRAM-SHA-512";
  }
  return {};
}

std::optional<std::string> prepare_password(std::string_view password) {
  if (password.empty() || password.size() > kMaxPassword) return std::nullopt;
  if (std::ranges::all_of(password, [](char c) { return c >= 0x20 && c < 0x7F; })) {
    return std::string(password);
  }
  if (!is_utf8(password)) return std::nullopt;
  const auto given =
      icu::UnicodeString::fromUTF8({password.data(), static_cast<std::int32_t>(password.size())});
  // NFKC of one code point is at most 18 (U+FDFA), so this is enough for nearly all; else refused.
  std::u16string out(static_cast<std::size_t>(given.length()) * 4 + 32, u'\0');
  UErrorCode status = U_ZERO_ERROR;
  // USPREP_DEFAULT refuses unassigned code points: a "stored string" (RFC 5802 section 2.2).
  const std::int32_t size =
      usprep_prepare(&saslprep(), given.getBuffer(), given.length(), out.data(),
                     static_cast<std::int32_t>(out.size()), USPREP_DEFAULT, nullptr, &status);
  if (U_FAILURE(status) || size == 0) return std::nullopt;
  std::string utf8;
  icu::UnicodeString(out.data(), size).toUTF8String(utf8);
  return utf8;
}

ScramKeys derive_scram_keys(ScramHash hash, std::string_view prepared_password,
                            std::string_view salt, std::uint32_t iterations) {
  ScramKeys keys;
  keys.salt = salt;
  keys.iterations = iterations;
  std::string salted_password = scram_hi(hash, prepared_password, salt, iterations);
  std::string client_key = scram_hmac(hash, salted_password, "Client Key");
  keys.stored_key = scram_h(hash, client_key);
  keys.server_key = scram_hmac(hash, salted_password, "Server Key");
  // Either of them would let its finder log in.
  OPENSSL_cleanse(salted_password.data(), salted_password.size());
  OPENSSL_cleanse(client_key.data(), client_key.size());
  return keys;
}

bool verify_password(ScramHash hash, const ScramKeys& keys, std::string_view prepared_password) {
  if (keys.iterations == 0) return false;
  const ScramKeys derived = derive_scram_keys(hash, prepared_password, keys.salt, keys.iterations);
  return equal_in_constant_time(derived.stored_key, keys.stored_key);
}

std::string downgrade_hash(ScramHash hash, std::vector<std::string> mechanisms,
                           std::vector<std::string> binding_types) {
  std::string advertised = join_sorted(std::move(mechanisms));
  if (!binding_types.empty()) advertised += '\x1f' + join_sorted(std::move(binding_types));
  return base64_encode(scram_h(hash, advertised));
}

}  // namespace starling::xmpp::sasl
