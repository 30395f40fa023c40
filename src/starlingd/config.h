// Config: what the operator wrote, checked and with defaults filled in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "config/options.h"

namespace starling::starlingd {

struct ListenConfig {
  std::string ip = "::";      // "::" takes IPv4 as well
  std::uint16_t port = 5222;  // 0: any free port, which the log names
  std::string module = "c2s";
  bool tls = false;  // TLS from the first byte (XEP-0368)
  bool starttls_required = true;
};

struct Config {
  std::vector<std::string> hosts{"localhost"};  // prepared domains
  std::vector<ListenConfig> listen;             // default: 5222, and 5223 with tls
  std::vector<std::string> certfiles;           // PEM: chain and key in one file
  std::string data_dir = "data";
  std::string ctl_socket;  // default: data_dir/ctl.sock
  log::Level loglevel = log::Level::info;
  log::Format log_format = log::Format::text;
  std::uint32_t workers = 0;  // 0: one per processor
  bool core_dumps = false;
  config::HostOptions options;  // admins, and what is under modules
};

// Reads and checks a YAML file. Relative paths in it are relative to its own folder. Errors:
// unavailable (unreadable) and invalid, with file, line, column and what is wrong there.
Result<Config> load_config(const std::string& path);

// The same from text; `path` is only for messages and for relative paths.
Result<Config> parse_config(const std::string& text, const std::string& path);

}  // namespace starling::starlingd
