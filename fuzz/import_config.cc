// Any bytes as ejabberd's configuration: an answer, never an exception, without an end to its work;
// what comes out is YAML that our own parser takes, or says by a remark that it does not.
#include "config/ejabberd_import.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  const std::string text(reinterpret_cast<const char*>(data), size);
  // No file is read: what is included is a little of everything.
  const config::FileReader files = [](const std::string&) {
    return Result<std::string>("hosts: [a.example, M]\ndefine_macro: {M: b.example}\n");
  };
  const auto done = config::import_ejabberd(text, "/etc/ejabberd/ejabberd.yml", files);
  if (!done) return 0;
  const auto read = config::parse_config(done->yaml, "/s.yml", {.read_file = files});
  const bool told = std::ranges::any_of(done->remarks, [](const std::string& remark) {
    return remark.contains("to be mended by hand");
  });
  if (!read && !told) std::abort();
  return 0;
}
