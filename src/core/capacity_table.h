// The table of what a node can do for its size: what 100 per cent utilisation is.
//
// `./x bench` reads it from here, sets it beside what it measures, and says in bench/RESULTS.md
// where it promises more. docs/performance.md has the arithmetic; the option `capacity` is
// stronger.
#pragma once

#include <cstdint>

namespace starling::core::capacity_table {

// What the program takes before anybody comes.
inline constexpr std::uint64_t kBaseMib = 64;
// An idle session with TLS (16.6 KiB, and 4 KiB of the kernel's), and as much again for what it
// does at times.
inline constexpr std::uint64_t kSessionKib = 40;
// A message that is archived, over TLS: 59 µs with a thousand pairs who chat, 31 with a hundred.
inline constexpr std::uint64_t kStanzasPerCore = 15'000;

}  // namespace starling::core::capacity_table
