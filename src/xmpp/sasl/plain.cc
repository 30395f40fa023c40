#include <algorithm>

#include "xmpp/precis.h"
#include "xmpp/sasl/scram.h"

namespace starling::xmpp::sasl {

std::optional<PlainMessage> parse_plain(std::string_view message) {
  if (std::ranges::count(message, '\0') != 2 || !is_utf8(message)) return std::nullopt;
  const std::size_t first = message.find('\0');
  const std::size_t second = message.find('\0', first + 1);
  PlainMessage out;
  out.authzid = message.substr(0, first);
  out.username = message.substr(first + 1, second - first - 1);
  out.password = message.substr(second + 1);
  if (out.username.empty() || out.password.empty()) return std::nullopt;
  return out;
}

}  // namespace starling::xmpp::sasl
