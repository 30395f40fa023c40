#include "scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <charconv>
#include <map>

#include "die.h"

namespace load {

namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> out;
  HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
       out.data(), nullptr);
  return {out.begin(), out.end()};
}

std::string sha1(std::string_view text) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> out;
  SHA1(bytes_of(text), text.size(), out.data());
  return {out.begin(), out.end()};
}

std::string_view field(std::string_view message, char name) {
  for (std::size_t at = 0; at < message.size();) {
    const std::size_t end = std::min(message.find(',', at), message.size());
    if (message[at] == name) return message.substr(at + 2, end - at - 2);
    at = end + 1;
  }
  die("SCRAM: no field in " + std::string(message));
}

// What only the password, the salt and the count of iterations decide.
struct Keys {
  std::string client;
  std::string stored;
};

const Keys& keys_for(const std::string& password, std::string_view salt,
                     std::string_view iterations) {
  static std::map<std::string, Keys> known;
  const auto [entry, is_new] = known.try_emplace(std::string(salt).append(",").append(iterations));
  if (is_new) {
    int count = 0;
    std::from_chars(iterations.data(), iterations.data() + iterations.size(), count);
    const std::string raw = from_base64(salt);
    std::array<unsigned char, SHA_DIGEST_LENGTH> salted;
    PKCS5_PBKDF2_HMAC_SHA1(password.data(), static_cast<int>(password.size()), bytes_of(raw),
                           static_cast<int>(raw.size()), count, salted.size(), salted.data());
    entry->second.client =
        hmac({reinterpret_cast<char*>(salted.data()), salted.size()}, "Client Key");
    entry->second.stored = sha1(entry->second.client);
  }
  return entry->second;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  text.resize(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(bytes),
                              static_cast<int>(bytes.size())));
  return text;
}

std::string from_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), bytes_of(text),
                                   static_cast<int>(text.size()));
  if (size < 0) die("not base64: " + std::string(text));
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

Scram::Scram(std::string_view user, std::string_view password) : password_(password) {
  std::array<char, 12> nonce;
  RAND_bytes(reinterpret_cast<unsigned char*>(nonce.data()), nonce.size());
  bare_ = "n=" + std::string(user) + ",r=" + to_base64({nonce.data(), nonce.size()});
}

std::string Scram::final(std::string_view challenge) const {
  const Keys& keys = keys_for(password_, field(challenge, 's'), field(challenge, 'i'));
  const std::string without_proof = "c=biws,r=" + std::string(field(challenge, 'r'));
  const std::string message = bare_ + "," + std::string(challenge) + "," + without_proof;
  std::string proof = hmac(keys.stored, message);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] ^= keys.client[i];
  return without_proof + ",p=" + to_base64(proof);
}

}  // namespace load
