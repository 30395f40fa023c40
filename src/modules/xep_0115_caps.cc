// Entity capabilities (XEP-0115), the server's own: a hash of its disco#info in the stream
// features, so that a client that has seen it before need not ask.
#include <memory>
#include <mutex>
#include <utility>

#include "core/module.h"
#include "xml/writer.h"
#include "xmpp/disco_info.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

constexpr std::string_view kNode = "urn:starling:server";

// Computed when first asked for, since modules set up later add features too.
struct Caps {
  std::once_flag once;
  std::string ver;

  const std::string& get(const core::Host& host) {
    std::call_once(once, [&] { ver = xmpp::caps_ver(host.disco_info(core::At::host)); });
    return ver;
  }
};

void setup(core::Host& host) {
  auto caps = std::make_shared<Caps>();
  host.disco_feature(core::At::host, xmpp::ns::kCaps);
  host.disco_alias([caps, &host](std::string_view node) {
    return node == std::string(kNode) + "#" + caps->get(host);
  });
  host.stream_feature([caps, &host](xml::Writer& w) {
    w.open("c", xmpp::ns::kCaps).attribute("hash", "sha-1").attribute("node", kNode);
    w.attribute("ver", caps->get(host)).close();
  });
}

}  // namespace

extern const core::Module kCaps;
const core::Module kCaps{"caps", {115, "1.6.0"}, "Entity capabilities of the server", setup};

}  // namespace starling::modules
