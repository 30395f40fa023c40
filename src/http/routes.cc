#include "http/routes.h"

namespace starling::http {

const Route* Routes::find(std::string_view path) const {
  if (const auto found = routes_.find(path); found != routes_.end()) return &found->second;
  while (!path.empty()) {
    path.remove_suffix(path.ends_with('/') ? 1 : 0);
    path = path.substr(0, path.rfind('/') + 1);
    if (path == "/") return nullptr;  // that is a page, and no folder of all there is
    if (const auto found = routes_.find(path); found != routes_.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace starling::http
