#include <regex>

#include "base/clock.h"
#include "modules/test_modules.h"

namespace starling::modules {
namespace {

class TimeModule : public ModuleTest {};
INSTANTIATE_TEST_SUITE_P(Workers, TimeModule, testing::Values(1));

TEST_P(TimeModule, Host_TellsItsClockInUtc) {
  core::TestClient& alice = server_.connect("alice@example.org/phone");
  const std::string before = xmpp_datetime(wall_clock_us());
  const std::string answer = ask(alice, "get", "example.org", "<time xmlns='urn:xmpp:time'/>");
  const std::string after = xmpp_datetime(wall_clock_us());
  static const std::regex form(
      ".*<time xmlns='urn:xmpp:time'><tzo>\\+00:00</tzo><utc>([0-9TZ:-]+)</utc></time></iq>");
  std::smatch match;
  ASSERT_TRUE(std::regex_match(answer, match, form)) << answer;
  EXPECT_LE(before, match[1].str());
  EXPECT_LE(match[1].str(), after);
}

}  // namespace
}  // namespace starling::modules
