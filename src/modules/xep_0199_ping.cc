// XMPP ping (XEP-0199): the server answers pings to itself and to one's own account. Its own pings
// to silent clients are in stream/c2s_stream.cc.
#include "core/module.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

Task<core::IqReply> pong(core::IqRequest) {
  co_return std::string();
}

void setup(core::Host& host) {
  host.disco_feature(core::At::host, xmpp::ns::kPing);
  host.disco_feature(core::At::account, xmpp::ns::kPing);
  host.on_iq(core::At::host, xmpp::StanzaType::get, "ping", xmpp::ns::kPing, pong);
  host.on_own_iq(xmpp::StanzaType::get, "ping", xmpp::ns::kPing, pong);
}

}  // namespace

extern const core::Module kPing;
const core::Module kPing{"ping", {199, "2.0.1"}, "XMPP ping", setup};

}  // namespace starling::modules
