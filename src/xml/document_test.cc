#include "xml/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "xml/scan_for_test.h"
#include "xml/stream_scanner.h"
#include "xml/stream_scope.h"

namespace starling::xml {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> child_names(const Element& element) {
  std::vector<std::string> names;
  for (const Element child : element.children()) names.emplace_back(child.name());
  return names;
}

TEST(Document, Parse_TakesExactlyOneElement) {
  for (const char* refused : {"", " ", "a", "<a>", "<a/><b/>", "<a/> ", " <a/>", "<a/>x", "<a></b>",
                              "<?xml version='1.0'?><a/>", "<!-- --><a/>", "</a>", "<p:a/>"}) {
    EXPECT_EQ(Document::parse(refused), nullptr) << refused;
  }
  EXPECT_NE(Document::parse("<a/>"), nullptr);
}

TEST(Document, Parse_InheritsTheDefaultNamespace) {
  const auto document = Document::parse("<a><b xmlns='urn:b'/><c xmlns=''/></a>", "urn:a");
  EXPECT_TRUE(document->root().is("a", "urn:a"));
  EXPECT_TRUE(document->root().child("b", "urn:b"));
  EXPECT_TRUE(document->root().child("c", ""));
  EXPECT_FALSE(document->root().child("b", "urn:a"));
}

TEST(Document, ScanElement_SaysWhatIsWrong) {
  const Limits limits{.max_depth = 2};
  EXPECT_EQ(scan_element("<a><b><c/></b></a>", "", limits).error(), ScanError::too_deep);
  EXPECT_EQ(scan_element("<a><!--", "", limits).error(), ScanError::restricted_xml);
  EXPECT_TRUE(scan_element("<a><b/></a>", "", limits));
}

TEST(Element, Children_AreTheDirectOnesInOrder) {
  const auto document = Document::parse("<a><b><x/><y><z/></y></b>t<c/><d>u</d></a>");
  const Element root = document->root();
  EXPECT_THAT(child_names(root), ElementsAre("b", "c", "d"));
  EXPECT_THAT(child_names(*root.first_child()), ElementsAre("x", "y"));
  EXPECT_THAT(child_names(*root.child("c", "")), ElementsAre());
  EXPECT_FALSE(root.child("x", ""));
}

TEST(Element, Names_SplitAtThePrefix) {
  const auto document = Document::parse("<p:a xmlns:p='urn:p'><b/></p:a>");
  EXPECT_EQ(document->root().prefix(), "p");
  EXPECT_EQ(document->root().name(), "a");
  EXPECT_EQ(document->root().ns(), "urn:p");
  EXPECT_EQ(document->root().first_child()->prefix(), "");
  EXPECT_EQ(document->root().first_child()->ns(), "");
}

TEST(Element, Attribute_IsDecodedAndNormalised) {
  const auto document = Document::parse(
      "<a b='plain' c = \"it's\" d='&lt;&amp;&#x20AC;&#10;' e='1\t2\r\n3\n\r4' f=''/>");
  const Element a = document->root();
  EXPECT_EQ(a.attribute("b"), "plain");
  EXPECT_EQ(a.attribute("c"), "it's");
  EXPECT_EQ(a.attribute("d"), "<&\xE2\x82\xAC\n");
  EXPECT_EQ(a.attribute("e"), "1 2 3  4");
  EXPECT_EQ(a.attribute("f"), "");
  EXPECT_EQ(a.attribute("g"), std::nullopt);
  EXPECT_EQ(a.attribute("plain"), std::nullopt);
}

TEST(Element, Attributes_ListPrefixAndNamespaceWithoutDeclarations) {
  const auto document = Document::parse(
      "<a x='&lt;' xmlns='urn:a' p:x='2&gt;' xmlns:p='urn:&amp;p' xml:lang='en'><b p:y='3'/></a>");
  const auto attributes = document->root().attributes();
  ASSERT_EQ(attributes.size(), 3u);
  EXPECT_EQ(attributes[0].name, "x");
  EXPECT_EQ(attributes[0].value, "<");
  EXPECT_EQ(attributes[0].ns, "");
  EXPECT_EQ(attributes[1].prefix, "p");
  EXPECT_EQ(attributes[1].name, "x");
  EXPECT_EQ(attributes[1].value, "2>");
  EXPECT_EQ(attributes[1].ns, "urn:&p");
  EXPECT_EQ(attributes[2].ns, kXmlNamespace);
  EXPECT_EQ(document->root().first_child()->attributes().at(0).ns, "urn:&p");
  EXPECT_EQ(document->root().attribute("xmlns"), std::nullopt);
  EXPECT_EQ(document->root().attribute("xmlns:p"), std::nullopt);
  EXPECT_EQ(document->root().attribute("xml:lang"), "en");
  EXPECT_EQ(document->root().attribute("lang"), std::nullopt);
}

TEST(Element, Text_IsDecodedAndWithoutChildren) {
  const auto document = Document::parse(
      "<a>1&amp;<b>no</b>2\r\n3\r4<![CDATA[<&lt;\r\n]]]]><![CDATA[>]]><c/>&#x41;&#66;&apos;</a>");
  EXPECT_EQ(document->root().text(), "1&2\n3\n4<&lt;\n]]>AB'");
  EXPECT_EQ(document->root().first_child()->text(), "no");
}

TEST(Element, Raw_IsAsItCame) {
  const auto document = Document::parse("<a><b c='&lt;'>x&amp;</b ><d/></a>");
  EXPECT_EQ(document->root().raw_content(), "<b c='&lt;'>x&amp;</b ><d/>");
  EXPECT_EQ(document->root().first_child()->raw(), "<b c='&lt;'>x&amp;</b >");
  EXPECT_EQ(document->root().child("d", "")->raw_content(), "");
  EXPECT_EQ(document->wire(), document->root().raw());
}

TEST(Document, SelfContained_WithoutForeignPrefixes) {
  for (const char* yes : {"<a/>", "<a xmlns='urn:a'><b/></a>", "<a xml:lang='en' xmlns='urn:a'/>",
                          "<a><p:b xmlns:p='urn:p' p:c=''/></a>", "<a><xml:b/></a>"}) {
    EXPECT_TRUE(Document::parse(yes)->self_contained()) << yes;
  }
  for (const char* no : {"<p:a xmlns:p='urn:p'/>", "<a xmlns:p='urn:p'/>"}) {
    EXPECT_FALSE(Document::parse(no)->self_contained()) << no;
  }
  const auto in_stream = [](std::string_view stanza) {
    return scan_all(std::string(kClientHeader).append(stanza)).back().document->self_contained();
  };
  EXPECT_TRUE(in_stream("<message><body/></message>"));
  EXPECT_FALSE(in_stream("<message><stream:x/></message>"));
  EXPECT_FALSE(in_stream("<message><x stream:y=''/></message>"));
}

std::string canonical(std::string_view text, std::string_view context, std::string_view ns = {}) {
  return Document::parse(text, ns)->canonical_content(context);
}

TEST(Canonical, Prefixes_BecomeDeclarations) {
  EXPECT_EQ(canonical("<m xmlns='jabber:client' xmlns:p='urn:p'><p:a><b/><p:c/></p:a></m>",
                      "jabber:client"),
            "<a xmlns='urn:p'><b xmlns='jabber:client'/><c/></a>");
  EXPECT_EQ(canonical("<p:m xmlns:p='urn:p' xmlns:q='urn:q'><p:a q:x='1' q:y=\"2\" xml:lang='en' "
                      "z='&amp;'/></p:m>",
                      "urn:p"),
            "<a xmlns:a0='urn:q' a0:x='1' a0:y=\"2\" xml:lang='en' z='&amp;'/>");
}

TEST(Canonical, Context_DecidesWhatIsDeclared) {
  const std::string_view text = "<m xmlns='urn:a'><b/>t&lt;<![CDATA[<]]></m>";
  EXPECT_EQ(canonical(text, "urn:a"), "<b/>t&lt;<![CDATA[<]]>");
  EXPECT_EQ(canonical(text, "urn:c"), "<b xmlns='urn:a'/>t&lt;<![CDATA[<]]>");
  EXPECT_EQ(canonical("<m><b/></m>", "urn:c"), "<b xmlns=''/>");
  EXPECT_EQ(canonical("<m/>", "urn:c"), "");
}

TEST(Canonical, XmlPrefix_Stays) {
  EXPECT_EQ(canonical("<m xmlns='urn:a'><xml:b><c/></xml:b></m>", "urn:a"), "<xml:b><c/></xml:b>");
}

TEST(Canonical, OddNamespaces_AreEscaped) {
  const std::string text = canonical("<m xmlns:p='&apos;&lt;&#10;&amp;'><p:a/></m>", "");
  const auto again = Document::parse("<w>" + text + "</w>");
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->root().first_child()->ns(), "'<\n&");
}

TEST(Document, Memory_IsOneSmallBlock) {
  const auto events =
      scan_all(std::string(kClientHeader) + "<message to='a@b'><body>hello</body></message>");
  EXPECT_LT(events.back().document->memory(), events.back().document->wire().size() + 120);
}

TEST(Element, Canonical_StandsAlone) {
  const auto document =
      Document::parse("<q xmlns='urn:q' xmlns:p='urn:p'><p:a p:x='1'>t<b/></p:a><p:e/><c></c></q>");
  std::vector<std::string> parts;
  for (const Element child : document->root().children()) parts.push_back(child.canonical("urn:q"));
  EXPECT_THAT(parts, ::testing::ElementsAre(
                         "<a xmlns='urn:p' xmlns:a0='urn:p' a0:x='1'>t<b xmlns='urn:q'/></a>",
                         "<e xmlns='urn:p'/>", "<c></c>"));
  EXPECT_EQ(document->root().canonical(""),
            "<q xmlns='urn:q'><a xmlns='urn:p' xmlns:a0='urn:p' a0:x='1'>t<b xmlns='urn:q'/></a>"
            "<e xmlns='urn:p'/><c></c></q>");
}

}  // namespace
}  // namespace starling::xml
