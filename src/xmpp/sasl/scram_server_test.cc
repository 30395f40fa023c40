#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "xmpp/base64.h"
#include "xmpp/sasl/scram.h"
#include "xmpp/sasl/scram_test_client.h"

namespace starling::xmpp::sasl {
namespace {

using Failure = std::optional<SaslFailure>;
const Failure kAccepted;
const Failure kMalformed = SaslFailure::malformed_request;
const Failure kNotAuthorized = SaslFailure::not_authorized;

const ChannelBinding kExporter{"tls-exporter", "THIS IS FAKE CB DATA"};
const ChannelBinding kEndPoint{"tls-server-end-point", "another"};

ScramServer plain_server(ScramHash hash = ScramHash::sha1) {
  return {hash, false, {}, false, ""};
}
ScramServer plus_server() {
  return {ScramHash::sha1, true, {kEndPoint, kExporter}, true, ""};
}

const ScramKeys& keys() {
  static const ScramKeys kKeys = derive_scram_keys(ScramHash::sha1, "pencil", "salt", 16);
  return kKeys;
}

Failure first(std::string_view message, ScramServer server = plain_server()) {
  return server.on_client_first(message);
}

// One exchange by RFC 5802 with this module's own client; each step can be tampered with.
struct Exchange {
  ScramServer server = plain_server();
  std::string header = "n,,";
  std::string bare = "n=user,r=client";
  std::string binding = "biws";
  std::string password = "pencil";
  std::string extensions;
  std::string nonce = "clientserver";
  bool known = true;

  Failure run() {
    if (auto failure = server.on_client_first(header + bare)) return failure;
    const std::string server_first = server.server_first(keys(), known, "server");
    const test::ScramClient client(ScramHash::sha1, password, "salt", 16);
    return server.on_client_final(
        client.client_final(bare, server_first, "c=" + binding + ",r=" + nonce + extensions));
  }
};

TEST(Scram, ExampleOfRfc5802_Succeeds) {
  ScramServer server = plain_server();
  ASSERT_EQ(server.on_client_first("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"), kAccepted);
  EXPECT_EQ(server.username(), "user");
  EXPECT_EQ(server.authzid(), "");
  const auto rfc_keys =
      derive_scram_keys(ScramHash::sha1, "pencil", *base64_decode("QSXCR+Q6sek8bf92"), 4096);
  EXPECT_EQ(server.server_first(rfc_keys, true, "3rfcNHYJY1ZVvWVs7j"),
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
  ASSERT_EQ(server.on_client_final("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
                                   "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="),
            kAccepted);
  EXPECT_EQ(server.server_final(), "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
}

TEST(Scram, ExampleOfRfc7677_Succeeds) {
  ScramServer server = plain_server(ScramHash::sha256);
  ASSERT_EQ(server.on_client_first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"), kAccepted);
  const auto rfc_keys = derive_scram_keys(ScramHash::sha256, "pencil",
                                          *base64_decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
  EXPECT_EQ(server.server_first(rfc_keys, true, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  ASSERT_EQ(server.on_client_final("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                   "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
            kAccepted);
  EXPECT_EQ(server.server_final(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

// XEP-0474 section 5.3: -PLUS, an optional extension, and the downgrade hash under the signature.
TEST(Scram, ExampleOfXep0474_Succeeds) {
  ScramServer server(ScramHash::sha1, true, {kExporter, kEndPoint}, true,
                     "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
  ASSERT_EQ(server.on_client_first("p=tls-exporter,,n=user,r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6"),
            kAccepted);
  const auto xep_keys =
      derive_scram_keys(ScramHash::sha1, "pencil", *base64_decode("QSXCR+Q6sek8bf92"), 4096);
  EXPECT_EQ(server.server_first(xep_keys, true, "a09117a6-ac50-4f2f-93f1-93799c2bddf6"),
            "r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,"
            "s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=");
  ASSERT_EQ(server.on_client_final(
                "c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,"
                "r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,"
                "x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3,p=M/SIDjT+dfcxUh89jZEypRvFxB4="),
            kAccepted);
  EXPECT_EQ(server.server_final(), "v=MQrMPvv7yv4x4Cq4W4Ih25EqS2c=");
}

TEST(Scram, EachHash_AcceptsTheRightProof) {
  for (const ScramHash hash : kScramHashes) {
    ScramServer server = plain_server(hash);
    ASSERT_EQ(server.on_client_first("n,,n=user,r=client"), kAccepted);
    const ScramKeys own = derive_scram_keys(hash, "pencil", "salt", 16);
    const std::string challenge = server.server_first(own, true, "server");
    const test::ScramClient client(hash, "pencil", "salt", 16);
    const std::string final = "c=biws,r=clientserver";
    ASSERT_EQ(server.on_client_final(client.client_final("n=user,r=client", challenge, final)),
              kAccepted);
    EXPECT_EQ(server.server_final(),
              client.expected_server_final("n=user,r=client", challenge, final));
  }
}

TEST(Scram, WrongPassword_IsNotAuthorized) {
  Exchange exchange;
  exchange.password = "pencils";
  EXPECT_EQ(exchange.run(), kNotAuthorized);
  EXPECT_EQ(exchange.server.server_final(), "");
}

TEST(Scram, UnknownUser_FailsEvenWithTheRightProof) {
  Exchange exchange;
  exchange.known = false;
  EXPECT_EQ(exchange.run(), kNotAuthorized);
  EXPECT_EQ(exchange.server.server_final(), "");
}

TEST(Scram, TamperedNonce_IsNotAuthorized) {
  for (const char* nonce : {"clientserver2", "client", "clientServer", "server"}) {
    Exchange exchange;
    exchange.nonce = nonce;
    EXPECT_EQ(exchange.run(), kNotAuthorized) << nonce;
  }
}

TEST(Scram, ChangedHeader_IsNotAuthorized) {
  Exchange exchange;
  exchange.binding = base64_encode("y,,");
  EXPECT_EQ(exchange.run(), kNotAuthorized);
}

TEST(Scram, UnboundClient_IsAcceptedWithNOrY) {
  Exchange n;
  EXPECT_EQ(n.run(), kAccepted);
  Exchange y;
  y.header = "y,,";
  y.binding = base64_encode("y,,");
  EXPECT_EQ(y.run(), kAccepted);
}

TEST(Scram, DowngradedClient_IsNotAuthorized) {
  Exchange exchange;
  exchange.server = ScramServer(ScramHash::sha1, false, {kExporter}, true, "");
  exchange.header = "y,,";
  exchange.binding = base64_encode("y,,");
  EXPECT_EQ(exchange.run(), kNotAuthorized);
  // One that says it cannot bind at all may go on.
  Exchange unbound;
  unbound.server = ScramServer(ScramHash::sha1, false, {kExporter}, true, "");
  EXPECT_EQ(unbound.run(), kAccepted);
}

TEST(Scram, RightChannelBinding_Succeeds) {
  for (const ChannelBinding& binding : {kExporter, kEndPoint}) {
    Exchange exchange;
    exchange.server = plus_server();
    exchange.header = "p=" + binding.type + ",,";
    exchange.binding = base64_encode(exchange.header + binding.data);
    EXPECT_EQ(exchange.run(), kAccepted) << binding.type;
  }
}

TEST(Scram, WrongChannelBinding_IsNotAuthorized) {
  Exchange other_data;
  other_data.server = plus_server();
  other_data.header = "p=tls-exporter,,";
  other_data.binding = base64_encode("p=tls-exporter,," + kEndPoint.data);
  EXPECT_EQ(other_data.run(), kNotAuthorized);
  Exchange no_data;
  no_data.server = plus_server();
  no_data.header = "p=tls-exporter,,";
  no_data.binding = base64_encode("p=tls-exporter,,");
  EXPECT_EQ(no_data.run(), kNotAuthorized);
  EXPECT_EQ(first("p=tls-unique,,n=user,r=client", plus_server()), kNotAuthorized);
}

TEST(Scram, FlagAgainstTheMechanism_IsMalformed) {
  EXPECT_EQ(first("p=tls-exporter,,n=user,r=client"), kMalformed);
  EXPECT_EQ(first("n,,n=user,r=client", plus_server()), kMalformed);
  EXPECT_EQ(first("y,,n=user,r=client", plus_server()), kMalformed);
}

TEST(Scram, Names_AreUnescaped) {
  ScramServer server = plain_server();
  ASSERT_EQ(server.on_client_first("n,a=Romeo=2C=3D2C,n=ju=3Dli=2Cet,r=x"), kAccepted);
  EXPECT_EQ(server.username(), "ju=li,et");
  EXPECT_EQ(server.authzid(), "Romeo,=2C");
}

TEST(Scram, AuthzidInHeader_IsBound) {
  Exchange exchange;
  exchange.header = "n,a=user@example.com,";
  exchange.binding = base64_encode("n,a=user@example.com,");
  EXPECT_EQ(exchange.run(), kAccepted);
  EXPECT_EQ(exchange.server.authzid(), "user@example.com");
  Exchange without;
  without.header = "n,a=user@example.com,";
  EXPECT_EQ(without.run(), kNotAuthorized);
}

TEST(Scram, MalformedClientFirst_IsRefused) {
  for (const std::string_view message : {
           "",
           "n",
           "n,",
           "n,,",
           ",,n=user,r=x",
           "x,,n=user,r=x",
           "N,,n=user,r=x",
           "n,,n=user",
           "n,,r=x,n=user",
           "n,,n=user,r=",
           "n,,n=,r=x",
           "n,,=user,r=x",
           "n,,n=us=er,r=x",
           "n,,n=us=2c,r=x",
           "n,,n=user=,r=x",
           "n,,n=user=3,r=x",
           "n,user,n=user,r=x",
           "n,a=,n=user,r=x",
           "n,a=x=y,n=user,r=x",
           "n,,m=ext,n=user,r=x",
           "n,,n=user,r=x,m=ext",
           "n,,n=user,r=x,",
           "n,,n=user,r=x,yz",
           "n,,n=user,r=x,1=z",
           "n,,n=user,r=x,y=",
           "n,,n=user,r=x y",
           "n,,n=user,r=\u00E9",
           "n,,n=\xFF,r=x",
           "n,,n=us\xC3,r=x",
           "p=,,n=user,r=x",
       }) {
    EXPECT_EQ(first(message), kMalformed) << message;
  }
  EXPECT_EQ(first(std::string_view("n,,n=us\0er,r=x", 14)), kMalformed);
}

TEST(Scram, OptionalExtensions_AreIgnored) {
  Exchange exchange;
  exchange.bare = "n=user,r=client,x=1,y=a=b";
  exchange.extensions = ",x=2,z=\u00E9";
  EXPECT_EQ(exchange.run(), kAccepted);
}

TEST(Scram, MandatoryExtensionInFinal_IsRefused) {
  Exchange exchange;
  exchange.extensions = ",m=2";
  EXPECT_EQ(exchange.run(), kMalformed);
}

TEST(Scram, MalformedClientFinal_IsRefused) {
  const std::string proof = base64_encode(std::string(20, 'x'));
  const std::string head = "c=biws,r=clientserver";
  const std::string messages[] = {
      "",
      "c=biws",
      head,
      head + ",p=",
      head + ",p=*" + proof,
      head + ",p=" + proof + ",",
      head + ",p=" + proof + ",x=1",
      head + ",p=" + proof + ",p=" + proof,
      head + ",x,p=" + proof,
      head + ",x=\xFF,p=" + proof,
      "c=biws,p=" + proof,
      "r=clientserver,c=biws,p=" + proof,
      "c=bi*s,r=clientserver,p=" + proof,
  };
  for (const std::string& message : messages) {
    ScramServer server = plain_server();
    ASSERT_EQ(server.on_client_first("n,,n=user,r=client"), kAccepted);
    (void)server.server_first(keys(), true, "server");
    EXPECT_EQ(server.on_client_final(message), kMalformed) << message;
    EXPECT_EQ(server.server_final(), "");
  }
}

TEST(Scram, ProofOfOtherLength_IsNotAuthorized) {
  for (const std::size_t size : {1, 19, 21, 32}) {
    ScramServer server = plain_server();
    ASSERT_EQ(server.on_client_first("n,,n=user,r=client"), kAccepted);
    (void)server.server_first(keys(), true, "server");
    EXPECT_EQ(
        server.on_client_final("c=biws,r=clientserver,p=" + base64_encode(std::string(size, 'x'))),
        kNotAuthorized);
  }
}

TEST(Scram, RightProofAndMore_IsNotAuthorized) {
  ScramServer server = plain_server();
  ASSERT_EQ(server.on_client_first("n,,n=user,r=client"), kAccepted);
  const std::string challenge = server.server_first(keys(), true, "server");
  const test::ScramClient client(ScramHash::sha1, "pencil", "salt", 16);
  const std::string head = "c=biws,r=clientserver";
  const std::string right = client.client_final("n=user,r=client", challenge, head);
  const auto proof = base64_decode(right.substr(head.size() + 3));
  ASSERT_TRUE(proof);
  EXPECT_EQ(server.on_client_final(head + ",p=" + base64_encode(*proof + "x")), kNotAuthorized);
}

TEST(Scram, DamagedKeys_AuthorizeNobody) {
  ScramServer server = plain_server();
  ASSERT_EQ(server.on_client_first("n,,n=user,r=client"), kAccepted);
  (void)server.server_first(ScramKeys{"salt", 16, "", ""}, true, "server");
  EXPECT_EQ(
      server.on_client_final("c=biws,r=clientserver,p=" + base64_encode(std::string(20, 'x'))),
      kNotAuthorized);
}

}  // namespace
}  // namespace starling::xmpp::sasl
