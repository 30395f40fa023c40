// Any bytes as what a client says in SASL. The input is split at line feeds: the first byte
// chooses hash and channel binding, then come the client-first and client-final messages, and text
// for PLAIN, base64 and passwords. Whatever the client says first, only the right proof succeeds.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "xmpp/base64.h"
#include "xmpp/precis.h"
#include "xmpp/sasl/scram.h"
#include "xmpp/sasl/scram_test_client.h"

namespace {

using namespace starling::xmpp;        // NOLINT(google-build-using-namespace)
using namespace starling::xmpp::sasl;  // NOLINT(google-build-using-namespace)

void require(bool ok) {
  if (!ok) std::abort();
}

struct Account {
  ScramKeys keys;
  test::ScramClient client;
};

const Account& account(ScramHash hash) {
  const auto make = [](ScramHash h) {
    return Account{derive_scram_keys(h, "pencil", "salt", 1),
                   test::ScramClient(h, "pencil", "salt", 1)};
  };
  static const std::array accounts{make(ScramHash::sha1), make(ScramHash::sha256),
                                   make(ScramHash::sha512)};
  return accounts[static_cast<std::size_t>(hash)];
}

ScramServer make_server(unsigned choice) {
  const bool plus = (choice & 4U) != 0;
  const bool advertised = plus || (choice & 8U) != 0;
  std::vector<ChannelBinding> bindings;
  if (advertised) bindings = {{"tls-exporter", "DATA"}, {"tls-server-end-point", "HASH"}};
  return {kScramHashes[choice % 3], plus, std::move(bindings), advertised,
          (choice & 16U) != 0 ? "AAAA" : ""};
}

struct Accepted {
  ScramServer server;
  std::string bare;
  std::string challenge;
  std::string final_start;  // the right "c=" and "r="
};

std::optional<Accepted> begin(unsigned choice, std::string_view client_first, bool known) {
  ScramServer server = make_server(choice);
  if (server.on_client_first(client_first)) return std::nullopt;
  require(!server.username().empty() && is_utf8(server.username()));
  const std::size_t end = client_first.find(',', client_first.find(',') + 1) + 1;
  const std::string header(client_first.substr(0, end));
  const std::string bare(client_first.substr(end));
  const std::string challenge =
      server.server_first(account(kScramHashes[choice % 3]).keys, known, "server");
  std::string data;
  if (header.starts_with("p=")) data = header.starts_with("p=tls-exporter,") ? "DATA" : "HASH";
  const std::string nonce = challenge.substr(0, challenge.find(','));
  return Accepted{std::move(server), bare, challenge,
                  "c=" + base64_encode(header + data) + "," + nonce};
}

void run_scram(unsigned choice, std::string_view client_first, std::string_view client_final) {
  const Account& user = account(kScramHashes[choice % 3]);
  auto given = begin(choice, client_first, true);
  if (!given) return;
  // No fuzzer finds a proof on its own.
  if (!given->server.on_client_final(client_final)) {
    const std::size_t end = client_final.rfind(",p=");
    require(end != std::string_view::npos);
    require(client_final ==
            user.client.client_final(given->bare, given->challenge, client_final.substr(0, end)));
  }

  auto right = begin(choice, client_first, true);
  const std::string proven =
      user.client.client_final(right->bare, right->challenge, right->final_start);
  require(!right->server.on_client_final(proven));
  require(right->server.server_final() ==
          user.client.expected_server_final(right->bare, right->challenge, right->final_start));

  auto tampered = begin(choice, client_first, true);
  std::string wrong = proven;
  const std::size_t at = client_final.size() % wrong.size();
  wrong[at] = wrong[at] == 'A' ? 'B' : 'A';
  require(tampered->server.on_client_final(wrong).has_value());
  require(tampered->server.server_final().empty());

  auto unknown = begin(choice, client_first, false);
  require(unknown->server.on_client_final(proven) == SaslFailure::not_authorized);
}

void run_plain(std::string_view text) {
  std::string message(text);
  for (char& c : message) {
    if (c == '|') c = '\0';
  }
  if (const auto plain = parse_plain(message)) {
    require(plain->authzid + '\0' + plain->username + '\0' + plain->password == message);
    require(!plain->username.empty() && !plain->password.empty());
  }
}

void run_base64(std::string_view text) {
  require(base64_decode(base64_encode(text)) == text);
  if (const auto bytes = base64_decode(text)) require(base64_encode(*bytes) == text);
}

void run_password(std::string_view text) {
  const auto prepared = prepare_password(text);
  if (prepared) require(!prepared->empty() && is_utf8(*prepared));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto take_line = [&rest] {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return line;
  };
  const std::string_view client_first = take_line();
  const std::string_view client_final = take_line();
  run_scram(data[0], client_first, client_final);
  run_plain(rest);
  run_base64(rest);
  run_password(rest);
  return 0;
}
