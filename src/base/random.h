// Random bytes and identifiers from the operating system's generator (OpenSSL RAND_bytes).
//
// The only source of randomness in Starling. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace starling {

// `n` unpredictable bytes.
[[nodiscard]] std::string random_bytes(std::size_t n);

// `n` characters of [a-z2-7] (5 bits each): 26 are more than 128 bits. For stream ids, resources.
[[nodiscard]] std::string random_token(std::size_t n);

[[nodiscard]] std::uint64_t random_u64();

// For the simulator: from now on the bytes come from `fill`, so that a run can be had again.
// Before anything else; no other program calls this.
void replace_random_for_simulation(void (*fill)(unsigned char* bytes, std::size_t n));

}  // namespace starling
