#include <algorithm>
#include <cassert>
#include <utility>

#include "xmpp/base64.h"
#include "xmpp/precis.h"
#include "xmpp/sasl/scram.h"
#include "xmpp/sasl/scram_crypto.h"

namespace starling::xmpp::sasl {
namespace {

struct Attribute {
  char name;
  std::string_view value;
};

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Reads the comma-separated attributes of a message, each ALPHA "=" 1*value-char.
class AttributeReader {
 public:
  explicit AttributeReader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return at_end_; }

  // nullopt if there is no further one, or it is malformed, or it is the reserved "m", which must
  // make authentication fail wherever it turns up (RFC 5802 section 5.1).
  std::optional<Attribute> next() {
    if (at_end_) return std::nullopt;
    const std::size_t comma = rest_.find(',');
    const std::string_view item = rest_.substr(0, comma);
    at_end_ = comma == std::string_view::npos;
    if (!at_end_) rest_.remove_prefix(comma + 1);
    if (item.size() < 3 || !is_alpha(item[0]) || item[1] != '=' || item[0] == 'm') {
      return std::nullopt;
    }
    return Attribute{item[0], item.substr(2)};
  }

  // The next attribute's value, if its name is `name`.
  std::optional<std::string_view> next(char name) {
    const auto attribute = next();
    if (!attribute || attribute->name != name) return std::nullopt;
    return attribute->value;
  }

 private:
  std::string_view rest_;
  bool at_end_ = false;
};

// RFC 5802 section 5.1, "n": "=2C" is a comma and "=3D" an equals sign; no other "=" may occur.
std::optional<std::string> decode_saslname(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    const std::string_view escape = text.substr(i, 3);
    if (escape == "=2C") {
      out += ',';
    } else if (escape == "=3D") {
      out += '=';
    } else {
      return std::nullopt;
    }
    i += 2;
  }
  if (out.empty()) return std::nullopt;
  return out;
}

bool is_nonce(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && c != ','; });
}

bool is_message_text(std::string_view message) {
  return message.find('\0') == std::string_view::npos && is_utf8(message);
}

}  // namespace

ScramServer::ScramServer(ScramHash hash, bool plus, std::vector<ChannelBinding> bindings,
                         bool plus_advertised, std::string downgrade_hash)
    : hash_(hash),
      plus_(plus),
      bindings_(std::move(bindings)),
      plus_advertised_(plus_advertised),
      downgrade_hash_(std::move(downgrade_hash)) {}

std::optional<SaslFailure> ScramServer::check_binding_flag(std::string_view flag) {
  std::string_view data;
  if (flag.starts_with("p=")) {
    if (!plus_) return SaslFailure::malformed_request;
    const std::string_view type = flag.substr(2);
    const auto binding = std::ranges::find(bindings_, type, &ChannelBinding::type);
    if (binding == bindings_.end()) return SaslFailure::not_authorized;
    data = binding->data;
  } else if (flag == "y") {
    if (plus_) return SaslFailure::malformed_request;
    // The client could bind and thinks that we cannot: somebody took -PLUS off our list.
    if (plus_advertised_) return SaslFailure::not_authorized;
  } else if (flag != "n" || plus_) {
    return SaslFailure::malformed_request;
  }
  expected_binding_ = base64_encode(gs2_header_ + std::string(data));
  return std::nullopt;
}

std::optional<SaslFailure> ScramServer::on_client_first(std::string_view message) {
  assert(state_ == State::start && "one client-first-message per exchange");
  state_ = State::failed;
  if (!is_message_text(message)) return SaslFailure::malformed_request;
  const std::size_t flag_end = message.find(',');
  const std::size_t authzid_end =
      flag_end == std::string_view::npos ? flag_end : message.find(',', flag_end + 1);
  if (authzid_end == std::string_view::npos) return SaslFailure::malformed_request;
  gs2_header_ = message.substr(0, authzid_end + 1);
  const std::string_view authzid = message.substr(flag_end + 1, authzid_end - flag_end - 1);
  const std::string_view bare = message.substr(authzid_end + 1);

  if (!authzid.empty()) {
    auto name = authzid.starts_with("a=") ? decode_saslname(authzid.substr(2)) : std::nullopt;
    if (!name) return SaslFailure::malformed_request;
    authzid_ = std::move(*name);
  }
  AttributeReader attributes(bare);
  const auto escaped_name = attributes.next('n');
  const auto nonce = attributes.next('r');
  if (!escaped_name || !nonce || !is_nonce(*nonce)) return SaslFailure::malformed_request;
  while (!attributes.at_end()) {
    if (!attributes.next()) return SaslFailure::malformed_request;
  }
  auto name = decode_saslname(*escaped_name);
  if (!name) return SaslFailure::malformed_request;
  if (auto failure = check_binding_flag(message.substr(0, flag_end))) return failure;
  username_ = std::move(*name);
  client_nonce_ = *nonce;
  auth_message_ = bare;
  state_ = State::client_first;
  return std::nullopt;
}

std::string ScramServer::server_first(const ScramKeys& keys, bool known,
                                      std::string_view server_nonce) {
  assert(state_ == State::client_first && "server_first answers an accepted client-first-message");
  assert(is_nonce(server_nonce));
  keys_ = keys;
  known_ = known;
  nonce_ = client_nonce_ + std::string(server_nonce);
  std::string message =
      "r=" + nonce_ + ",s=" + base64_encode(keys_.salt) + ",i=" + std::to_string(keys_.iterations);
  if (!downgrade_hash_.empty()) message += ",h=" + downgrade_hash_;
  auth_message_ += ',' + message + ',';
  state_ = State::server_first;
  return message;
}

std::optional<SaslFailure> ScramServer::on_client_final(std::string_view message) {
  assert(state_ == State::server_first && "the client-final-message answers server_first");
  state_ = State::failed;
  if (!is_message_text(message)) return SaslFailure::malformed_request;
  AttributeReader attributes(message);
  const auto binding = attributes.next('c');
  const auto nonce = attributes.next('r');
  if (!binding || !nonce) return SaslFailure::malformed_request;
  auto last = attributes.next();
  while (last && !attributes.at_end()) {
    if (last->name == 'p') return SaslFailure::malformed_request;  // the proof comes last
    last = attributes.next();
  }
  if (!last || last->name != 'p') return SaslFailure::malformed_request;
  const auto proof = base64_decode(last->value);
  if (!proof || !base64_decode(*binding)) return SaslFailure::malformed_request;
  if (*binding != expected_binding_ || *nonce != nonce_) return SaslFailure::not_authorized;

  auth_message_ += message.substr(0, message.size() - last->value.size() - 3);  // without ",p="
  if (!proof_is_valid(*proof)) return SaslFailure::not_authorized;
  server_final_ = "v=" + base64_encode(scram_hmac(hash_, keys_.server_key, auth_message_));
  state_ = State::done;
  return std::nullopt;
}

bool ScramServer::proof_is_valid(std::string_view proof) const {
  if (proof.size() != hash_size(hash_)) return false;
  std::string client_key = scram_hmac(hash_, keys_.stored_key, auth_message_);
  for (std::size_t i = 0; i < client_key.size(); ++i) {
    client_key[i] = static_cast<char>(client_key[i] ^ proof[i]);
  }
  // Both are looked at, so that an unknown user takes as long as a wrong password.
  const bool right = equal_in_constant_time(scram_h(hash_, client_key), keys_.stored_key);
  return static_cast<bool>(static_cast<int>(right) & static_cast<int>(known_));
}

}  // namespace starling::xmpp::sasl
