// Who asked, and how, if proxies are on the way.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace starling::http {

struct Origin {
  std::string address;
  bool secure = false;
  bool relayed = false;  // Request::relayed
};

// `direct` is who connected to us. Proxies say for whom they speak in X-Forwarded-For and
// X-Forwarded-Proto, each behind what was there already; what one says counts if `trusts` it. So
// the client is the last address that is not a trusted proxy's.
[[nodiscard]] Origin origin(const Fields& fields, Origin direct,
                            const std::function<bool(std::string_view address)>& trusts);

}  // namespace starling::http
