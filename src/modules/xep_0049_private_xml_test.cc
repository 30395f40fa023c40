// The rest is in tests/dialogues/xep_0049_private_xml.xmpp.
#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::HasSubstr;

class PrivateXmlModule : public ModuleTest {
 protected:
  std::string set(const std::string& elements) {
    return ask(alice_, "set", "", "<query xmlns='jabber:iq:private'>" + elements + "</query>");
  }
  static std::string element(int n, std::size_t bytes) {
    return "<e xmlns='urn:test:" + std::to_string(n) + "'>" + std::string(bytes, 'x') + "</e>";
  }
  core::TestClient& alice_ = server_.connect("alice@example.org/phone");
};
INSTANTIATE_TEST_SUITE_P(Workers, PrivateXmlModule, testing::Values(1));

TEST_P(PrivateXmlModule, TooMuch_IsRefusedButWhatIsThereCanBeReplaced) {
  for (int i = 0; i < 5; ++i) EXPECT_THAT(set(element(i, 200'000)), HasSubstr("type='result'"));
  EXPECT_THAT(set(element(5, 200'000)), HasSubstr("<policy-violation"));
  EXPECT_THAT(set(element(4, 100'000)), HasSubstr("type='result'"));
  EXPECT_THAT(set(element(5, 100'000)), HasSubstr("type='result'"));
}

TEST_P(PrivateXmlModule, TooManyElements_AreRefusedButWhatIsThereCanBeReplaced) {
  std::string many;
  for (int i = 0; i < 256; ++i) many += element(i, 1);
  EXPECT_THAT(set(many), HasSubstr("type='result'"));
  EXPECT_THAT(set(element(256, 1)), HasSubstr("<policy-violation"));
  EXPECT_THAT(set(element(0, 2)), HasSubstr("type='result'"));
}

}  // namespace
}  // namespace starling::modules
