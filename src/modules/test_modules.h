// What the tests of modules share: a server with all of them, and asking it things.
#pragma once

#include <utility>

#include "core/test_server.h"
#include "modules/registry.h"

namespace starling::modules {

class ModuleTest : public testing::TestWithParam<std::size_t> {
 protected:
  // The answer to an iq; "" unless there is exactly one.
  static std::string ask(core::TestClient& client, std::string_view type, std::string_view to,
                         std::string_view payload) {
    client.send("<iq id='q' type='" + std::string(type) + "'" +
                (to.empty() ? "" : " to='" + std::string(to) + "'") + ">" + std::string(payload) +
                "</iq>");
    std::string answer;
    int answers = 0;
    for (auto& xml : client.take()) {
      if (xml.find(" id='q'") == std::string::npos) continue;
      answer = std::move(xml);
      ++answers;
    }
    EXPECT_EQ(answers, 1) << payload;
    return answer;
  }
  // <iq/> of a result without its addresses.
  static std::string result(std::string_view from, std::string_view to, std::string_view payload) {
    const std::string start =
        "<iq from='" + std::string(from) + "' to='" + std::string(to) + "' type='result' id='q'";
    return payload.empty() ? start + "/>" : start + ">" + std::string(payload) + "</iq>";
  }

  explicit ModuleTest(config::HostOptions options = {})
      : server_(GetParam(), all(), std::move(options)) {}

  core::TestServer server_;
};

}  // namespace starling::modules
