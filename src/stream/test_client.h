// A client in memory, for tests and fuzzing of streams: it says what it is told, and reads what
// comes with the XML scanner, so that everything the server sends is seen to be well-formed.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/memory_connection.h"
#include "stream/test_node.h"
#include "xml/stream_scanner.h"
#include "xml/writer.h"
#include "xmpp/base64.h"
#include "xmpp/ns.h"
#include "xmpp/sasl/scram_test_client.h"

namespace starling::stream::test {

// Reads one connection's worth of streams from the server.
class StreamReader {
 public:
  void read(std::string_view bytes) {
    for (;;) {
      const xml::ScanEvent event = scanner_.next(bytes);
      switch (event.kind) {
        case xml::ScanEvent::Kind::need_more:
          return;
        case xml::ScanEvent::Kind::error:
          broken_ = true;
          return;
        case xml::ScanEvent::Kind::stream_open:
          ++opened_;
          break;
        case xml::ScanEvent::Kind::stream_close:
          closed_ = true;
          break;
        case xml::ScanEvent::Kind::stanza:
          on_element(event.document->root());
          break;
      }
    }
  }
  [[nodiscard]] bool broken() const { return broken_; }  // not well-formed
  [[nodiscard]] bool closed() const { return closed_; }  // </stream:stream>
  [[nodiscard]] int opened() const { return opened_; }   // stream headers
  [[nodiscard]] bool between_elements() const {          // nothing was cut off
    return scanner_.idle() || closed_ || opened_ == restarted_;
  }
  // The server has bound a resource.
  [[nodiscard]] bool bound() const { return bound_; }
  // The condition of the last stream error; "" if there was none.
  [[nodiscard]] const std::string& stream_error() const { return stream_error_; }

 private:
  void on_element(const xml::Element& element) {
    if (!stream_error_.empty()) broken_ = true;  // nothing may follow it
    if (element.is("error", xmpp::ns::kStream)) {
      stream_error_ = element.first_child() ? element.first_child()->name() : "?";
    }
    bound_ =
        bound_ || (element.is("iq", xmpp::ns::kClient) && element.attribute("type") == "result" &&
                   element.child("bind", xmpp::ns::kBind));
    if (element.is("proceed", xmpp::ns::kTls) || element.is("success", xmpp::ns::kSasl)) {
      scanner_.reset();
      restarted_ = opened_;
    }
  }

  xml::Limits limits_;
  xml::StreamScanner scanner_{&limits_};
  int opened_ = 0;
  int restarted_ = 0;
  bool closed_ = false;
  bool broken_ = false;
  bool bound_ = false;
  std::string stream_error_;
};

struct ScramAttempt {
  xmpp::sasl::ScramHash hash = xmpp::sasl::ScramHash::sha1;
  std::string flag = "n";  // "n", "y" or "p=TYPE": then it is a -PLUS mechanism
  std::string binding;     // the client's channel-binding data
  std::string username = "alice";
  std::string password = std::string(kPassword);
  std::string authzid;
};

class TestClient final : public net::MemoryPeer {
 public:
  TestClient(TestNode& node, std::shared_ptr<const C2sOptions> options, std::size_t worker = 0,
             std::string address = "memory")
      : node_(node),
        connection_(
            std::make_shared<net::MemoryConnection>(node.loop(worker), *this, std::move(address))) {
    node.loop(worker).inside([&] { node.service(worker).accept(connection_, std::move(options)); });
    node_.settle();
  }
  ~TestClient() override {
    on_loop([this] { connection_->peer_resets(); });
  }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // Sends, lets the server work it all out, and gives back what it answered.
  std::string say(std::string_view text) {
    on_loop([&] { connection_->peer_sends(text); });
    return take();
  }
  // What came since the last call.
  std::string take() { return std::exchange(received_, {}); }
  void complete_tls(const net::PretendedTls& tls) {
    on_loop([&] { connection_->peer_completes_tls(tls); });
  }
  // Calls `fn` on the connection's loop, and settles.
  template <class Fn>
  void on_loop(Fn fn) {
    static_cast<ManualLoop&>(connection_->loop()).inside(std::move(fn));
    node_.settle();
  }

  [[nodiscard]] net::MemoryConnection& connection() { return *connection_; }
  [[nodiscard]] const StreamReader& reader() const { return reader_; }
  [[nodiscard]] bool ended() const { return ended_; }      // FIN
  [[nodiscard]] bool dropped() const { return dropped_; }  // RST

  static std::string header(std::string_view to = kHost) {
    return "<?xml version='1.0'?><stream:stream to='" + std::string(to) +
           "' version='1.0' xmlns='jabber:client' "
           "xmlns:stream='http://etherx.jabber.org/streams'>";
  }
  std::string open() { return say(header()); }

  // One SCRAM exchange; the server's last word. "bad signature" if the success is not the server's.
  std::string scram(const ScramAttempt& attempt) {
    const bool plus = attempt.flag.starts_with("p=");
    const std::string header =
        attempt.flag + "," + (attempt.authzid.empty() ? "" : "a=" + attempt.authzid) + ",";
    const std::string bare = "n=" + attempt.username + ",r=clientnonce";
    std::string reply =
        say(sasl("auth", header + bare,
                 " mechanism='" + std::string(scram_name(attempt.hash)) + (plus ? "-PLUS'" : "'")));
    if (!reply.starts_with("<challenge")) return reply;
    const std::string challenge = content_of(reply);
    const xmpp::sasl::test::ScramClient client(attempt.hash, attempt.password, salt_of(challenge),
                                               iterations_of(challenge));
    const std::string without_proof = "c=" + xmpp::base64_encode(header + attempt.binding) + "," +
                                      challenge.substr(0, challenge.find(','));
    reply = say(sasl("response", client.client_final(bare, challenge, without_proof)));
    const bool success = reply.starts_with("<success");
    if (success &&
        content_of(reply) != client.expected_server_final(bare, challenge, without_proof)) {
      return "bad signature";
    }
    return reply;
  }

  // From the first byte to a bound resource, without TLS; the options must allow it.
  std::string log_in(std::string_view resource, std::string_view username = "alice") {
    open();
    ScramAttempt attempt;
    attempt.username = username;
    scram(attempt);
    open();
    return bind(resource);
  }
  std::string bind(std::string_view resource) {
    return say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" +
               std::string(resource) + "</resource></bind></iq>");
  }

  static std::string sasl(std::string_view name, std::string_view data,
                          std::string_view attributes = "") {
    return "<" + std::string(name) + " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'" +
           std::string(attributes) + ">" + xmpp::base64_encode(data) + "</" + std::string(name) +
           ">";
  }
  // The decoded text of one SASL element.
  static std::string content_of(std::string_view element) {
    const auto begin = element.find('>') + 1;
    const auto end = element.find("</");
    if (end == std::string_view::npos || end < begin) return "";
    return xmpp::base64_decode(element.substr(begin, end - begin)).value_or("?");
  }

  // net::MemoryPeer
  void on_bytes(std::string_view bytes) override {
    received_ += bytes;
    reader_.read(bytes);
  }
  void on_end(bool dropped) override {
    ended_ = !dropped;
    dropped_ = dropped;
  }

 private:
  static std::string salt_of(std::string_view challenge) {
    const auto begin = challenge.find(",s=") + 3;
    return *xmpp::base64_decode(challenge.substr(begin, challenge.find(',', begin) - begin));
  }
  static std::uint32_t iterations_of(const std::string& challenge) {
    return static_cast<std::uint32_t>(std::atoi(challenge.c_str() + challenge.find(",i=") + 3));
  }

  TestNode& node_;
  std::shared_ptr<net::MemoryConnection> connection_;
  std::string received_;
  StreamReader reader_;
  bool ended_ = false;
  bool dropped_ = false;
};

}  // namespace starling::stream::test
