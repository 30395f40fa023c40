#include "web/elements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace starling::web {
namespace {

using Kind = Piece::Kind;

std::vector<std::pair<Kind, std::string>> pieces_of(std::string_view text) {
  std::vector<std::pair<Kind, std::string>> pieces;
  for (;;) {
    const Piece piece = next_piece(text);
    if (piece.kind == Kind::incomplete) return pieces;
    pieces.emplace_back(piece.kind, piece.text);
  }
}

TEST(NextPiece, CutsAStreamIntoItsTopLevelThings) {
  const std::vector<std::pair<Kind, std::string>> expected{
      {Kind::header, "<stream:stream a='>' b=\"'>\">"},
      {Kind::element, "<stream:features><a/><b>x</b></stream:features>"},
      {Kind::element, "<r xmlns='urn:xmpp:sm:3'/>"},
      {Kind::element, "<message id='</message>'><body>a<![CDATA[</body>]]></body></message>"},
      {Kind::end, "</stream:stream>"}};
  std::string text = "<?xml version='1.0'?>";
  for (const auto& [kind, piece] : expected) text += piece + (kind == Kind::element ? "\n " : "");
  EXPECT_EQ(pieces_of(text), expected);
}

TEST(NextPiece, WhatIsNotWhole_IsIncomplete) {
  for (const std::string text : {"", "a", "<", "<a", "<a b='>", "<a>", "<a><b></a>",
                                 "<a><![CDATA[</a>", "</a", "<?xml ", "<stream:stream a='1'"}) {
    EXPECT_TRUE(pieces_of(text).empty()) << text;
  }
}

TEST(RawAttribute, IsFoundWhereItIsOne) {
  const std::string element = "<a b=\"xmlns='n'\" xmlns = 'm' c='&lt;'><d e='f'/></a>";
  EXPECT_EQ(raw_attribute(element, "xmlns"), "m");
  EXPECT_EQ(raw_attribute(element, "c"), "&lt;");
  EXPECT_EQ(raw_attribute(element, "e"), "");
  EXPECT_EQ(raw_attribute("<a/>", "b"), "");
}

TEST(StandingAlone, SaysWhatTheStreamsHeaderSaid) {
  EXPECT_EQ(standing_alone("<iq id=\"xmlns='x'\"/>"),
            "<iq xmlns='jabber:client' id=\"xmlns='x'\"/>");
  EXPECT_EQ(standing_alone("<message><a xmlns='b'/></message>"),
            "<message xmlns='jabber:client'><a xmlns='b'/></message>");
  EXPECT_EQ(standing_alone("<r xmlns='urn:xmpp:sm:3'/>"), "<r xmlns='urn:xmpp:sm:3'/>");
  EXPECT_EQ(standing_alone("<stream:features/>"),
            "<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>");
}

TEST(StreamHeader, ValuesAreEscaped) {
  EXPECT_EQ(stream_header("a'b", "", "1.0", "en"),
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
            "to='a&apos;b' version='1.0' xml:lang='en'>");
}

}  // namespace
}  // namespace starling::web
