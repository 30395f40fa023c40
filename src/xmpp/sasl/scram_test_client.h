// The client's side of SCRAM, for tests and fuzzing only: it always sends the right proof.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "xmpp/base64.h"
#include "xmpp/sasl/scram_crypto.h"

namespace starling::xmpp::sasl::test {

struct ScramClient {
  ScramHash hash;
  std::string salted_password;

  ScramClient(ScramHash h, std::string_view password, std::string_view salt,
              std::uint32_t iterations)
      : hash(h), salted_password(scram_hi(h, password, salt, iterations)) {}

  // `without_proof`: the client-final-message up to, but without, ",p=".
  [[nodiscard]] std::string client_final(std::string_view first_bare, std::string_view server_first,
                                         std::string_view without_proof) const {
    std::string proof = scram_hmac(hash, salted_password, "Client Key");
    const std::string signature = scram_hmac(hash, scram_h(hash, proof),
                                             auth_message(first_bare, server_first, without_proof));
    for (std::size_t i = 0; i < proof.size(); ++i) {
      proof[i] = static_cast<char>(proof[i] ^ signature[i]);
    }
    return std::string(without_proof) + ",p=" + base64_encode(proof);
  }

  [[nodiscard]] std::string expected_server_final(std::string_view first_bare,
                                                  std::string_view server_first,
                                                  std::string_view without_proof) const {
    const std::string key = scram_hmac(hash, salted_password, "Server Key");
    return "v=" + base64_encode(
                      scram_hmac(hash, key, auth_message(first_bare, server_first, without_proof)));
  }

 private:
  static std::string auth_message(std::string_view first_bare, std::string_view server_first,
                                  std::string_view without_proof) {
    return std::string(first_bare) + "," + std::string(server_first) + "," +
           std::string(without_proof);
  }
};

}  // namespace starling::xmpp::sasl::test
