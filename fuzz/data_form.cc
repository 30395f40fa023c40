// Any XML as a data form (XEP-0004) and as disco#info: what is read must be written so that it is
// read again as the same, with the same hashes (XEP-0115, XEP-0390).
#include "xmpp/data_form.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "xml/document.h"
#include "xmpp/disco_info.h"

namespace {

using starling::xmpp::DataForm;
using starling::xmpp::DiscoInfo;
namespace xml = starling::xml;

void require(bool ok) {
  if (!ok) std::abort();
}

void check_form(const xml::Element& element) {
  const auto form = DataForm::parse(element);
  if (!form) return;
  const auto document = xml::Document::parse(form->to_xml());
  require(document != nullptr);
  const auto again = DataForm::parse(document->root());
  require(again.has_value() && *again == *form);
  for (const auto& field : form->fields) {
    if (!field.var.empty()) require(form->find(field.var) == &field);
  }
}

void check_info(const xml::Element& element) {
  const auto info = DiscoInfo::parse(element);
  if (!info) return;
  const auto document = xml::Document::parse(info->to_xml("node"));
  require(document != nullptr);
  const auto again = DiscoInfo::parse(document->root());
  require(again.has_value());
  require(caps_ver(*again) == caps_ver(*info));
  require(caps2_input(*again) == caps2_input(*info));
  // The order in which an entity says it is of no matter.
  DiscoInfo turned = *info;
  std::ranges::reverse(turned.features);
  std::ranges::reverse(turned.identities);
  require(caps2_input(turned) == caps2_input(*info));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = xml::Document::parse(text);
  if (!document) return 0;
  check_form(document->root());
  check_info(document->root());
  return 0;
}
