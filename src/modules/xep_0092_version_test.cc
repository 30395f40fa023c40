#include "base/version.h"
#include "modules/test_modules.h"

namespace starling::modules {
namespace {

class VersionModule : public ModuleTest {};
INSTANTIATE_TEST_SUITE_P(Workers, VersionModule, testing::Values(1));

TEST_P(VersionModule, Host_SaysNameAndVersionAndNoMore) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  EXPECT_EQ(ask(alice, "get", "example.org", "<query xmlns='jabber:iq:version'/>"),
            result("example.org", "alice@example.org/phone",
                   "<query xmlns='jabber:iq:version'><name>Starling</name><version>" +
                       std::string(kVersionText) + "</version></query>"));
}

}  // namespace
}  // namespace starling::modules
