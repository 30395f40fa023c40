#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::HasSubstr;

constexpr const char* kSession = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>";

class SessionModule : public ModuleTest {};
INSTANTIATE_TEST_SUITE_P(Workers, SessionModule, testing::Values(1, 3));

TEST_P(SessionModule, OldClients_AreContented) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  EXPECT_EQ(ask(alice, "set", "", kSession),
            result("alice@example.org", "alice@example.org/phone", ""));
  EXPECT_EQ(ask(alice, "set", "example.org", kSession),
            result("example.org", "alice@example.org/phone", ""));
  EXPECT_THAT(ask(alice, "set", "bob@example.org", kSession), HasSubstr("<service-unavailable "));
}

}  // namespace
}  // namespace starling::modules
