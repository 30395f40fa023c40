#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::HasSubstr;

class Caps2Module : public ModuleTest {
 protected:
  std::string announced(const std::string& algorithm) {
    xml::Writer w;
    w.open("features");
    server_.server().host("example.org")->write_stream_features(w);
    w.close();
    const auto document = xml::Document::parse(std::move(w).take());
    const auto caps = document->root().child("c", "urn:xmpp:caps");
    EXPECT_TRUE(caps);
    for (const xml::Element hash : caps->children()) {
      EXPECT_TRUE(hash.is("hash", "urn:xmpp:hashes:2"));
      if (hash.attribute("algo") == algorithm) return hash.text();
    }
    return "";
  }
  static std::string info(core::TestClient& client, const std::string& node) {
    return ask(client, "get", "example.org",
               "<query xmlns='http://jabber.org/protocol/disco#info' node='" + node + "'/>");
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, Caps2Module, testing::Values(1));

// Sections 4.2, 4.3 and 5.5: what is asked for by a hash has that hash.
TEST_P(Caps2Module, HashNodes_HoldWhatWasHashed) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  for (const char* algorithm : {"sha-256", "sha3-256"}) {
    const std::string hash = announced(algorithm);
    const std::string node = "urn:xmpp:caps#" + std::string(algorithm) + "." + hash;
    const auto answer = xml::Document::parse(info(alice, node));
    ASSERT_TRUE(answer);
    const xml::Element query = *answer->root().first_child();
    EXPECT_EQ(query.attribute("node"), node);
    // The language of the stream, which the server names in its header.
    const auto read = xmpp::DiscoInfo::parse(query, "en");
    ASSERT_TRUE(read);
    EXPECT_EQ(xmpp::caps2_hash(algorithm, xmpp::caps2_input(*read)), hash);
    EXPECT_THAT(read->features, testing::Contains("urn:xmpp:caps"));
  }
}

TEST_P(Caps2Module, OtherNodes_AreUnknown) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  const std::string hash = announced("sha-256");
  for (const std::string& node :
       {"urn:xmpp:caps#sha-256." + hash + "x", "urn:xmpp:caps#sha3-256." + hash,
        std::string("urn:xmpp:caps#sha-256"), std::string("urn:xmpp:caps#"), hash}) {
    EXPECT_THAT(info(alice, node), HasSubstr("<item-not-found ")) << node;
  }
}

}  // namespace
}  // namespace starling::modules
