// Any bytes as a configuration file: an answer, never an exception; what is accepted keeps the
// bounds that the rest of the program relies on, and what is refused says where.
#include "config/load.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "xmpp/jid.h"

namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // No file is read, whatever the text asks for.
  const starling::config::Environment environment{.read_file = [](const std::string& path) {
    return starling::Result<std::string>("content of " + path + "\n");
  }};
  const auto config =
      starling::config::parse_config(text, "/etc/starling/starling.yml", environment);
  if (!config) {
    require(config.error().message.starts_with("/etc/starling/starling.yml:"));
    return 0;
  }
  require(!config->hosts.empty() && !config->listen.empty());
  std::set<std::string> hosts;
  for (const auto& host : config->hosts) {
    require(starling::xmpp::prepare_domain(host) == host && hosts.insert(host).second);
  }
  for (const auto& file : config->certfiles) require(file.starts_with('/'));
  require(config->data_dir.starts_with('/') && !config->data_dir.contains('\0'));
  require(config->ctl_socket.starts_with('/') && config->ctl_socket.size() <= 107);
  require(config->workers <= 256);
  return 0;
}
