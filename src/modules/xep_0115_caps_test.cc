#include <openssl/sha.h>

#include <algorithm>

#include "modules/test_modules.h"
#include "xmpp/base64.h"

namespace starling::modules {
namespace {

using testing::HasSubstr;

class CapsModule : public ModuleTest {
 protected:
  std::string announced(const char* attribute) {
    xml::Writer w;
    w.open("features");
    server_.server().host("example.org")->write_stream_features(w);
    w.close();
    const auto document = xml::Document::parse(std::move(w).take());
    EXPECT_TRUE(document);
    const auto caps = document->root().child("c", "http://jabber.org/protocol/caps");
    EXPECT_TRUE(caps);
    return std::string(caps->attribute(attribute).value_or(""));
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, CapsModule, testing::Values(1));

// XEP-0115 section 5.1, worked out from the disco#info that a client gets.
TEST_P(CapsModule, Ver_IsTheHashOfTheServersInfo) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  const auto answer = xml::Document::parse(
      ask(alice, "get", "example.org", "<query xmlns='http://jabber.org/protocol/disco#info'/>"));
  ASSERT_TRUE(answer);
  std::vector<std::string> identities;
  std::vector<std::string> features;
  const xml::Element query = *answer->root().first_child();
  for (const xml::Element child : query.children()) {
    const auto value = [&](const char* name) {
      return std::string(child.attribute(name).value_or(""));
    };
    if (child.name() == "identity") {
      identities.push_back(value("category") + "/" + value("type") + "/" + value("xml:lang") + "/" +
                           value("name"));
    } else {
      ASSERT_EQ(child.name(), "feature");
      features.push_back(value("var"));
    }
  }
  std::sort(identities.begin(), identities.end());
  std::sort(features.begin(), features.end());
  std::string s;
  for (const auto& identity : identities) s += identity + "<";
  for (const auto& feature : features) s += feature + "<";
  unsigned char hash[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(s.data()), s.size(), hash);
  EXPECT_EQ(announced("ver"), xmpp::base64_encode({reinterpret_cast<char*>(hash), sizeof hash}));
  EXPECT_EQ(announced("hash"), "sha-1");
  EXPECT_FALSE(features.empty());
}

TEST_P(CapsModule, AnnouncedNode_CanBeAskedFor) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  const std::string node = announced("node") + "#" + announced("ver");
  const auto info = [&](const std::string& of) {
    return ask(alice, "get", "example.org",
               "<query xmlns='http://jabber.org/protocol/disco#info' node='" + of + "'/>");
  };
  EXPECT_THAT(info(node), HasSubstr("node='" + node + "'"));
  EXPECT_THAT(info(node), HasSubstr("<feature var='http://jabber.org/protocol/caps'/>"));
  EXPECT_THAT(info(node + "x"), HasSubstr("<item-not-found "));
  EXPECT_THAT(info(announced("node")), HasSubstr("<item-not-found "));
}

}  // namespace
}  // namespace starling::modules
