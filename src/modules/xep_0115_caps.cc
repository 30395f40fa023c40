// Entity capabilities (XEP-0115), the server's own: a hash of its disco#info in the stream
// features, so that a client that has seen it before need not ask.
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "core/module.h"
#include "xml/writer.h"
#include "xmpp/base64.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

constexpr std::string_view kNode = "urn:starling:server";

// Section 5.1: identities, then features, sorted, each ended by '<'.
std::string verification_string(const core::Host& host) {
  std::vector<std::string> identities;
  for (const auto& identity : host.identities(core::At::host)) {
    identities.push_back(identity.category + "/" + identity.type + "//" + identity.name + "<");
  }
  std::ranges::sort(identities);
  std::string text;
  for (const auto& identity : identities) text += identity;
  for (const auto& feature : host.features(core::At::host)) text += feature + "<";
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), hash, &length, EVP_sha1(), nullptr);
  return xmpp::base64_encode({reinterpret_cast<char*>(hash), length});
}

// Computed when first asked for, since modules set up later add features too.
struct Caps {
  std::once_flag once;
  std::string ver;

  const std::string& get(const core::Host& host) {
    std::call_once(once, [&] { ver = verification_string(host); });
    return ver;
  }
};

void setup(core::Host& host) {
  auto caps = std::make_shared<Caps>();
  host.disco_feature(core::At::host, xmpp::ns::kCaps);
  host.disco_node([caps, &host](std::string_view node) {
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
