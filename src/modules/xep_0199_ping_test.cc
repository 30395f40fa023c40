#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::HasSubstr;

constexpr const char* kPing = "<ping xmlns='urn:xmpp:ping'/>";

class PingModule : public ModuleTest {};
INSTANTIATE_TEST_SUITE_P(Workers, PingModule, testing::Values(1, 3));

TEST_P(PingModule, HostAndOwnAccount_Answer) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  EXPECT_EQ(ask(alice, "get", "example.org", kPing),
            result("example.org", "alice@example.org/phone", ""));
  EXPECT_EQ(ask(alice, "get", "alice@example.org", kPing),
            result("alice@example.org", "alice@example.org/phone", ""));
  EXPECT_EQ(ask(alice, "get", "", kPing),
            result("alice@example.org", "alice@example.org/phone", ""));
}

TEST_P(PingModule, OtherAccountsAndSets_AreRefused) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  server_.connect("bob@example.org/phone");
  EXPECT_THAT(ask(alice, "get", "bob@example.org", kPing), HasSubstr("<service-unavailable "));
  EXPECT_THAT(ask(alice, "set", "example.org", kPing), HasSubstr("<service-unavailable "));
}

TEST_P(PingModule, Account_IsAliveForItsOwnerWhileTheStoreIsNot) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  server_.store().fail_call(1);
  EXPECT_THAT(ask(alice, "get", "", kPing), HasSubstr("type='result'"));
}

}  // namespace
}  // namespace starling::modules
