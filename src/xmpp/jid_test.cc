#include "xmpp/jid.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

namespace starling::xmpp {
namespace {

struct Example {
  std::string_view text;
  std::string_view local;
  std::string_view domain;
  std::string_view resource;
};

void expect_parses(const Example& example) {
  const auto jid = Jid::parse(example.text);
  ASSERT_TRUE(jid) << example.text;
  EXPECT_EQ(jid->local(), example.local) << example.text;
  EXPECT_EQ(jid->domain(), example.domain) << example.text;
  EXPECT_EQ(jid->resource(), example.resource) << example.text;
  EXPECT_EQ(Jid::parse(jid->full()), jid) << "unstable: " << example.text;
}

// RFC 7622 section 3.5, table 1. Lower-casing is RFC 8265's, which replaced the case folding of
// RFC 7613: so a final sigma stays one.
TEST(Jid, ValidExamplesOfRfc7622_Parse) {
  for (const Example& example : {
           Example{"juliet@example.com", "juliet", "example.com", ""},
           Example{"juliet@example.com/foo", "juliet", "example.com", "foo"},
           Example{"juliet@example.com/foo bar", "juliet", "example.com", "foo bar"},
           Example{"juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"},
           Example{"foo\\20bar@example.com", "foo\\20bar", "example.com", ""},
           Example{"fussball@example.com", "fussball", "example.com", ""},
           Example{"fußball@example.com", "fußball", "example.com", ""},
           Example{"π@example.com", "π", "example.com", ""},
           Example{"Σ@example.com/foo", "σ", "example.com", "foo"},
           Example{"σ@example.com/foo", "σ", "example.com", "foo"},
           Example{"ς@example.com/foo", "ς", "example.com", "foo"},
           Example{"king@example.com/♚", "king", "example.com", "♚"},
           Example{"example.com", "", "example.com", ""},
           Example{"example.com/foobar", "", "example.com", "foobar"},
           Example{"a.example.com/b@example.net", "", "a.example.com", "b@example.net"},
       }) {
    expect_parses(example);
  }
}

// Table 2, but for the leading space in a resourcepart, which erratum 4560 found to be valid.
TEST(Jid, InvalidExamplesOfRfc7622_AreRefused) {
  for (const std::string_view text : {
           "\"juliet\"@example.com",
           "foo bar@example.com",
           "@example.com/",
           "henry\u2163@example.com",
           "♚@example.com",
           "juliet@",
           "/foobar",
       }) {
    EXPECT_FALSE(Jid::parse(text)) << text;
  }
}

TEST(Jid, LeadingSpaceInResource_IsKept) {
  expect_parses({"juliet@example.com/ foo", "juliet", "example.com", " foo"});
}

TEST(Jid, EmptyPartBehindSeparator_IsRefused) {
  for (const std::string_view text :
       {"", "@", "/", "@/", "@example.com", "a@", "a@/r", "a@b/", "a@@b", "a@b@c", "@/r"}) {
    EXPECT_FALSE(Jid::parse(text)) << text;
  }
}

TEST(Jid, Separators_SplitAtTheFirstSlashThenTheFirstAt) {
  expect_parses({"server/res@foo/bar", "", "server", "res@foo/bar"});
  expect_parses({"a@b/c@d/e", "a", "b", "c@d/e"});
}

TEST(Jid, LocalExclusions_AreRefusedInEveryWidth) {
  for (const std::string_view c : {"\"", "&", "'", ":", "<", ">"}) {
    EXPECT_FALSE(Jid::parse("a" + std::string(c) + "b@example.com")) << c;
  }
  // Preparation turns fullwidth forms into the very characters that are excluded.
  for (const std::string_view c : {"＂", "＆", "＇", "：", "＜", "＞", "＠", "／"}) {
    EXPECT_FALSE(Jid::parse("a" + std::string(c) + "b@example.com")) << c;
    EXPECT_FALSE(Jid::make("a" + std::string(c) + "b", "example.com")) << c;
  }
  EXPECT_FALSE(Jid::make("a@b", "example.com"));
  EXPECT_FALSE(Jid::make("a/b", "example.com"));
}

TEST(Jid, ControlCharacters_AreRefusedEverywhere) {
  EXPECT_FALSE(Jid::parse("a\x01@example.com"));
  EXPECT_FALSE(Jid::parse("a\x7F@example.com"));
  EXPECT_FALSE(Jid::parse("a@exam\tple.com"));
  EXPECT_FALSE(Jid::parse("a@example.com/\n"));
  EXPECT_FALSE(Jid::parse(std::string_view("a\0b@example.com", 15)));
  EXPECT_FALSE(Jid::parse("a@example.com/\u061Cx"));  // ARABIC LETTER MARK: format control
}

TEST(Jid, MalformedUtf8_IsRefusedInEachPart) {
  EXPECT_FALSE(Jid::parse("jos\xE9@example.com"));
  EXPECT_FALSE(Jid::parse("a@ex\xC3.com"));
  EXPECT_FALSE(Jid::parse("a@example.com/\xC0\xAF"));
  EXPECT_FALSE(Jid::parse("a@example.com/\xED\xA0\x80"));
}

TEST(Jid, Case_FoldsInLocalAndDomainOnly) {
  expect_parses({"JuLiEt@EXAMPLE.Com/BaLcony", "juliet", "example.com", "BaLcony"});
}

TEST(Jid, PartOf1023Octets_IsTheLongest) {
  const std::string fits(1023, 'a');
  const std::string too_long(1024, 'a');
  std::string long_domain(62, 'd');
  while (long_domain.size() < 1023) long_domain += "." + std::string(30, 'd');
  long_domain.resize(1023, 'd');
  EXPECT_TRUE(Jid::parse(fits + "@example.com"));
  EXPECT_FALSE(Jid::parse(too_long + "@example.com"));
  EXPECT_TRUE(Jid::parse("example.com/" + fits));
  EXPECT_FALSE(Jid::parse("example.com/" + too_long));
  EXPECT_TRUE(Jid::parse(long_domain));
  EXPECT_FALSE(Jid::parse(long_domain + "d"));
  // What counts is the size after preparation.
  std::string wide;
  for (int i = 0; i < 1023; ++i) wide += "ａ";
  EXPECT_EQ(prepare_local(wide), fits);
  EXPECT_EQ(prepare_local(wide + "ａ"), std::nullopt);
}

TEST(JidDomain, TrailingDot_IsDroppedOnce) {
  EXPECT_EQ(prepare_domain("example.com."), "example.com");
  EXPECT_EQ(prepare_domain("bücher.example。"), "bücher.example");
  EXPECT_EQ(prepare_domain("example.com.."), std::nullopt);
  EXPECT_EQ(prepare_domain("."), std::nullopt);
  EXPECT_EQ(prepare_domain("bücher.\u00AD."), std::nullopt);
}

TEST(JidDomain, BadLabels_AreRefused) {
  EXPECT_TRUE(prepare_domain(std::string(63, 'a') + ".b"));
  for (const std::string& name : {
           std::string(64, 'a'),
           std::string("a..b"),
           std::string(".a"),
           std::string("-a.b"),
           std::string("a-.b"),
           std::string("ab--cd.e"),
           std::string("a b"),
           std::string("a,b"),
           std::string("exam:ple"),
           std::string("a@b"),
           std::string("a%b"),
       }) {
    EXPECT_EQ(prepare_domain(name), std::nullopt) << name;
  }
}

TEST(JidDomain, Underscore_IsAcceptedInAsciiLabels) {
  EXPECT_EQ(prepare_domain("_xmpp.my_host.example"), "_xmpp.my_host.example");
  EXPECT_EQ(prepare_domain("my_host.bücher.example"), "my_host.bücher.example");
  EXPECT_EQ(prepare_domain("b_ücher.example"), std::nullopt);
}

TEST(JidDomain, ALabels_BecomeULabels) {
  EXPECT_EQ(prepare_domain("xn--bcher-kva.example"), "bücher.example");
  EXPECT_EQ(prepare_domain("XN--BCHER-KVA.Example."), "bücher.example");
  EXPECT_EQ(prepare_domain("BÜCHER.example"), "bücher.example");
  EXPECT_EQ(prepare_domain("bu\u0308cher.example"), "bücher.example");
  EXPECT_EQ(prepare_domain("faß.de"), "faß.de");  // nontransitional: not fass.de
  EXPECT_EQ(Jid::parse("a@xn--bcher-kva.example"), Jid::parse("a@bücher.example"));
}

TEST(JidDomain, PreparedDomain_HasAFormForDns) {
  EXPECT_EQ(domain_in_ascii("example.org"), "example.org");
  EXPECT_EQ(domain_in_ascii("bücher.example"), "xn--bcher-kva.example");
  std::string long_name = "ü";
  for (int i = 0; i < 100; ++i) long_name += ".abc";
  EXPECT_EQ(domain_in_ascii(long_name), std::nullopt);
}

TEST(JidDomain, FakeALabels_AreRefused) {
  for (const std::string_view name : {
           "xn--.example", "xn--a.example", "xn--foo-.example", "xn--bcher-kv!.example",
           "xn--Bcher-KVA-.example", "xn--99999999.example",
           "xn--a-ecp.ru",     // U+2488, a digit with a full stop: UTS 46 maps it to two labels
           "xn--n3h.example",  // SNOWMAN: UTS 46 would take it, IDNA2008 does not
       }) {
    EXPECT_EQ(prepare_domain(name), std::nullopt) << name;
  }
}

TEST(JidDomain, UnacceptableULabels_AreRefused) {
  for (const std::string_view name : {
           "☃.example",
           "a\u200Db.example",
           "\u0301a.example",
           "a\u3002\u3002é",
           "א1a.example",  // mixed directions
           "ex／ample.é",
           "ü.1\u2488com",
       }) {
    EXPECT_EQ(prepare_domain(name), std::nullopt) << name;
  }
  std::string too_long;
  for (int i = 0; i < 60; ++i) too_long += "日本";
  EXPECT_EQ(prepare_domain(too_long + ".example"), std::nullopt);
}

TEST(JidDomain, IpAddresses_AreCanonical) {
  EXPECT_EQ(prepare_domain("192.168.1.1"), "192.168.1.1");
  EXPECT_EQ(prepare_domain("[::1]"), "[::1]");
  EXPECT_EQ(prepare_domain("[2001:DB8:0:0:0:0:0:1]"), "[2001:db8::1]");
  EXPECT_EQ(prepare_domain("[::ffff:1.2.3.4]"), "[::ffff:1.2.3.4]");
  for (const std::string_view name :
       {"[", "[]", "[::1", "::1", "[::1]x", "[1.2.3.4]", "[fe80::1%eth0]", "[v1.a]", "[::12345]"}) {
    EXPECT_EQ(prepare_domain(name), std::nullopt) << name;
  }
}

TEST(JidDomain, ContextualRules_HoldPerLabel) {
  EXPECT_EQ(prepare_domain("l·l.example"), "l·l.example");
  EXPECT_EQ(prepare_domain("·l.l·.example"), std::nullopt);
  EXPECT_EQ(prepare_domain("ア・b.example"), "ア・b.example");
  EXPECT_EQ(prepare_domain("a・b.ア.example"), std::nullopt);
  EXPECT_EQ(prepare_domain("क्\u200Dष.example"), "क्\u200Dष.example");
  EXPECT_EQ(prepare_domain("a\u200C.example"), std::nullopt);
}

TEST(JidDomain, NulInIpLiteral_IsRefused) {
  EXPECT_EQ(prepare_domain(std::string_view("[::1\0]", 6)), std::nullopt);
}

TEST(JidResource, SpacesAndComposition_AreMapped) {
  EXPECT_EQ(prepare_resource("a\u3000b\u00A0c"), "a b c");
  EXPECT_EQ(prepare_resource("Zoe\u0308"), "Zoë");
  EXPECT_EQ(prepare_resource("\U0001F37A"), "\U0001F37A");
  EXPECT_EQ(prepare_resource(""), std::nullopt);
}

TEST(Jid, Views_ShowThePartsOfOneString) {
  const auto jid = Jid::parse("Juliet@Example.com/Balcony");
  ASSERT_TRUE(jid);
  EXPECT_EQ(jid->full(), "juliet@example.com/Balcony");
  EXPECT_EQ(jid->bare(), "juliet@example.com");
  EXPECT_FALSE(jid->is_bare());
  EXPECT_FALSE(jid->is_domain());
  EXPECT_EQ(jid->to_bare().full(), "juliet@example.com");
  EXPECT_TRUE(jid->to_bare().is_bare());
  const auto domain = Jid::parse("example.com");
  EXPECT_TRUE(domain->is_domain());
  EXPECT_EQ(domain->bare(), "example.com");
}

TEST(Jid, Empty_HasNothing) {
  const Jid none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.full(), "");
  EXPECT_EQ(none.bare(), "");
  EXPECT_EQ(none.local(), "");
  EXPECT_EQ(none.domain(), "");
  EXPECT_EQ(none.resource(), "");
  EXPECT_TRUE(none.to_bare().empty());
  EXPECT_FALSE(none.with_resource("r"));
  EXPECT_EQ(none, Jid());
}

TEST(Jid, WithResource_ReplacesAndPrepares) {
  const auto jid = Jid::parse("juliet@example.com/old");
  EXPECT_EQ(jid->with_resource("new\u00A0one")->full(), "juliet@example.com/new one");
  EXPECT_FALSE(jid->with_resource(""));
  EXPECT_FALSE(jid->with_resource("a\tb"));
  EXPECT_EQ(jid->full(), "juliet@example.com/old");
}

TEST(Jid, Make_TakesEmptyPartsAsAbsent) {
  EXPECT_EQ(Jid::make("", "example.com", "")->full(), "example.com");
  EXPECT_EQ(Jid::make("A", "example.com", "r/@")->full(), "a@example.com/r/@");
  EXPECT_FALSE(Jid::make("a", "", "r"));
  EXPECT_FALSE(Jid::make("a", "b@c", ""));
  EXPECT_FALSE(Jid::make("a", "b/c", ""));
}

TEST(Jid, Copies_ShareOneString) {
  const auto jid = Jid::parse("juliet@example.com");
  Jid copy;
  copy = *jid;
  EXPECT_EQ(copy.full().data(), jid->full().data());
  EXPECT_EQ(copy.to_bare().full().data(), jid->full().data());
}

TEST(Jid, EqualAddresses_HashAndCompareEqual) {
  const std::unordered_set<Jid> set{*Jid::parse("A@example.com/x"), *Jid::parse("a@EXAMPLE.com/x"),
                                    *Jid::parse("a@example.com/y")};
  EXPECT_EQ(set.size(), 2U);
  EXPECT_LT(*Jid::parse("a@example.com"), *Jid::parse("b@example.com"));
}

}  // namespace
}  // namespace starling::xmpp
