// Signature Version 4: how AWS knows who sends a request, by headers or by the query of a URL.
//
// Pure: what is signed, and when, is given.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/http.h"

namespace starling::cloud::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token{};               // "": none is needed
  std::optional<std::int64_t> expires_us{};  // microseconds since 1970; nullopt: never
};

// For what a signature is good.
struct Scope {
  std::string region;
  std::string service;  // the signing name: "autoscaling", "monitoring", "s3"
};

// What is to be asked for, before any encoding.
struct Target {
  std::string method = "GET";
  std::string origin;      // "https://host" or "http://host:port"
  std::string path = "/";  // without "." and ".." as segments
  std::vector<std::pair<std::string, std::string>> query{};
  std::vector<Header> headers{};  // to be sent and signed, besides Host
};

// The payload is not signed: S3 takes that.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// All but A-Z a-z 0-9 - _ . ~ as %XX.
[[nodiscard]] std::string percent_encode(std::string_view text, bool keep_slash = false);
// name=value pairs, encoded, joined by &.
[[nodiscard]] std::string form_of(const std::vector<std::pair<std::string, std::string>>& fields);
[[nodiscard]] std::string sha256_hex(std::string_view text);

// The URL of it, to be sent as it is.
[[nodiscard]] std::string url_of(const Target& target);

// The headers to send: those of the target, X-Amz-Date, X-Amz-Security-Token if there is one, and
// Authorization. `payload_hash`: sha256_hex of the body, or kUnsignedPayload.
[[nodiscard]] std::vector<Header> sign(const Target& target, std::string_view payload_hash,
                                       const Scope& scope, const Credentials& credentials,
                                       std::int64_t now_us);

// A URL that does what the target says for whoever has it, for so long (a week at most). Whoever
// uses it must send the target's headers.
[[nodiscard]] std::string presign(Target target, const Scope& scope, const Credentials& credentials,
                                  std::int64_t now_us, std::chrono::seconds valid_for);

}  // namespace starling::cloud::aws
