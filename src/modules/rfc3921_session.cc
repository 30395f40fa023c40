// Session establishment (RFC 3921 section 3): obsolete and without effect, but older clients insist
// on asking; RFC 6121 leaves it out. Advertised as optional.
#include "core/module.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

Task<core::IqReply> establish(core::IqRequest) {
  co_return std::string();
}

void setup(core::Host& host) {
  host.on_own_iq(xmpp::StanzaType::set, "session", xmpp::ns::kSession, establish);
  host.on_iq(core::At::host, xmpp::StanzaType::set, "session", xmpp::ns::kSession, establish);
}

}  // namespace

extern const core::Module kSession;
const core::Module kSession{"session", {0, ""}, "Session establishment of RFC 3921", setup};

}  // namespace starling::modules
