// Result: a value, or an Error that says what went wrong in words an operator can use.
//
// Errors are values everywhere; exceptions only while starting up. Assertions are for bugs.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace starling {

// What kind of failure it was: enough for a caller to choose its reaction.
enum class Errc : std::uint8_t {
  not_found,    // the thing asked for does not exist
  exists,       // the thing to be made exists already
  invalid,      // the input is not acceptable
  unavailable,  // a resource (store, file, peer) cannot serve now; trying later may help
  denied,       // the caller may not do this
  limit,        // there are as many as there may be
  timeout,      // it took longer than its bound
  internal,     // a bug or a damaged resource
};

struct Error {
  Errc code;
  std::string message;
};

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace starling
