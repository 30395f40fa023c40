// Contact addresses for XMPP services (XEP-0157): whom to write to about this server, as the
// operator says it in the section `contact` of the configuration.
#include "core/module.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

void setup(core::Host& host) {
  const config::ContactOptions& contact = host.options().contact;
  const std::pair<std::string_view, const std::vector<std::string>&> kinds[] = {
      {"abuse-addresses", contact.abuse},       {"admin-addresses", contact.admin},
      {"feedback-addresses", contact.feedback}, {"sales-addresses", contact.sales},
      {"security-addresses", contact.security}, {"status-addresses", contact.status},
      {"support-addresses", contact.support},
  };
  auto form = xmpp::DataForm::make(xmpp::DataForm::Type::result, xmpp::ns::kServerInfo);
  for (const auto& [name, uris] : kinds) {
    if (!uris.empty()) form.add(name, uris);
  }
  if (form.fields.size() > 1) host.disco_form(core::At::host, std::move(form));
}

}  // namespace

extern const core::Module kContact;
const core::Module kContact{"contact", {157, "1.1.1"}, "Contact addresses", setup};

}  // namespace starling::modules
