#include "xml/stream_scanner.h"

#include <gtest/gtest.h>

#include <string>

#include "xml/scan_for_test.h"

namespace starling::xml {
namespace {

using Kind = ScanEvent::Kind;

const Limits kLimits;

// RFC 6120 9.1, shortened.
constexpr std::string_view kSession =
    "<?xml version='1.0'?>\n"
    "<stream:stream from='juliet@im.example.com' to='im.example.com' version='1.0' xml:lang='en' "
    "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>\n"
    "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    "<message from='juliet@im.example.com/balcony' to='romeo@example.net' xml:lang='en'>"
    "<body>Art thou not Romeo, and a Montague?</body></message>\r\n"
    "<presence type='unavailable'/>"
    "</stream:stream>\n";

TEST(StreamScanner, Session_GivesHeaderStanzasAndEnd) {
  const auto events = scan_all(kSession);
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[0].kind, Kind::stream_open);
  const Element header = events[0].document->root();
  EXPECT_TRUE(header.is("stream", "http://etherx.jabber.org/streams"));
  EXPECT_EQ(header.attribute("to"), "im.example.com");
  EXPECT_EQ(header.attribute("xml:lang"), "en");
  EXPECT_FALSE(header.first_child());
  EXPECT_TRUE(events[1].document->root().is("starttls", "urn:ietf:params:xml:ns:xmpp-tls"));
  EXPECT_EQ(events[2].kind, Kind::stanza);
  const Element message = events[2].document->root();
  EXPECT_TRUE(message.is("message", "jabber:client"));
  EXPECT_EQ(message.child("body", "jabber:client")->text(), "Art thou not Romeo, and a Montague?");
  EXPECT_TRUE(events[3].document->root().is("presence", "jabber:client"));
  EXPECT_EQ(events[4].kind, Kind::stream_close);
}

TEST(StreamScanner, AnyCut_GivesTheSameEvents) {
  const auto whole = scan_all(kSession);
  for (std::size_t part = 1; part < 40; ++part) {
    const auto cut = scan_all(kSession, part);
    ASSERT_EQ(cut.size(), whole.size()) << part;
    for (std::size_t i = 0; i < cut.size(); ++i) {
      EXPECT_EQ(cut[i].kind, whole[i].kind);
      if (whole[i].document) {
        EXPECT_EQ(cut[i].document->wire(), whole[i].document->wire());
      }
    }
  }
}

TEST(StreamScanner, Next_TakesNoMoreThanOneEvent) {
  StreamScanner scanner(&kLimits);
  std::string_view input = kSession;
  EXPECT_EQ(scanner.next(input).kind, Kind::stream_open);
  EXPECT_TRUE(input.starts_with("\n<starttls"));
  EXPECT_EQ(scanner.next(input).kind, Kind::stanza);
  EXPECT_TRUE(input.starts_with("<message"));
}

TEST(StreamScanner, UsualHeader_IdleCostsNothing) {
  for (const std::string_view ns : {"jabber:client", "jabber:server"}) {
    StreamScanner scanner(&kLimits);
    EXPECT_FALSE(scanner.idle());
    const std::string header =
        "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
        "xmlns='" +
        std::string(ns) + "'>";
    scan_on(scanner, header + "<message><body>1</body></message> ");
    EXPECT_TRUE(scanner.idle());
    EXPECT_EQ(scanner.memory(), 0u);
  }
  EXPECT_LE(sizeof(StreamScanner), 32u);
}

TEST(StreamScanner, UnusualHeader_IdleCostsItsDeclarations) {
  StreamScanner scanner(&kLimits);
  scan_on(scanner, "<s xmlns='urn:s' xmlns:db='jabber:server:dialback'>");
  EXPECT_TRUE(scanner.idle());
  EXPECT_LT(scanner.memory(), 48u);
}

TEST(StreamScanner, UnfinishedStanza_HeldUntilItsEnd) {
  StreamScanner scanner(&kLimits);
  scan_on(scanner, std::string(kClientHeader) + "<message><body>half");
  EXPECT_FALSE(scanner.idle());
  EXPECT_GT(scanner.memory(), 0u);
  const auto events = scan_on(scanner, " of it</body></message>");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].document->root().first_child()->text(), "half of it");
  EXPECT_TRUE(scanner.idle());
  EXPECT_EQ(scanner.memory(), 0u);
}

TEST(StreamScanner, Moved_GoesOnInTheMiddleOfAStanza) {
  StreamScanner first(&kLimits);
  scan_on(first, "<s xmlns='urn:s' xmlns:p='urn:p'><p:a b='1");
  StreamScanner second(std::move(first));
  const auto events = scan_on(second, "2'/></s>");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(events[0].document->root().is("a", "urn:p"));
  EXPECT_EQ(events[0].document->root().attribute("b"), "12");
  EXPECT_EQ(events[1].kind, Kind::stream_close);
}

TEST(StreamScanner, Reset_BeginsANewStream) {
  StreamScanner scanner(&kLimits);
  scan_on(scanner, std::string(kClientHeader) + "<iq><half");
  scanner.reset();
  EXPECT_EQ(scanner.memory(), 0u);
  const auto events = scan_on(scanner, "<?xml version='1.0'?><s xmlns='urn:s'><a/></s>");
  ASSERT_EQ(events.size(), 3u);
  EXPECT_TRUE(events[1].document->root().is("a", "urn:s"));
}

TEST(StreamScanner, Error_IsFinal) {
  StreamScanner scanner(&kLimits);
  scan_on(scanner, std::string(kClientHeader) + "<a></b>");
  std::string_view input = "<c/>";
  const ScanEvent event = scanner.next(input);
  EXPECT_EQ(event.kind, Kind::error);
  EXPECT_EQ(event.error, ScanError::not_well_formed);
  EXPECT_FALSE(scanner.idle());
  EXPECT_EQ(scanner.memory(), 0u);
}

TEST(StreamScanner, StanzasBeforeAnError_AreGiven) {
  const auto events = scan_all(std::string(kClientHeader) + "<a/><b/><!-- -->");
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[2].kind, Kind::stanza);
  EXPECT_EQ(events[3].error, ScanError::restricted_xml);
}

TEST(StreamScanner, EmptyRoot_OpensAndCloses) {
  const auto events = scan_all("<s xmlns='urn:s'/>  ");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, Kind::stream_open);
  EXPECT_EQ(events[1].kind, Kind::stream_close);
}

TEST(StreamScanner, AfterClose_OnlyWhiteSpace) {
  const std::string stream = std::string(kClientHeader) + std::string(kStreamEnd);
  EXPECT_EQ(error_of(stream + " \r\n\t"), ScanError::none);
  EXPECT_EQ(error_of(stream + "<a/>"), ScanError::not_well_formed);
  EXPECT_EQ(error_of(stream + "x"), ScanError::not_well_formed);
}

TEST(StreamScanner, RootEndTag_MustRepeatTheName) {
  EXPECT_EQ(error_in_stream("</stream:stream \t\n>"), ScanError::none);
  EXPECT_EQ(error_in_stream("</stream:strean>"), ScanError::not_well_formed);
  EXPECT_EQ(error_in_stream("</stream>"), ScanError::not_well_formed);
  EXPECT_EQ(error_in_stream("</stream:stream x>"), ScanError::not_well_formed);
}

TEST(StreamScanner, TextBelowTheRoot_IsBadFormat) {
  EXPECT_EQ(error_in_stream(" \n\t<a/>\r\n "), ScanError::none);
  EXPECT_EQ(error_in_stream("x"), ScanError::bad_format);
  EXPECT_EQ(error_in_stream("<a/>\xC3\xA9"), ScanError::bad_format);
  EXPECT_EQ(error_in_stream("&#32;"), ScanError::bad_format);
  EXPECT_EQ(error_in_stream("<![CDATA["), ScanError::bad_format);
  EXPECT_EQ(error_in_stream("\x01"), ScanError::not_well_formed);
}

TEST(StreamScanner, XmlDeclaration_OnlyUtf8AndOnlyFirst) {
  const auto with = [](std::string_view declaration) {
    return error_of(std::string(declaration) + "<s xmlns='urn:s'><a/></s>");
  };
  for (const char* accepted : {
           "<?xml version='1.0'?>",
           "<?xml version=\"1.0\" encoding='UTF-8'?>",
           "<?xml version='1.0' encoding=\"utf-8\" standalone='yes' ?>\r\n",
           "<?xml\tversion = '1.0'\nstandalone='no'?> ",
           "",
           " \n",
       }) {
    EXPECT_EQ(with(accepted), ScanError::none) << accepted;
  }
  for (const char* refused : {
           "<?xml?>",
           "<?xml ?>",
           "<?xml encoding='utf-8'?>",
           "<?xml version='1.1'?>",
           "<?xml version='1.0'encoding='utf-8'?>",
           "<?xml version='1.0' standalone='maybe'?>",
           "<?xml version='1.0' standalone='yes' encoding='utf-8'?>",
           "<?xml version='1.0'>",
           "<?xml version='1.0' encoding=''?>",
           "<?xml version='1.0' encoding='8'?>",
           "<?xml version='1.0\"?>",
           "<?xml version='1.0' <",
           "<?xml version='1.0' x='1'?>",
       }) {
    EXPECT_TRUE(with(refused) == ScanError::not_well_formed ||
                with(refused) == ScanError::restricted_xml)
        << refused;
  }
  EXPECT_EQ(with("<?xml version='1.0' encoding='ISO-8859-1'?>"), ScanError::unsupported_encoding);
  EXPECT_EQ(with(" <?xml version='1.0'?>"), ScanError::restricted_xml);
  EXPECT_EQ(with("<?xml version='1.0'?><?xml version='1.0'?>"), ScanError::restricted_xml);
  EXPECT_EQ(with("<?xml-stylesheet href='a'?>"), ScanError::restricted_xml);
  EXPECT_EQ(with("<?php"), ScanError::restricted_xml);
  EXPECT_EQ(with("\xEF\xBB\xBF"), ScanError::not_well_formed);
}

// RFC 6120 11.1, refused as soon as it shows.
TEST(StreamScanner, RestrictedXml_IsRefusedAtOnce) {
  for (const char* restricted : {"<!D", "<!-", "<?", "<a><!-", "<a><!E", "<a><?", "<a>&nbsp;",
                                 "<a b='&copy;", "<a>&ltx;", "<a>&\xC3\xA9"}) {
    EXPECT_EQ(error_in_stream(restricted), ScanError::restricted_xml) << restricted;
    EXPECT_EQ(error_in_stream(restricted, 1), ScanError::restricted_xml) << restricted;
  }
  EXPECT_EQ(error_of("<!DOCTYPE s>"), ScanError::restricted_xml);
  EXPECT_EQ(error_of("<!--"), ScanError::restricted_xml);
}

TEST(StreamScanner, InheritedPrefixes_AreResolvedFromTheHeader) {
  const auto events = scan_all("<s xmlns='urn:s' xmlns:p='urn:&amp;p'><p:a p:b='1'/></s>", 1);
  ASSERT_EQ(events.size(), 3u);
  const Element a = events[1].document->root();
  EXPECT_TRUE(a.is("a", "urn:&p"));
  EXPECT_EQ(a.attributes().at(0).ns, "urn:&p");
  EXPECT_FALSE(events[1].document->self_contained());
}

TEST(StreamScanner, EveryError_HasAName) {
  for (int i = 0; i <= static_cast<int>(ScanError::too_many_elements); ++i) {
    EXPECT_NE(to_string(static_cast<ScanError>(i)), "unknown");
  }
}

}  // namespace
}  // namespace starling::xml
