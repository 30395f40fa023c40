#include "xml/writer.h"

#include <gtest/gtest.h>

#include <string>

#include "xml/document.h"

namespace starling::xml {
namespace {

TEST(Writer, Elements_NestAndCloseShort) {
  Writer w;
  w.open("iq").attribute("type", "result").attribute_if("id", "7").attribute_if("to", "");
  w.open("query", "jabber:iq:roster").close();
  w.element("a", "urn:a", "x").element("b", "", "").open("c").text("").raw("").close();
  w.close();
  EXPECT_EQ(std::move(w).take(),
            "<iq type='result' id='7'><query xmlns='jabber:iq:roster'/><a xmlns='urn:a'>x</a>"
            "<b/><c/></iq>");
}

TEST(Writer, TextAndRaw_EndTheStartTag) {
  Writer w;
  w.open("a").text("1").raw("<b/>").text("2").close();
  EXPECT_EQ(w.view(), "<a>1<b/>2</a>");
}

TEST(Writer, LongNames_AreRepeatedInTheEndTag) {
  const std::string name(1000, 'n');
  Writer w;
  w.open(name).text("x").close();
  EXPECT_EQ(w.view(), "<" + name + ">x</" + name + ">");
}

TEST(Writer, Special_IsEscaped) {
  std::string out;
  append_escaped(out, "a<b>&\"'\r\n\tz");
  EXPECT_EQ(out, "a&lt;b&gt;&amp;&quot;&apos;&#13;\n\tz");
  out.clear();
  append_escaped_value(out, "<\r\n\t");
  EXPECT_EQ(out, "&lt;&#13;&#10;&#9;");
}

TEST(Writer, WhatXmlForbids_IsReplaced) {
  using namespace std::string_view_literals;
  std::string out;
  append_escaped(out, "\0|\x01|\xC3\xA9|\xFF|\xEF\xBF\xBE|\xE2\x82"sv);
  std::string written;
  for (const char c : out) {
    if (c == '\xEF') written += '?';
    if (c != '\xEF' && c != '\xBF' && c != '\xBD') written += c;
  }
  EXPECT_EQ(written, "?|?|\xC3\xA9|?|???|??");
  EXPECT_NE(Document::parse("<a b='" + out + "'>" + out + "</a>"), nullptr);
}

TEST(Writer, AnyText_IsReadBack) {
  const std::string text = "]]> <&'\"> \r\n\t\r \xE2\x82\xAC \xF0\x9F\x98\x80 end ";
  Writer w;
  w.open("a").attribute("b", text).text(text).close();
  const auto document = Document::parse(w.view());
  ASSERT_NE(document, nullptr);
  EXPECT_EQ(document->root().text(), text);
  EXPECT_EQ(document->root().attribute("b"), text);
}

}  // namespace
}  // namespace starling::xml
