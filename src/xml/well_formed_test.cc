// What is well-formed and what is not: tables, each entry scanned whole and byte by byte.
#include <gtest/gtest.h>

#include <string>

#include "xml/scan_for_test.h"

namespace starling::xml {
namespace {

void expect_in_stream(std::string_view stanza, ScanError error) {
  EXPECT_EQ(error_in_stream(stanza), error) << stanza;
  EXPECT_EQ(error_in_stream(stanza, 1), error) << "byte by byte: " << stanza;
}

TEST(WellFormed, Accepted) {
  for (const char* accepted : {
           "<a/>",
           "<a></a>",
           "<a />",
           "<a\r\n></a\t>",
           "<a b='c'/>",
           "<a b = \"c\" d='e'  />",
           "<a b='>'/>",
           "<a b='\"' c=\"'\"/>",
           "<a>]] > ]]&gt; ></a>",
           "<a>]]<b/>></a>",
           "<a>&lt;&gt;&amp;&quot;&apos;</a>",
           "<a b='&lt;&#x9;'/>",
           "<a>&#00065;&#x0041;</a>",
           "<a>&#x10FFFF;&#xD7FF;&#xE000;&#xFFFD;&#133;</a>",
           "<a><![CDATA[]]></a>",
           "<a><![CDATA[<b>&x;]]]]><![CDATA[>]]></a>",
           "<a><![CDATA[]>]]>]</a>",
           "<a.b-c_d1/>",
           "<_/>",
           "<a xml:lang='en' xml:space='x'/>",
           "<xml:a/>",
           "<a><b><c/>x</b>y<d>z</d></a>",
           "<a \xC3\xA9='1'/>",
           "<\xCE\xB1\xCC\x81/>",
           "<\xE4\xB8\xAD/>",
           "<a>\x7F\xC2\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBD</a>",
           "<a>\xF0\x90\x80\x80\xF4\x8F\xBF\xBF</a>",
           "<a>\t\r\n</a>",
       }) {
    expect_in_stream(accepted, ScanError::none);
    EXPECT_EQ(scan_all(std::string(kClientHeader) + accepted).size(), 2u) << accepted;
  }
}

// Each is refused at its last byte, whatever might follow.
constexpr std::string_view kRefused[] = {
    "< ",
    "<>",
    "<1",
    "<-",
    "<.",
    "<a&",
    "<a<",
    "<a/ ",
    "<a b>",
    "<a b c",
    "<a b=c",
    "<a b='<",
    "<a b='1'c",
    "<a b='1' b='2'/>",
    "<a b='1' c='' b='2'>",
    "<a =",
    "<a></b",
    "<a></ ",
    "<a></ab",
    "<a></a b",
    "<ab></a>",
    "<a><b></a",
    "<a>]]>",
    "<a>& ",
    "<a>&;",
    "<a>&1",
    "<a>&#;",
    "<a>&#x;",
    "<a>&#a",
    "<a>&#xg",
    "<a>&#X",
    "<a>&#0;",
    "<a>&#31;",
    "<a>&#xD800;",
    "<a>&#xDFFF;",
    "<a>&#xFFFE;",
    "<a>&#x110000;",
    "<a>&#99999999999999999999;",
    "<a>&lt ",
    "<a b='&'",
    "<a>\x01",
    "<a>\x1F",
    "<a b='\x02",
    "<a><![CDATA[\x03",
    "<a\x04",
    "<a><![CDAT<",
    "<a><![c",
    "<a><! ",
    "<a><!1",
    "<a>\xEF\xBF\xBE",
    "<a b='\xEF\xBF\xBF",
    "<\xC3\x97",
    "<a\xC3\x97",
    "<\xCC\x81",
    "<\xF0\x90\x80\x80",
    "<:",
    "<a:>",
    "<a: ",
    "<a:b:",
    "<a:1",
    "<a :",
    "<a b:=",
    "</a",
    "<a xmlns:=",
};

TEST(WellFormed, Refused) {
  for (const std::string_view text : kRefused) {
    expect_in_stream(text, ScanError::not_well_formed);
    expect_in_stream(text.substr(0, text.size() - 1), ScanError::none);
  }
}

TEST(WellFormed, BadUtf8_Refused) {
  for (const char* bad : {
           "\x80",
           "\xBF",
           "\xC0\x80",
           "\xC1\xBF",
           "\xC3(",
           "\xE0\x9F",
           "\xE2\x28",
           "\xE2\x82(",
           "\xED\xA0",
           "\xF0\x8F",
           "\xF0\x9F\x98(",
           "\xF4\x90",
           "\xF5",
           "\xFE",
           "\xFF",
       }) {
    for (const char* before : {"<a>", "<a b='", "<a><![CDATA[", "<", "<a"}) {
      expect_in_stream(std::string(before) + bad, ScanError::bad_encoding);
    }
  }
}

TEST(WellFormed, Namespaces_Accepted) {
  for (const char* accepted : {
           "<a xmlns=''/>",
           "<p:a xmlns:p='urn:p'/>",
           "<a p:b='' b='' xmlns:p='urn:p'/>",
           "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
           "<a p:b='' xmlns:p='jabber:client' b=''/>",
           "<stream:a/>",
           "<a stream:b=''/>",
           "<a xmlns:p='urn:p'><a xmlns:p='urn:q'><p:a/></a><p:a/></a>",
           "<a p:b='' q:b='' xmlns:p='urn:p' xmlns:q='urn:q'/>",
           "<xmlnsx:a xmlns:xmlnsx='urn:x' xmlnsy='1'/>",
       }) {
    expect_in_stream(accepted, ScanError::none);
  }
}

TEST(WellFormed, Namespaces_Refused) {
  for (const char* unbound : {"<p:a/>", "<a p:b=''/>", "<a><b xmlns:p='urn:p'/><p:c/>",
                              "<xmlns:a/>", "<a p:b='' xmlns:q='urn:p'/>"}) {
    expect_in_stream(unbound, ScanError::bad_namespace_prefix);
  }
  for (const char* refused : {
           "<a xmlns:p=''/>",
           "<a xmlns:xml='urn:x'/>",
           "<a xmlns:xmlns='urn:x'/>",
           "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
           "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
           "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
           "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
           "<a xmlns='a' xmlns='b'/>",
           "<a xmlns:p='a' xmlns:p='a'/>",
           "<a p:b='' q:b='' xmlns:p='urn:p' xmlns:q='urn:&#112;'/>",
       }) {
    expect_in_stream(refused, ScanError::not_well_formed);
  }
}

}  // namespace
}  // namespace starling::xml
