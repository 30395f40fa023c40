#include "xmpp/disco_info.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "xml/writer.h"
#include "xmpp/base64.h"
#include "xmpp/ns.h"

namespace starling::xmpp {

namespace {

std::string digest(const EVP_MD* algorithm, std::string_view text) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), hash, &length, algorithm, nullptr);
  return base64_encode({reinterpret_cast<char*>(hash), length});
}

std::string sorted_and_joined(std::vector<std::string> parts) {
  std::ranges::sort(parts);
  std::string text;
  for (const auto& part : parts) text += part;
  return text;
}

// Of each item of `list`, what `write` makes of it.
template <class List, class Write>
std::string joined(const List& list, Write write) {
  std::vector<std::string> parts;
  for (const auto& item : list) parts.push_back(write(item));
  return sorted_and_joined(std::move(parts));
}

// XEP-0115 sorts before it adds its separator, which is greater than '-', ':' and others.
std::string with_separators(std::vector<std::string> parts) {
  std::ranges::sort(parts);
  std::string text;
  for (const auto& part : parts) text += part + "<";
  return text;
}

// XEP-0115 section 5.1, step 7: FORM_TYPE first, then the other fields by their names.
std::string form_string(const DataForm& form) {
  std::vector<const DataForm::Field*> fields;
  for (const auto& field : form.fields) {
    if (field.var != "FORM_TYPE") fields.push_back(&field);
  }
  std::ranges::sort(fields, {}, &DataForm::Field::var);
  std::string text = std::string(form.form_type()) + "<";
  for (const auto* field : fields) {
    text += field->var + "<";
    text += with_separators(field->values);
  }
  return text;
}

// XEP-0390's separators, from the innermost out.
constexpr char kUnit = 0x1f;
constexpr char kRecord = 0x1e;
constexpr char kGroup = 0x1d;
constexpr char kFile = 0x1c;

std::string unit(const std::string& text) {
  return text + kUnit;
}

std::string field_input(const DataForm::Field& field) {
  return unit(field.var) + joined(field.values, unit) + kRecord;
}

std::string form_input(const DataForm& form) {
  return joined(form.fields, field_input) + kGroup;
}

std::string identity_input(const Identity& identity) {
  return unit(identity.category) + unit(identity.type) + unit(identity.lang) + unit(identity.name) +
         kRecord;
}

}  // namespace

std::string DiscoInfo::to_xml(std::string_view node) const {
  xml::Writer w;
  w.open("query", ns::kDiscoInfo).attribute_if("node", node);
  for (const auto& identity : identities) {
    w.open("identity").attribute("category", identity.category).attribute("type", identity.type);
    w.attribute_if("name", identity.name).attribute_if("xml:lang", identity.lang).close();
  }
  for (const auto& feature : features) w.open("feature").attribute("var", feature).close();
  for (const auto& form : forms) w.raw(form.to_xml());
  w.close();
  return std::move(w).take();
}

std::optional<DiscoInfo> DiscoInfo::parse(const xml::Element& query, std::string_view lang) {
  DiscoInfo info;
  lang = query.attribute("xml:lang").value_or(lang);
  for (const xml::Element child : query.children()) {
    const auto value = [&](std::string_view name) {
      return std::string(child.attribute(name).value_or(""));
    };
    if (child.is("identity", ns::kDiscoInfo)) {
      info.identities.push_back({value("category"), value("type"),
                                 std::string(child.attribute("xml:lang").value_or(lang)),
                                 value("name")});
    } else if (child.is("feature", ns::kDiscoInfo)) {
      info.features.push_back(value("var"));
    } else {
      auto form = DataForm::parse(child);
      const bool table = form && !(form->reported.empty() && form->items.empty());
      if (!form || table || form->form_type().empty()) return std::nullopt;
      info.forms.push_back(std::move(*form));
    }
  }
  return info;
}

std::string caps_ver(const DiscoInfo& info) {
  std::string text;
  auto identities = info.identities;
  std::ranges::sort(identities);
  for (const auto& i : identities) {
    text += i.category + "/" + i.type + "/" + i.lang + "/" + i.name + "<";
  }
  text += with_separators(info.features);
  std::vector<const DataForm*> forms;
  for (const auto& form : info.forms) forms.push_back(&form);
  std::ranges::sort(forms, {}, &DataForm::form_type);
  for (const auto* form : forms) text += form_string(*form);
  return digest(EVP_sha1(), text);
}

std::string caps2_input(const DiscoInfo& info) {
  return joined(info.features, unit) + kFile + joined(info.identities, identity_input) + kFile +
         joined(info.forms, form_input) + kFile;
}

std::string caps2_hash(std::string_view algorithm, std::string_view input) {
  assert(algorithm == "sha-256" || algorithm == "sha3-256");
  return digest(algorithm == "sha-256" ? EVP_sha256() : EVP_sha3_256(), input);
}

}  // namespace starling::xmpp
