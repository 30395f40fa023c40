// TlsSession and TlsContext against OpenSSL's client, both in memory.
#include "net/tls.h"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/test_support.h"
#include "net/tls_test_client.h"

namespace starling::net {
namespace {

using Status = TlsSession::Status;
using test::TlsClient;
using test::TlsClientOptions;

const std::vector<std::string> kAlpn{"xmpp-client"};

std::shared_ptr<const Certificate> certificate_for(const TemporaryFolder& folder,
                                                   const std::string& host) {
  const std::string path = folder / "cert.pem";
  const auto made = make_self_signed(path, host);
  EXPECT_TRUE(made.has_value());
  auto loaded = Certificate::load(path);
  EXPECT_TRUE(loaded.has_value());
  return *loaded;
}

// A client and a session, and the wire between them.
class TlsLink {
 public:
  TlsLink(const std::shared_ptr<TlsContext>& context, const TlsClientOptions& options,
          const std::string& server_name = "")
      : client(options), server(context, server_name) {}

  // Carries bytes until neither side has more to say.
  void run() {
    for (;;) {
      client.step();
      const std::string to_server = client.take();
      if (!to_server.empty()) feed_server(to_server);
      const std::string to_client = std::exchange(server.output(), {});
      if (to_server.empty() && to_client.empty()) return;
      client.feed(to_client);
    }
  }
  void feed_server(std::string_view bytes) {
    server.feed(bytes);
    char buffer[4'096];
    std::size_t got = 0;
    do {
      status = server.read(buffer, sizeof buffer, got);
      server_received.append(buffer, got);
    } while (status == Status::ok && got > 0);
  }
  [[nodiscard]] X509* peer_certificate() { return SSL_get0_peer_certificate(client.ssl()); }

  TlsClient client;
  TlsSession server;
  Status status = Status::ok;
  std::string server_received;
};

class Tls : public testing::TestWithParam<int> {
 protected:
  std::shared_ptr<TlsContext> context_of(const std::vector<std::string>& hosts) {
    TlsContext::Table table;
    for (const auto& host : hosts) table.push_back(certificate_for(folder_, host));
    return std::make_shared<TlsContext>(std::move(table), kAlpn);
  }
  TlsClientOptions options(const std::string& server_name = "", const std::string& alpn = "") {
    return {.version = GetParam(), .server_name = server_name, .alpn = alpn};
  }
  TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Versions, Tls, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(Tls, Handshake_CarriesDataBothWays) {
  TlsLink link(context_of({"example.org"}), options("example.org", "xmpp-client"));
  EXPECT_FALSE(link.server.established());
  link.run();
  ASSERT_TRUE(link.server.established());
  ASSERT_TRUE(link.client.established());
  const TlsInfo info = link.server.info();
  EXPECT_EQ(info.version, GetParam() == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
  EXPECT_EQ(info.alpn, "xmpp-client");
  EXPECT_EQ(info.server_name, "example.org");
  EXPECT_FALSE(info.cipher.empty());

  const std::string large(100'000, 'x');  // several records
  link.client.write("to the server");
  EXPECT_EQ(link.server.write(large), Status::ok);
  link.run();
  EXPECT_EQ(link.server_received, "to the server");
  EXPECT_EQ(link.client.received(), large);
}

TEST_P(Tls, BytesOneByOne_GiveTheSame) {
  TlsLink link(context_of({"example.org"}), options());
  for (int round = 0; round < 4; ++round) {
    link.client.step();
    if (link.client.established() && round == 3) link.client.write("hello");
    for (const char byte : link.client.take()) {
      link.feed_server({&byte, 1});
      ASSERT_EQ(link.status, Status::ok);
    }
    link.client.feed(std::exchange(link.server.output(), {}));
  }
  EXPECT_TRUE(link.server.established());
  EXPECT_EQ(link.server_received, "hello");
}

TEST_P(Tls, ServerName_ChoosesTheCertificate) {
  const auto context = context_of({"a.example", "b.example"});
  for (const std::string host : {"a.example", "b.example"}) {
    TlsLink link(context, options(host));
    link.run();
    ASSERT_TRUE(link.client.established());
    EXPECT_EQ(X509_check_host(link.peer_certificate(), host.c_str(), 0, 0, nullptr), 1) << host;
  }
}

TEST_P(Tls, NoServerName_StreamsHostChoosesTheCertificateElseTheFirst) {
  const auto context = context_of({"a.example", "b.example"});
  for (const auto& [stream_host, expected] :
       {std::pair{"b.example", "b.example"}, {"", "a.example"}, {"c.example", "a.example"}}) {
    TlsLink link(context, options(), stream_host);
    link.run();
    ASSERT_TRUE(link.client.established());
    EXPECT_EQ(X509_check_host(link.peer_certificate(), expected, 0, 0, nullptr), 1);
  }
  // A name that is nobody's does not undo the choice made by the stream.
  TlsLink unknown(context, options("c.example"), "b.example");
  unknown.run();
  EXPECT_EQ(X509_check_host(unknown.peer_certificate(), "b.example", 0, 0, nullptr), 1);
}

TEST_P(Tls, UnknownAlpn_IsRefused) {
  TlsLink link(context_of({"example.org"}), options("", "h2"));
  link.run();
  EXPECT_EQ(link.status, Status::failed);
  EXPECT_FALSE(link.server.established());
  EXPECT_TRUE(link.client.failed());  // it was told by an alert
}

TEST_P(Tls, CloseNotify_IsSeenOnBothSides) {
  TlsLink link(context_of({"example.org"}), options());
  link.run();
  link.server.shutdown();
  link.run();
  EXPECT_TRUE(link.client.got_close_notify());
  SSL_shutdown(link.client.ssl());
  link.feed_server(link.client.take());
  EXPECT_EQ(link.status, Status::closed);
}

TEST_P(Tls, DataBeforeCloseNotify_IsNotLost) {
  TlsLink link(context_of({"example.org"}), options());
  link.run();
  link.client.write("last words");
  SSL_shutdown(link.client.ssl());
  link.feed_server(link.client.take());
  EXPECT_EQ(link.server_received, "last words");
  EXPECT_EQ(link.status, Status::closed);
}

TEST_P(Tls, TruncatedRecord_WaitsForTheRest) {
  TlsLink link(context_of({"example.org"}), options());
  link.run();
  link.client.write("0123456789");
  const std::string record = link.client.take();
  link.feed_server(std::string_view(record).substr(0, record.size() - 1));
  EXPECT_EQ(link.status, Status::ok);
  EXPECT_EQ(link.server_received, "");
  link.feed_server(std::string_view(record).substr(record.size() - 1));
  EXPECT_EQ(link.server_received, "0123456789");
}

TEST_P(Tls, TamperedRecord_Fails) {
  TlsLink link(context_of({"example.org"}), options());
  link.run();
  link.client.write("0123456789");
  std::string record = link.client.take();
  record.back() = static_cast<char>(record.back() ^ 1);
  link.feed_server(record);
  EXPECT_EQ(link.status, Status::failed);
  EXPECT_EQ(link.server_received, "");
  EXPECT_FALSE(link.server.error().empty());
}

TEST_P(Tls, ChannelBindings_AreEqualOnBothEnds) {
  const auto context = context_of({"example.org"});
  TlsLink link(context, options());
  EXPECT_EQ(link.server.channel_binding("tls-exporter"), std::nullopt);
  link.run();
  std::string exported(32, '\0');
  // RFC 9266: the context is there, of zero length.
  const unsigned char none[1] = {};
  ASSERT_EQ(SSL_export_keying_material(link.client.ssl(),
                                       reinterpret_cast<unsigned char*>(exported.data()),
                                       exported.size(), "EXPORTER-Channel-Binding", 24, none, 0, 1),
            1);
  EXPECT_EQ(link.server.channel_binding("tls-exporter"), exported);

  std::string hash(32, '\0');
  unsigned length = 0;
  X509_digest(link.peer_certificate(), EVP_sha256(), reinterpret_cast<unsigned char*>(hash.data()),
              &length);
  EXPECT_EQ(link.server.channel_binding("tls-server-end-point"), hash);
  EXPECT_EQ(link.server.channel_binding("tls-unique"), std::nullopt);
}

TEST_P(Tls, Replace_ServesNewSessionsOnly) {
  const auto context = context_of({"example.org"});
  TlsLink before(context, options("example.org"));
  before.run();
  const std::string old_hash = *before.server.channel_binding("tls-server-end-point");

  const auto renewed = certificate_for(folder_, "example.org");
  context->replace({renewed});
  TlsLink after(context, options("example.org"));
  after.run();
  EXPECT_EQ(after.server.channel_binding("tls-server-end-point"), renewed->end_point_hash());
  EXPECT_NE(renewed->end_point_hash(), old_hash);
  // The one that stands goes on as it was.
  before.client.write("still here");
  before.run();
  EXPECT_EQ(before.server_received, "still here");
  EXPECT_EQ(before.server.channel_binding("tls-server-end-point"), old_hash);
}

TEST_P(Tls, Garbage_FailsWithWords) {
  const auto context = context_of({"example.org"});
  for (const std::string_view garbage :
       {"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "<?xml version='1.0'?><stream:stream to='a'",
        "\x16\x03\x01\xff\xff garbage in a handshake record"}) {
    TlsLink link(context, options());
    link.feed_server(std::string(garbage) + std::string(70'000, '\xff'));
    EXPECT_EQ(link.status, Status::failed);
    EXPECT_FALSE(link.server.error().empty());
  }
}

TEST(Tls12, Renegotiation_IsRefused) {
  const TemporaryFolder folder;
  const auto context = std::make_shared<TlsContext>(
      TlsContext::Table{certificate_for(folder, "example.org")}, kAlpn);
  TlsLink link(context, {.version = TLS1_2_VERSION});
  link.run();
  ASSERT_TRUE(link.client.established());
  EXPECT_EQ(SSL_renegotiate(link.client.ssl()), 1);
  SSL_do_handshake(link.client.ssl());
  link.feed_server(link.client.take());
  link.client.feed(std::exchange(link.server.output(), {}));
  EXPECT_LE(SSL_do_handshake(link.client.ssl()), 0);
  EXPECT_FALSE(link.client.established());
  link.run();
  EXPECT_EQ(SSL_num_renegotiations(link.client.ssl()), 1);  // tried, and never finished
  EXPECT_FALSE(link.client.established());
}

TEST(Tls13, KeyUpdate_IsAnswered) {
  const TemporaryFolder folder;
  const auto context = std::make_shared<TlsContext>(
      TlsContext::Table{certificate_for(folder, "example.org")}, kAlpn);
  TlsLink link(context, {});
  link.run();
  SSL_key_update(link.client.ssl(), SSL_KEY_UPDATE_REQUESTED);
  link.client.write("under new keys");
  link.run();
  EXPECT_EQ(link.server.write("under new keys, too"), Status::ok);
  link.run();
  EXPECT_EQ(link.server_received, "under new keys");
  EXPECT_EQ(link.client.received(), "under new keys, too");
}

TEST(Tls11, OldVersion_IsRefused) {
  const TemporaryFolder folder;
  const auto context = std::make_shared<TlsContext>(
      TlsContext::Table{certificate_for(folder, "example.org")}, kAlpn);
  TlsLink link(context, {.version = TLS1_1_VERSION});
  // Debian's security level keeps a client from offering it at all; either way nothing is agreed.
  link.run();
  EXPECT_FALSE(link.server.established());
  EXPECT_FALSE(link.client.established());
}

TEST(TlsSession, WithoutCertificate_Fails) {
  TlsSession session(std::make_shared<TlsContext>(TlsContext::Table{}), "example.org");
  char buffer[16];
  std::size_t got = 0;
  session.feed("x");
  EXPECT_EQ(session.read(buffer, sizeof buffer, got), Status::failed);
  EXPECT_EQ(session.error(), "no certificate is loaded");
  EXPECT_EQ(session.write("x"), Status::failed);
  session.shutdown();
}

}  // namespace
}  // namespace starling::net
