// Entity capabilities 2.0 (XEP-0390), the server's own: hashes of its disco#info in the stream
// features, so that a client that has seen it before need not ask.
#include <array>
#include <memory>
#include <mutex>
#include <utility>

#include "core/module.h"
#include "xml/writer.h"
#include "xmpp/disco_info.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

// Those that XEP-0300 wants every implementation to have.
constexpr std::array<std::string_view, 2> kAlgorithms{"sha-256", "sha3-256"};

// Computed when first asked for, since modules set up later add features too.
struct Hashes {
  std::once_flag once;
  std::array<std::string, kAlgorithms.size()> values;

  const auto& get(const core::Host& host) {
    std::call_once(once, [&] {
      const std::string input = xmpp::caps2_input(host.disco_info(core::At::host));
      for (std::size_t i = 0; i < kAlgorithms.size(); ++i) {
        values[i] = xmpp::caps2_hash(kAlgorithms[i], input);
      }
    });
    return values;
  }
};

// Section 4.3.
bool is_hash_node(std::string_view node, Hashes& hashes, const core::Host& host) {
  for (std::size_t i = 0; i < kAlgorithms.size(); ++i) {
    const std::string of_hash = std::string(xmpp::ns::kCaps2) + "#" + std::string(kAlgorithms[i]) +
                                "." + hashes.get(host)[i];
    if (node == of_hash) return true;
  }
  return false;
}

void setup(core::Host& host) {
  auto hashes = std::make_shared<Hashes>();
  host.disco_feature(core::At::host, xmpp::ns::kCaps2);
  host.disco_alias([hashes, &host](std::string_view node) {
    return node.starts_with(xmpp::ns::kCaps2) && is_hash_node(node, *hashes, host);
  });
  host.stream_feature([hashes, &host](xml::Writer& w) {
    w.open("c", xmpp::ns::kCaps2);
    for (std::size_t i = 0; i < kAlgorithms.size(); ++i) {
      w.open("hash", xmpp::ns::kHashes).attribute("algo", kAlgorithms[i]);
      w.text(hashes->get(host)[i]).close();
    }
    w.close();
  });
}

}  // namespace

extern const core::Module kCaps2;
const core::Module kCaps2{"caps2", {390, "0.3.2"}, "Entity capabilities 2.0 of the server", setup};

}  // namespace starling::modules
