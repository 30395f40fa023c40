// The client's side of SCRAM-SHA-1 (RFC 5802), without channel binding. It does not check that the
// server knows the password.
#pragma once

#include <string>
#include <string_view>

namespace load {

std::string to_base64(std::string_view bytes);
std::string from_base64(std::string_view text);

class Scram {
 public:
  Scram(std::string_view user, std::string_view password);
  [[nodiscard]] std::string first() const { return "n,," + bare_; }
  // In answer to the server's first message. PBKDF2 is done once for each salt of the process.
  [[nodiscard]] std::string final(std::string_view challenge) const;

 private:
  std::string password_;
  std::string bare_;
};

}  // namespace load
