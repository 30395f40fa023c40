// Entity time (XEP-0202): the server's clock, in UTC.
#include <utility>

#include "base/clock.h"
#include "core/module.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

Task<core::IqReply> time(core::IqRequest) {
  xml::Writer w;
  w.open("time", xmpp::ns::kTime);
  w.open("tzo").text("+00:00").close();
  w.open("utc").text(xmpp_datetime(wall_clock_us())).close();
  w.close();
  co_return std::move(w).take();
}

void setup(core::Host& host) {
  host.disco_feature(core::At::host, xmpp::ns::kTime);
  host.on_iq(core::At::host, xmpp::StanzaType::get, "time", xmpp::ns::kTime, time);
}

}  // namespace

extern const core::Module kTime;
const core::Module kTime{"time", {202, "2.0"}, "Entity time", setup};

}  // namespace starling::modules
