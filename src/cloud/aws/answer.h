// What AWS answers: XML of its Query APIs, JSON of the metadata service and of container agents.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cloud/aws/sigv4.h"
#include "xml/document.h"

namespace starling::cloud::aws {

// nullptr if it is no XML.
[[nodiscard]] xml::DocumentPtr parse_xml(std::string_view text);
// The first element of this name below `within`, however deep. Namespaces differ by service and
// version, and are not looked at.
[[nodiscard]] std::optional<xml::Element> find_element(const xml::Element& within,
                                                       std::string_view name);
// Its text; "" if there is none.
[[nodiscard]] std::string find_text(const xml::Element& within, std::string_view name);
// The <member/> of the first element of this name.
[[nodiscard]] std::vector<xml::Element> members_of(const xml::Element& within,
                                                   std::string_view name);

// As the metadata service and container agents give them. Errors: invalid.
[[nodiscard]] Result<Credentials> credentials_from_json(std::string_view text);
// As STS gives them. Errors: invalid.
[[nodiscard]] Result<Credentials> credentials_from_xml(std::string_view text);

// A member of a JSON object that is a text; nullopt if there is none, or that is no JSON.
[[nodiscard]] std::optional<std::string> json_text(std::string_view object,
                                                   std::string_view member);

}  // namespace starling::cloud::aws
