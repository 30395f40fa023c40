// What clients of either kind say to log in, by SCRAM-SHA-1.
#pragma once

#include <string>
#include <string_view>

#include "scram.h"
#include "xml.h"

namespace load {

inline constexpr std::string_view kHeader =
    "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams'>";
inline constexpr std::string_view kBind =
    "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
    "<resource>load</resource></bind></iq>";

inline std::string auth(const Scram& scram) {
  return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>" +
         to_base64(scram.first()) + "</auth>";
}

// To the text of a <challenge/>.
inline std::string response(const Scram& scram, std::string_view challenge) {
  return "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" +
         to_base64(scram.final(from_base64(text_of(challenge, "<challenge")))) + "</response>";
}

}  // namespace load
