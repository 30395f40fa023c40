// Whatever AWS, or somebody in its place, answers: XML of the Query APIs, JSON of the metadata
// service, and the file that a node keeps of it.
#include "cloud/aws/answer.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cloud/aws/latch.h"
#include "cloud/aws/signals.h"

namespace {

using namespace starling::cloud;  // a program of its own

void require(bool ok) {
  if (!ok) std::abort();
}

void check(const starling::Result<aws::Credentials>& found) {
  if (!found) return;
  require(!found->access_key_id.empty() && !found->secret_access_key.empty());
  // Whatever they are, they can be signed with.
  const auto headers = aws::sign({.origin = "https://h"}, "", {"r", "s"}, *found, 0);
  require(headers.size() >= 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto document = aws::parse_xml(text)) {
    const auto root = document->root();
    static_cast<void>(aws::find_text(root, "Code"));
    for (const auto& member : aws::members_of(root, "AutoScalingInstances")) {
      require(member.name() == "member");
      static_cast<void>(aws::find_text(member, "LifecycleState"));
    }
  }
  check(aws::credentials_from_xml(text));
  check(aws::credentials_from_json(text));
  static_cast<void>(aws::time_of_action(text));
  static_cast<void>(aws::parse_latch(text, "boot"));
  return 0;
}
