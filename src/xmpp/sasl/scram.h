// SCRAM, the server's side (RFC 5802, RFC 7677, draft-melnikov-scram-sha-512; channel binding by
// RFC 5929 tls-server-end-point and RFC 9266 tls-exporter; downgrade protection by XEP-0474).
//
// Pure: no I/O, no clock, no randomness of its own (the nonce is given). Keys and proofs are
// compared in constant time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::xmpp::sasl {

enum class ScramHash : std::uint8_t { sha1, sha256, sha512 };
inline constexpr std::array kScramHashes{ScramHash::sha1, ScramHash::sha256, ScramHash::sha512};

// "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"
[[nodiscard]] std::string_view scram_name(ScramHash hash);

// What the server keeps of a password for one hash (RFC 5802 section 3). Never the password.
struct ScramKeys {
  std::string salt;
  std::uint32_t iterations = 0;
  std::string stored_key;  // H(ClientKey)
  std::string server_key;
};

// SASLprep (RFC 4013) of a password; nullopt if it holds prohibited characters, is empty, or longer
// than 1,024 octets.
[[nodiscard]] std::optional<std::string> prepare_password(std::string_view password);

// Derives keys from an already prepared password: PBKDF2, so it takes milliseconds: not on a
// worker's thread.
[[nodiscard]] ScramKeys derive_scram_keys(ScramHash hash, std::string_view prepared_password,
                                          std::string_view salt, std::uint32_t iterations);

// True if `prepared_password` gives these keys (for PLAIN). Takes as long as derive_scram_keys.
[[nodiscard]] bool verify_password(ScramHash hash, const ScramKeys& keys,
                                   std::string_view prepared_password);

struct ChannelBinding {
  std::string type;  // "tls-exporter", "tls-server-end-point"
  std::string data;
};

// XEP-0474: the value of the "h" attribute for the mechanisms and channel-binding types this
// server advertised, base64 of the hash. `binding_types` is empty if XEP-0440 was not advertised.
[[nodiscard]] std::string downgrade_hash(ScramHash hash, std::vector<std::string> mechanisms,
                                         std::vector<std::string> binding_types);

// Why an exchange failed, in the words of RFC 6120 section 6.5.
enum class SaslFailure : std::uint8_t {
  aborted,
  incorrect_encoding,
  invalid_authzid,
  malformed_request,
  not_authorized,
};

// One exchange: on_client_first, then (after looking up the account's keys) server_first, then
// on_client_final. Any failure ends it.
class ScramServer {
 public:
  // `plus`: the client chose the -PLUS variant. `bindings`: what this TLS connection offers (empty
  // without TLS). `plus_advertised`: a client that says "y" (I could bind, you can't) is then
  // victim of a downgrade and refused (RFC 5802 section 6).
  // `downgrade_hash`: of XEP-0474, or empty to leave it out.
  ScramServer(ScramHash hash, bool plus, std::vector<ChannelBinding> bindings, bool plus_advertised,
              std::string downgrade_hash);

  // The failure, or nullopt if the message is acceptable; then username() and authzid() are set.
  std::optional<SaslFailure> on_client_first(std::string_view message);
  [[nodiscard]] const std::string& username() const { return username_; }  // unescaped, unprepared
  [[nodiscard]] const std::string& authzid() const { return authzid_; }    // "" if none

  // The server-first-message. `server_nonce`: printable without comma, from a random generator.
  // Called with made-up keys for an unknown user, so that nobody can tell (then `known` is false
  // and the final step fails whatever the proof).
  std::string server_first(const ScramKeys& keys, bool known, std::string_view server_nonce);

  // The failure, or nullopt and server_final() is the message to send with success.
  std::optional<SaslFailure> on_client_final(std::string_view message);
  [[nodiscard]] const std::string& server_final() const { return server_final_; }

 private:
  enum class State : std::uint8_t { start, client_first, server_first, done, failed };

  std::optional<SaslFailure> check_binding_flag(std::string_view flag);
  [[nodiscard]] bool proof_is_valid(std::string_view proof) const;

  ScramHash hash_;
  bool plus_;
  std::vector<ChannelBinding> bindings_;
  bool plus_advertised_;
  std::string downgrade_hash_;
  std::string gs2_header_;
  std::string expected_binding_;  // base64 of gs2 header and channel-binding data: what "c=" holds
  std::string username_;
  std::string authzid_;
  std::string client_nonce_;
  std::string auth_message_;  // client-first-bare "," server-first ","
  std::string nonce_;
  ScramKeys keys_;
  bool known_ = false;
  State state_ = State::start;
  std::string server_final_;
};

// The PLAIN message (RFC 4616): [authzid] NUL authcid NUL password. nullopt if malformed.
struct PlainMessage {
  std::string authzid;
  std::string username;
  std::string password;
};
[[nodiscard]] std::optional<PlainMessage> parse_plain(std::string_view message);

}  // namespace starling::xmpp::sasl
