#include "base/random.h"

#include <openssl/rand.h>

#include <cstdlib>
#include <cstring>

namespace starling {

namespace {
void (*g_simulated)(unsigned char*, std::size_t) = nullptr;
}  // namespace

void replace_random_for_simulation(void (*fill)(unsigned char* bytes, std::size_t n)) {
  g_simulated = fill;
}

std::string random_bytes(std::size_t n) {
  std::string out(n, '\0');
  if (g_simulated != nullptr) {
    g_simulated(reinterpret_cast<unsigned char*>(out.data()), n);
    return out;
  }
  // Without randomness every secret is guessable: there is no safe way on.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(n)) != 1) {
    std::abort();
  }
  return out;
}

std::string random_token(std::size_t n) {
  static constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out = random_bytes(n);
  for (char& c : out) c = kAlphabet[static_cast<unsigned char>(c) & 31];
  return out;
}

std::uint64_t random_u64() {
  const std::string bytes = random_bytes(sizeof(std::uint64_t));
  std::uint64_t value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace starling
