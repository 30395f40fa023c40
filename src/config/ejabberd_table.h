// What ejabberd's options are called here. For the import, and for words on unknown options.
#pragma once

#include <string>
#include <string_view>

namespace starling::config {

struct Counterpart {
  // "loglevel"; of a listener "listen.port"; of a module "mod_mam", "mod_mam.default".
  std::string_view theirs;
  // Ours, by its whole name; "" if there is none.
  std::string_view ours;
  // What to know about it; "" if it means the same.
  std::string_view note;
};

[[nodiscard]] const Counterpart* counterpart_of(std::string_view theirs);

// " (ejabberd's mod_mam is 'archive' here)", or "" if ejabberd has no such word or calls it the
// same.
[[nodiscard]] std::string ejabberd_hint(std::string_view key);

}  // namespace starling::config
