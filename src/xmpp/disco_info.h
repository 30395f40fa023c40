// DiscoInfo: what an entity is and can do (XEP-0030), with the forms of XEP-0128, and the hashes of
// it that entities announce (XEP-0115, XEP-0390).
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xml/document.h"
#include "xmpp/data_form.h"

namespace starling::xmpp {

struct Identity {
  std::string category;
  std::string type;
  std::string lang;
  std::string name;
  auto operator<=>(const Identity&) const = default;
};

struct DiscoInfo {
  std::vector<Identity> identities;
  std::vector<std::string> features;
  std::vector<DataForm> forms;

  // <query xmlns='http://jabber.org/protocol/disco#info'/>
  [[nodiscard]] std::string to_xml(std::string_view node) const;
  // nullopt if it holds what cannot be hashed (XEP-0390 section 4.1): other elements, tables, or
  // forms without FORM_TYPE. `lang` is the language in which the element stands.
  static std::optional<DiscoInfo> parse(const xml::Element& query, std::string_view lang = {});
};

// XEP-0115 section 5.1: the SHA-1 of the verification string, in base64.
[[nodiscard]] std::string caps_ver(const DiscoInfo& info);

// XEP-0390 section 4.1, and 4.2: its hash in base64 by an algorithm named as in XEP-0300, of which
// sha-256 and sha3-256 are known.
[[nodiscard]] std::string caps2_input(const DiscoInfo& info);
[[nodiscard]] std::string caps2_hash(std::string_view algorithm, std::string_view input);

}  // namespace starling::xmpp
