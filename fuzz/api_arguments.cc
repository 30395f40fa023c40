// Whatever is in the query or the body of a call of the API is refused, or is as the command takes
// it. The first byte says which command.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/operations.h"

namespace {

using namespace starling;  // a program of its own

void look(const commands::Command& command, const Result<std::vector<std::string>>& arguments) {
  if (arguments && !commands::check(command, *arguments)) std::abort();
  if (!arguments && arguments.error().code != Errc::invalid) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto all = api::operations();
  const commands::Command& command = *all[data[0] % all.size()];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  look(command, api::arguments_of_query(command, text));
  look(command, api::arguments_of_body(command, text));
  return 0;
}
