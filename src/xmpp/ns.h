// Namespace names, in one place so that none is ever mistyped.
#pragma once

#include <string_view>

namespace starling::xmpp::ns {

// RFC 6120, RFC 6121, RFC 7590
inline constexpr std::string_view kClient = "jabber:client";
inline constexpr std::string_view kServer = "jabber:server";
inline constexpr std::string_view kStream = "http://etherx.jabber.org/streams";
inline constexpr std::string_view kStreamErrors = "urn:ietf:params:xml:ns:xmpp-streams";
inline constexpr std::string_view kStanzaErrors = "urn:ietf:params:xml:ns:xmpp-stanzas";
inline constexpr std::string_view kTls = "urn:ietf:params:xml:ns:xmpp-tls";
inline constexpr std::string_view kSasl = "urn:ietf:params:xml:ns:xmpp-sasl";
inline constexpr std::string_view kBind = "urn:ietf:params:xml:ns:xmpp-bind";
inline constexpr std::string_view kSession = "urn:ietf:params:xml:ns:xmpp-session";
inline constexpr std::string_view kRoster = "jabber:iq:roster";

// Extensions
inline constexpr std::string_view kDataForms = "jabber:x:data";                            // 0004
inline constexpr std::string_view kLastActivity = "jabber:iq:last";                        // 0012
inline constexpr std::string_view kDiscoInfo = "http://jabber.org/protocol/disco#info";    // 0030
inline constexpr std::string_view kDiscoItems = "http://jabber.org/protocol/disco#items";  // 0030
inline constexpr std::string_view kMucUser = "http://jabber.org/protocol/muc#user";        // 0045
inline constexpr std::string_view kPrivate = "jabber:iq:private";                          // 0049
inline constexpr std::string_view kCommands = "http://jabber.org/protocol/commands";       // 0050
inline constexpr std::string_view kVcardTemp = "vcard-temp";                               // 0054
inline constexpr std::string_view kResultSet = "http://jabber.org/protocol/rsm";           // 0059
inline constexpr std::string_view kRegister = "jabber:iq:register";                        // 0077
inline constexpr std::string_view kIqRegister = "http://jabber.org/features/iq-register";  // 0077
inline constexpr std::string_view kChatStates = "http://jabber.org/protocol/chatstates";   // 0085
inline constexpr std::string_view kVersion = "jabber:iq:version";                          // 0092
inline constexpr std::string_view kCaps = "http://jabber.org/protocol/caps";               // 0115
inline constexpr std::string_view kAdmin = "http://jabber.org/protocol/admin";             // 0133
inline constexpr std::string_view kServerInfo = "http://jabber.org/network/serverinfo";    // 0157
inline constexpr std::string_view kReceipts = "urn:xmpp:receipts";                         // 0184
inline constexpr std::string_view kBlocking = "urn:xmpp:blocking";                         // 0191
inline constexpr std::string_view kBlockingErrors = "urn:xmpp:blocking:errors";            // 0191
inline constexpr std::string_view kStreamManagement = "urn:xmpp:sm:3";                     // 0198
inline constexpr std::string_view kPing = "urn:xmpp:ping";                                 // 0199
inline constexpr std::string_view kTime = "urn:xmpp:time";                                 // 0202
inline constexpr std::string_view kDelay = "urn:xmpp:delay";                               // 0203
inline constexpr std::string_view kConference = "jabber:x:conference";                     // 0249
inline constexpr std::string_view kCarbons = "urn:xmpp:carbons:2";                         // 0280
inline constexpr std::string_view kCarbonsRules = "urn:xmpp:carbons:rules:0";              // 0280
inline constexpr std::string_view kForward = "urn:xmpp:forward:0";                         // 0297
inline constexpr std::string_view kHashes = "urn:xmpp:hashes:2";                           // 0300
inline constexpr std::string_view kArchive = "urn:xmpp:mam:2";                             // 0313
inline constexpr std::string_view kChatMarkers = "urn:xmpp:chat-markers:0";                // 0333
inline constexpr std::string_view kHints = "urn:xmpp:hints";                               // 0334
inline constexpr std::string_view kCsi = "urn:xmpp:csi:0";                                 // 0352
inline constexpr std::string_view kStanzaId = "urn:xmpp:sid:0";                            // 0359
inline constexpr std::string_view kCaps2 = "urn:xmpp:caps";                                // 0390
inline constexpr std::string_view kOccupantId = "urn:xmpp:occupant-id:0";                  // 0421
inline constexpr std::string_view kSaslChannelBinding = "urn:xmpp:sasl-cb:0";              // 0440
inline constexpr std::string_view kStreamLimits = "urn:xmpp:stream-limits:0";              // 0478

}  // namespace starling::xmpp::ns
