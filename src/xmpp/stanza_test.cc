#include "xmpp/stanza.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "xml/stream_scanner.h"
#include "xmpp/ns.h"

namespace starling::xmpp {
namespace {

using Read = std::expected<Stanza, Stanza::Malformed>;

// The one stanza of a client's stream whose header declares the prefix p.
Read read(std::string_view stanza) {
  static const xml::Limits kLimits;
  xml::StreamScanner scanner(&kLimits);
  const std::string input =
      "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
      "xmlns:p='urn:p'>" +
      std::string(stanza);
  std::string_view rest = input;
  for (;;) {
    auto event = scanner.next(rest);
    if (event.kind == xml::ScanEvent::Kind::stanza) {
      return Stanza::from_document(std::move(event.document), ns::kClient);
    }
    if (event.kind != xml::ScanEvent::Kind::stream_open) {
      ADD_FAILURE() << "not one well-formed element: " << stanza;
      return std::unexpected(Stanza::Malformed{});
    }
  }
}

Stanza good(std::string_view stanza) {
  Read result = read(stanza);
  if (!result) throw std::runtime_error("refused: " + std::string(stanza));
  return *std::move(result);
}

// The element as a client would read it.
xml::DocumentPtr reread(const Stanza& stanza) {
  auto document = xml::Document::parse(stanza.to_xml(), ns::kClient);
  if (!document) throw std::runtime_error("not well-formed: " + stanza.to_xml());
  return document;
}

Jid jid(std::string_view text) {
  return Jid::parse(text).value();
}

struct Accepted {
  std::string_view text;
  StanzaKind kind;
  StanzaType type;
};

TEST(Stanza, WhatTheRfcsAllow_IsAccepted) {
  using K = StanzaKind;
  using T = StanzaType;
  const std::vector<Accepted> table{
      {"<message/>", K::message, T::normal},
      {"<message type='normal'/>", K::message, T::normal},
      {"<message type='chat'/>", K::message, T::chat},
      {"<message type='groupchat'/>", K::message, T::groupchat},
      {"<message type='headline'/>", K::message, T::headline},
      {"<message type='error'/>", K::message, T::error},
      {"<message type='unheard-of'/>", K::message, T::normal},  // RFC 6121 section 5.2.2
      {"<message type=''/>", K::message, T::normal},
      {"<message type='subscribe'/>", K::message, T::normal},
      {"<presence/>", K::presence, T::available},
      {"<presence type='unavailable'/>", K::presence, T::unavailable},
      {"<presence type='subscribe'/>", K::presence, T::subscribe},
      {"<presence type='subscribed'/>", K::presence, T::subscribed},
      {"<presence type='unsubscribe'/>", K::presence, T::unsubscribe},
      {"<presence type='unsubscribed'/>", K::presence, T::unsubscribed},
      {"<presence type='probe'/>", K::presence, T::probe},
      {"<presence type='error'/>", K::presence, T::error},
      {"<iq type='get' id='1'><q xmlns='urn:q'/></iq>", K::iq, T::get},
      {"<iq type='set' id='1'> <q xmlns='urn:q'/>\n</iq>", K::iq, T::set},
      {"<iq type='set' id=''><q xmlns='urn:q'/></iq>", K::iq, T::set},
      {"<iq type='result' id='1'/>", K::iq, T::result},
      {"<iq type='result' id='1'><q xmlns='urn:q'/></iq>", K::iq, T::result},
      {"<iq type='error' id='1'><q xmlns='urn:q'/><error type='auth'/></iq>", K::iq, T::error},
      {"<c:message xmlns:c='jabber:client' type='chat'/>", K::message, T::chat},
  };
  for (const auto& row : table) {
    const Read result = read(row.text);
    ASSERT_TRUE(result) << row.text;
    EXPECT_EQ(result->kind(), row.kind) << row.text;
    EXPECT_EQ(result->type(), row.type) << row.text;
  }
}

struct Refused {
  std::string_view text;
  StanzaCondition condition;
};

TEST(Stanza, WhatTheRfcsForbid_IsRefusedWithTheConditionTheyName) {
  using C = StanzaCondition;
  const std::vector<Refused> table{
      {"<presence type='available'/>", C::bad_request},
      {"<presence type=''/>", C::bad_request},
      {"<presence type='chat'/>", C::bad_request},
      {"<iq id='1'><q xmlns='urn:q'/></iq>", C::bad_request},
      {"<iq type='' id='1'><q xmlns='urn:q'/></iq>", C::bad_request},
      {"<iq type='put' id='1'><q xmlns='urn:q'/></iq>", C::bad_request},
      {"<iq type='subscribe' id='1'><q xmlns='urn:q'/></iq>", C::bad_request},
      {"<iq type='get'><q xmlns='urn:q'/></iq>", C::bad_request},
      {"<iq type='result'/>", C::bad_request},
      {"<iq type='get' id='1'/>", C::bad_request},
      {"<iq type='get' id='1'>text</iq>", C::bad_request},
      {"<iq type='set' id='1'><q xmlns='urn:q'/><q xmlns='urn:q'/></iq>", C::bad_request},
      {"<iq type='result' id='1'><q xmlns='urn:q'/><q xmlns='urn:q'/></iq>", C::bad_request},
      {"<message to=''/>", C::jid_malformed},
      {"<message to='@example.org'/>", C::jid_malformed},
      {"<message to='alice@example.org/'/>", C::jid_malformed},
      {"<presence to='a b@example.org'/>", C::jid_malformed},
      {"<iq type='get' id='1' to='alice@'><q xmlns='urn:q'/></iq>", C::jid_malformed},
      {"<message from='@'/>", C::jid_malformed},
  };
  for (const auto& row : table) {
    const Read result = read(row.text);
    ASSERT_FALSE(result) << row.text;
    ASSERT_TRUE(result.error().error) << row.text;
    EXPECT_EQ(result.error().error->condition, row.condition) << row.text;
  }
}

TEST(Stanza, AnotherNameOrNamespace_IsNoStanza) {
  for (const std::string_view text : {"<query/>", "<Message/>", "<message xmlns='jabber:server'/>",
                                      "<p:message/>", "<iq xmlns=''/>", "<stream:message/>"}) {
    const Read result = read(text);
    ASSERT_FALSE(result) << text;
    EXPECT_FALSE(result.error().error) << text;
  }
}

TEST(Stanza, Addresses_ArePreparedAndWritten) {
  Stanza stanza = good("<message to='ALICE@Example.ORG/Phone' from=\"bob@example.org/&apos;\"/>");
  EXPECT_EQ(stanza.to().full(), "alice@example.org/Phone");
  EXPECT_EQ(stanza.from().full(), "bob@example.org/'");
  EXPECT_EQ(stanza.to_xml(),
            "<message from='bob@example.org/&apos;' to='alice@example.org/Phone'/>");
}

TEST(Stanza, Without_Addresses_HasNone) {
  const Stanza stanza = good("<message id='7'/>");
  EXPECT_TRUE(stanza.to().empty());
  EXPECT_TRUE(stanza.from().empty());
  EXPECT_EQ(stanza.to_xml(), "<message id='7'/>");
}

TEST(Stanza, SetAddresses_ReplaceWhatTheSenderWroteInThisCopyOnly) {
  const Stanza sent = good(
      "<message to='alice@example.org' from='mallory@example.org'>"
      "<body>hi</body></message>");
  Stanza stamped = sent;
  stamped.set_from(jid("bob@example.org/x"));
  stamped.set_to(Jid());
  EXPECT_EQ(stamped.to_xml(), "<message from='bob@example.org/x'><body>hi</body></message>");
  EXPECT_EQ(sent.from(), jid("mallory@example.org"));
}

TEST(Stanza, OtherAttributes_AreKept) {
  const Stanza stanza =
      good("<message id='a&amp;b' type='odd' xml:lang='de' later='x&#10;y&#9;z'/>");
  EXPECT_EQ(stanza.id(), "a&b");
  const auto again = reread(stanza);
  EXPECT_EQ(again->root().attribute("id"), "a&b");
  EXPECT_EQ(again->root().attribute("type"), "odd");
  EXPECT_EQ(again->root().attribute("xml:lang"), "de");
  EXPECT_EQ(again->root().attribute("later"), "x\ny\tz");
}

TEST(Stanza, AttributesWithAPrefix_AreKeptWithTheirNamespace) {
  const Stanza stanza = good("<message xmlns:x='urn:x&amp;y' x:to='1' p:to='2' x:id='3' id='4'/>");
  EXPECT_TRUE(stanza.to().empty());
  EXPECT_EQ(stanza.id(), "4");
  std::vector<std::string> got;
  for (const auto& attribute : reread(stanza)->root().attributes()) {
    got.push_back("{" + std::string(attribute.ns) + "}" + std::string(attribute.name) + "=" +
                  std::string(attribute.value));
  }
  EXPECT_EQ(got,
            (std::vector<std::string>{"{urn:x&y}to=1", "{urn:p}to=2", "{urn:x&y}id=3", "{}id=4"}));
}

TEST(Stanza, ContentWithoutPrefixes_IsCopiedAsWritten) {
  const std::string content = "<body>a &lt;<![CDATA[<b>]]></body><x xmlns='urn:x'><y a=\"1\"/></x>";
  EXPECT_EQ(good("<message>" + content + "</message>").to_xml(),
            "<message>" + content + "</message>");
}

TEST(Stanza, PrefixesOfTheStream_BecomeNamespacesOfTheContent) {
  const Stanza stanza = good("<message><p:a p:b='1'><c/></p:a></message>");
  const auto again = reread(stanza);
  const auto a = again->root().child("a", "urn:p");
  ASSERT_TRUE(a);
  ASSERT_EQ(a->attributes().size(), 1U);
  EXPECT_EQ(a->attributes()[0].ns, "urn:p");
  EXPECT_TRUE(a->child("c", ns::kClient));
}

TEST(Stanza, PrefixesOfTheRoot_BecomeNamespacesOfTheContent) {
  const Stanza stanza = good(
      "<c:message xmlns:c='jabber:client' xmlns:x='urn:x' xmlns='urn:y'>"
      "<c:body>hi</c:body><x:a/><b/></c:message>");
  const auto again = reread(stanza);
  ASSERT_TRUE(again->root().child("body", ns::kClient));
  EXPECT_EQ(again->root().child("body", ns::kClient)->text(), "hi");
  EXPECT_TRUE(again->root().child("a", "urn:x"));
  EXPECT_TRUE(again->root().child("b", "urn:y"));
}

TEST(Stanza, AddedChildren_FollowTheSendersContent) {
  Stanza stanza = good("<message><body>hi</body></message>");
  const Stanza before = stanza;
  stanza.add_child("<a xmlns='urn:a'/>");
  stanza.add_child("<b xmlns='urn:b'/>");
  EXPECT_EQ(stanza.to_xml(),
            "<message><body>hi</body><a xmlns='urn:a'/><b xmlns='urn:b'/></message>");
  EXPECT_EQ(before.to_xml(), "<message><body>hi</body></message>") << "a copy is not changed";
}

TEST(Stanza, WithoutContent_ClosesItself) {
  EXPECT_EQ(good("<presence></presence>").to_xml(), "<presence/>");
  EXPECT_EQ(good("<presence> </presence>").to_xml(), "<presence> </presence>");
  Stanza stanza = good("<presence/>");
  stanza.add_child("<a xmlns='urn:a'/>");
  EXPECT_EQ(stanza.to_xml(), "<presence><a xmlns='urn:a'/></presence>");
}

TEST(Stanza, Payload_IsTheFirstChild) {
  const Stanza iq = good("<iq type='get' id='1'>\n<q xmlns='urn:q'/></iq>");
  ASSERT_TRUE(iq.payload());
  EXPECT_TRUE(iq.payload()->is("q", "urn:q"));
  EXPECT_FALSE(good("<message>text</message>").payload());
}

TEST(MakeResult, Request_IsAnsweredWithAddressesSwapped) {
  const Stanza request = good(
      "<iq type='get' id='&lt;1&gt;' from='a@example.org/x' "
      "to='example.org'><q xmlns='urn:q'/></iq>");
  const Stanza result = make_result(request, "<r xmlns='urn:q'/>");
  EXPECT_TRUE(result.is(StanzaKind::iq, StanzaType::result));
  EXPECT_EQ(result.id(), "<1>");
  EXPECT_EQ(result.to(), jid("a@example.org/x"));
  EXPECT_EQ(result.from(), jid("example.org"));
  EXPECT_TRUE(result.payload()->is("r", "urn:q"));
  EXPECT_FALSE(make_result(request, "").payload());
}

TEST(MakeError, AnyStanza_IsAnsweredWithItsKindAndId) {
  for (const std::string_view text :
       {"<message id='m' type='chat' from='a@example.org/x' to='b@example.org'><body/></message>",
        "<presence id='m' type='subscribe' from='a@example.org/x' to='b@example.org'/>",
        "<iq id='m' type='set' from='a@example.org/x' to='b@example.org'><q xmlns='q'/></iq>"}) {
    const Stanza offending = good(text);
    const Stanza error = make_error(offending, {StanzaCondition::forbidden, "no", ""});
    EXPECT_TRUE(error.is(offending.kind(), StanzaType::error)) << text;
    EXPECT_EQ(error.id(), "m");
    EXPECT_EQ(error.to(), jid("a@example.org/x"));
    EXPECT_EQ(error.from(), jid("b@example.org"));
    const auto child = error.element().child("error", ns::kClient);
    ASSERT_TRUE(child) << text;
    EXPECT_TRUE(child->child("forbidden", ns::kStanzaErrors));
  }
}

TEST(MakeError, StanzaWithoutIdOrAddresses_IsAnsweredWithoutThem) {
  EXPECT_EQ(make_error(good("<message/>"), {StanzaCondition::gone, "", ""}).to_xml(),
            "<message type='error'><error type='cancel'>"
            "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>");
}

TEST(MakeErrorFor, MalformedRequest_IsAnsweredByItsId) {
  const auto document = xml::Document::parse("<iq type='put' id='1' to='@'/>", ns::kClient);
  const auto error = make_error_for(document->root(), {StanzaCondition::bad_request, "", ""});
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->is(StanzaKind::iq, StanzaType::error));
  EXPECT_EQ(error->id(), "1");
  EXPECT_TRUE(error->to().empty());
}

TEST(MakeErrorFor, ErrorsAndResults_AreNotAnswered) {
  for (const std::string_view text :
       {"<iq type='error' id='1' to='@'/>", "<iq type='result'/>", "<message type='error' to='@'/>",
        "<presence type='error' to='@'/>"}) {
    const auto document = xml::Document::parse(text, ns::kClient);
    EXPECT_FALSE(make_error_for(document->root(), {StanzaCondition::bad_request, "", ""})) << text;
  }
}

TEST(MakePresence, TypeAndAddresses_AreWritten) {
  const Jid from = jid("a@example.org/x");
  const Jid to = jid("b@example.org");
  EXPECT_EQ(make_presence(StanzaType::available, from, to).to_xml(),
            "<presence from='a@example.org/x' to='b@example.org'/>");
  EXPECT_EQ(make_presence(StanzaType::unavailable, from, to).to_xml(),
            "<presence from='a@example.org/x' to='b@example.org' type='unavailable'/>");
}

TEST(Stanza, RemoveChildren_LeavesAllElse) {
  const auto is_x = [](const xml::Element& child) { return child.ns() == "urn:x"; };
  const std::string plain =
      "<message to='b@x.example' type='chat' id='&lt;1' xml:lang='de'><body>a &amp; b</body>"
      "<y xmlns='urn:y'><x xmlns='urn:x'/></y></message>";
  Stanza untouched = Stanza::from_text(plain);
  untouched.remove_children(is_x);
  EXPECT_EQ(untouched.to_xml(), plain);

  auto document = xml::Document::parse(
      "<p:message xmlns:p='jabber:client' xmlns:q='urn:x' to='b@x.example' type='chat' id='&lt;1' "
      "xml:lang='de'><q:x/><p:body>a &amp; b</p:body><y xmlns='urn:y'><q:x/></y><x xmlns='urn:x'/>"
      "</p:message>");
  Stanza stanza = *Stanza::from_document(document, ns::kClient);
  stanza.remove_children(is_x);
  EXPECT_EQ(stanza.to_xml(), plain);
  EXPECT_EQ(stanza.id(), "<1");
  EXPECT_FALSE(stanza.element().child("x", "urn:x"));
}

}  // namespace
}  // namespace starling::xmpp
