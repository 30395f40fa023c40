// The pages that are part of the program: web/admin and web/chat, as cmake/pages.cmake embeds them.
#pragma once

#include <span>

#include "http/static_files.h"

namespace starling::http {

[[nodiscard]] std::span<const StaticFile> pages_admin();
[[nodiscard]] std::span<const StaticFile> pages_chat();

}  // namespace starling::http
