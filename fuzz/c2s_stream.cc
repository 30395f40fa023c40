// Any bytes as what a client says on its stream, against a whole server in memory.
//
// The first byte chooses where the dialogue begins (its low two bits: fresh, under TLS,
// authenticated, bound) and how the rest is cut (bit 2: pieces whose sizes come from the data). In
// the rest, control characters that XML forbids are events: see run_event. Whatever is said: what
// the server says is well-formed, a stream error is its last word, and nobody hears anything that
// was not addressed to him.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "core/test_session.h"
#include "modules/registry.h"
#include "stream/test_client.h"

namespace {

using namespace starling;  // NOLINT(google-build-using-namespace)
using stream::test::TestClient;
using stream::test::TestNode;

void require(bool ok) {
  if (!ok) std::abort();
}

enum class Start : unsigned char { fresh, secure, authenticated, bound };

const net::PretendedTls kTls{
    .info = {.version = "TLSv1.3", .cipher = "", .alpn = "", .server_name = ""},
    .channel_bindings = {{"tls-exporter", "exported"}}};

// A session of another user.
class Bystander final : public core::TestOutbox {
 public:
  bool deliver(const xmpp::Stanza& stanza) override {
    ++heard_;
    require(stanza.to().bare() == "bob@example.org");
    require(stanza.from().bare() == "alice@example.org" || stanza.from().is_domain() ||
            stanza.from().bare() == "bob@example.org");
    return false;
  }
  void end(xmpp::StreamCondition, std::string_view) override { std::abort(); }
  [[nodiscard]] int heard() const { return heard_; }

 private:
  int heard_ = 0;
};

std::shared_ptr<stream::C2sOptions> options_for(Start start) {
  auto options = std::make_shared<stream::C2sOptions>();
  options->tls = std::make_shared<net::TlsContext>(net::TlsContext::Table{});
  options->direct_tls = start == Start::secure;
  options->starttls_required = start == Start::fresh;
  options->max_queued_bytes = 100'000;
  return options;
}

// PLAIN would take the thread pool, and milliseconds, for every password.
std::string without_plain(std::string text) {
  for (auto at = text.find("PLAIN"); at != std::string::npos; at = text.find("PLAIN", at)) {
    text.replace(at, 5, "PLAIM");
  }
  return text;
}

class Dialogue {
 public:
  explicit Dialogue(Start start)
      : node_(pool(), 1, modules::all()), client_(node_, options_for(start)) {
    node_.add_account("bob");
    const auto bob = xmpp::Jid::parse("bob@example.org/home");
    bystander_session_ = &core::bind_at_once(worker(), *bob, bystander_);
    switch (start) {
      case Start::fresh:
        break;
      case Start::secure:
        client_.complete_tls(kTls);
        break;
      case Start::authenticated:
        client_.open();
        require(client_.scram({}).starts_with("<success"));
        break;
      case Start::bound:
        require(client_.log_in("fuzz").find("<jid>") != std::string::npos);
        break;
    }
  }
  ~Dialogue() {
    node_.loop().inside([this] { worker().unbind(*bystander_session_); });
    node_.settle();
  }
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;

  void say(std::string_view text) {
    if (text.empty() || over_) return;
    client_.say(text);
    if (client_.connection().tls_started() && !client_.connection().is_secure()) {
      client_.complete_tls(kTls);
    }
    check();
  }
  // A client that says nothing more: its end is due.
  void end() {
    if (!over_) client_.on_loop([this] { client_.connection().peer_closes(); });
    over_ = true;
    check();
    // One that can be resumed (XEP-0198) stays for a while, an hour at most.
    if (node_.server().session_count() > 1) node_.advance(std::chrono::hours(2));
    require(node_.server().session_count() == 1);
    bool empty = false;
    node_.loop().inside([&] { node_.service().shut_down([&] { empty = true; }); });
    require(empty);
  }
  void run_event(char event) {
    if (over_) return;
    switch (event) {
      case '\x01':
        break;  // the next bytes come in a piece of their own
      case '\x02':
        node_.advance(std::chrono::seconds(70));
        break;
      case '\x03':
        client_.on_loop([this] { client_.connection().peer_takes(0); });
        break;
      case '\x04':
        client_.on_loop([this] { client_.connection().peer_takes(200'000); });
        break;
      case '\x05':
        end();
        break;
      case '\x06':
        client_.on_loop([this] { client_.connection().peer_resets(); });
        over_ = true;
        break;
      default:
        break;
    }
    if (!over_) check();
  }
  [[nodiscard]] bool over() const { return over_; }

 private:
  static ThreadPool& pool() {
    static ThreadPool one(1, "fuzz");
    return one;
  }
  core::Worker& worker() { return node_.server().worker(0); }

  void check() {
    const auto& reader = client_.reader();
    require(!reader.broken());
    if (!reader.stream_error().empty()) require(!client_.connection().is_open());
    if (client_.ended()) require(reader.closed() || reader.opened() == 0);
    if (reader.closed()) require(reader.between_elements());
    // Who has no session reaches nobody.
    if (!reader.bound()) require(bystander_.heard() == 0);
    require(node_.server().session_count() <= 2);
  }

  TestNode node_;
  TestClient client_;
  Bystander bystander_;
  core::Session* bystander_session_ = nullptr;
  bool over_ = false;
};

bool is_event(char c) {
  return c >= '\x01' && c <= '\x06';
}

void run(Dialogue& dialogue, std::string_view rest, bool in_pieces) {
  while (!rest.empty() && !dialogue.over()) {
    if (is_event(rest.front())) {
      dialogue.run_event(rest.front());
      rest.remove_prefix(1);
      continue;
    }
    std::size_t length = 0;
    while (length < rest.size() && !is_event(rest[length])) ++length;
    if (in_pieces)
      length = std::min<std::size_t>(length, 1 + static_cast<unsigned char>(rest[0]) % 61);
    dialogue.say(rest.substr(0, length));
    rest.remove_prefix(length);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  log::configure(log::Level::error, log::Format::text);
  const unsigned first = data[0];
  const std::string rest =
      without_plain(std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  Dialogue dialogue(static_cast<Start>(first & 3U));
  run(dialogue, rest, (first & 4U) != 0);
  dialogue.end();
  return 0;
}
