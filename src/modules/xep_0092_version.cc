// Software version (XEP-0092). The operating system is nobody's business (section 5).
#include <utility>

#include "base/version.h"
#include "core/module.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

Task<core::IqReply> version(core::IqRequest) {
  xml::Writer w;
  w.open("query", xmpp::ns::kVersion);
  w.open("name").text("Starling").close();
  w.open("version").text(kVersionText).close();
  w.close();
  co_return std::move(w).take();
}

void setup(core::Host& host) {
  host.disco_feature(core::At::host, xmpp::ns::kVersion);
  host.on_iq(core::At::host, xmpp::StanzaType::get, "query", xmpp::ns::kVersion, version);
}

}  // namespace

extern const core::Module kVersion;
const core::Module kVersion{"version", {92, "1.1"}, "Software version", setup};

}  // namespace starling::modules
