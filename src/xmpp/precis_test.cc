#include "xmpp/precis.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace starling::xmpp {
namespace {

const std::optional<std::string> kRefused;

TEST(Utf8, Malformed_IsRecognised) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8D\xBA"));
  EXPECT_FALSE(is_utf8("\xC3"));              // cut short
  EXPECT_FALSE(is_utf8("\xA9"));              // continuation without a lead
  EXPECT_FALSE(is_utf8("\xC0\xAF"));          // overlong
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // beyond U+10FFFF
}

// RFC 8265 section 3.5, table 1 (and what UsernameCaseMapped makes of it).
TEST(Username, LegalExamplesOfRfc8265_AreEnforced) {
  EXPECT_EQ(enforce_username_case_mapped("juliet@example.com"), "juliet@example.com");
  EXPECT_EQ(enforce_username_case_mapped("fussball"), "fussball");
  EXPECT_EQ(enforce_username_case_mapped("fußball"), "fußball");
  EXPECT_EQ(enforce_username_case_mapped("π"), "π");
  EXPECT_EQ(enforce_username_case_mapped("Σ"), "σ");
  EXPECT_EQ(enforce_username_case_mapped("σ"), "σ");
  EXPECT_EQ(enforce_username_case_mapped("ς"), "ς");  // lower-cased, not case-folded
}

// Table 2.
TEST(Username, IllegalExamplesOfRfc8265_AreRefused) {
  EXPECT_EQ(enforce_username_case_mapped("foo bar"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped(""), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("henry\u2163"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("∞"), kRefused);
}

TEST(Username, WidthCaseAndComposition_AreMapped) {
  EXPECT_EQ(enforce_username_case_mapped("ＪＵＬＩＥＴ"), "juliet");
  EXPECT_EQ(enforce_username_case_mapped("\uFF76\uFF9E"), "ガ");  // halfwidth KA, voiced mark
  EXPECT_EQ(enforce_username_case_mapped("E\u0301mile"), "émile");
  EXPECT_EQ(enforce_username_case_mapped("\u212Aelvin"), "kelvin");  // KELVIN SIGN
  EXPECT_EQ(enforce_username_case_mapped("\u0130"), "i\u0307");      // no Turkish rules
}

TEST(Username, ForbiddenCodePoints_AreRefused) {
  for (const char* text : {
           "a\u00ADb",    // SOFT HYPHEN: ignorable
           "a\u200Bb",    // ZERO WIDTH SPACE
           "a\u00A0b",    // a space
           "a\u0007",     // a control
           "\u0378",      // unassigned
           "\uFDD0",      // a noncharacter
           "\uE000",      // private use
           "\u1100",      // old Hangul jamo
           "\u0640",      // ARABIC TATWEEL, by exception
           "ﬁnn",         // a ligature: compatibility form
           "\U0001F37A",  // an emoji: symbol
           "\u3000x",     // the wide form of a space
       }) {
    EXPECT_EQ(enforce_username_case_mapped(text), kRefused) << text;
  }
}

TEST(Username, MalformedUtf8_IsRefused) {
  EXPECT_EQ(enforce_username_case_mapped("jos\xE9"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("\xED\xA0\x80"), kRefused);
}

TEST(Username, MixedDirections_AreRefused) {
  EXPECT_EQ(enforce_username_case_mapped("שלום"), "שלום");
  EXPECT_EQ(enforce_username_case_mapped("שלום1"), "שלום1");
  EXPECT_EQ(enforce_username_case_mapped("aשלום"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("שלוםa"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("1שלום"), kRefused);     // begins with a number
  EXPECT_EQ(enforce_username_case_mapped("שלום-"), kRefused);     // ends with a neutral
  EXPECT_EQ(enforce_username_case_mapped("ا1\u0661"), kRefused);  // two kinds of digits
}

// RFC 5892 appendix A, rule by rule: a place where the character may stand, and one where not.
TEST(Username, ContextualRules_DecideByNeighbours) {
  EXPECT_EQ(enforce_username_case_mapped("क्\u200Cष"), "क्\u200Cष");
  EXPECT_EQ(enforce_username_case_mapped("ن\u200Cم"), "ن\u200Cم");  // breaks a joining
  EXPECT_EQ(enforce_username_case_mapped("a\u200Cb"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("ن\u200C"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("\u200Cن"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("क्\u200Dष"), "क्\u200Dष");
  EXPECT_EQ(enforce_username_case_mapped("a\u200Db"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("l·l"), "l·l");
  EXPECT_EQ(enforce_username_case_mapped("l·"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("·l"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("\u0375α"), "\u0375α");
  EXPECT_EQ(enforce_username_case_mapped("α\u0375"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("א\u05F3"), "א\u05F3");
  EXPECT_EQ(enforce_username_case_mapped("\u05F4א"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("a\u30FBア"), "a\u30FBア");
  EXPECT_EQ(enforce_username_case_mapped("a\u30FBb"), kRefused);
  EXPECT_EQ(enforce_username_case_mapped("ا\u0661\u0662"), "ا\u0661\u0662");
  EXPECT_EQ(enforce_username_case_mapped("ا\u0661\u06F2"), kRefused);
}

// RFC 8265 section 4.3, tables 3 and 4.
TEST(OpaqueString, ExamplesOfRfc8265_AreEnforcedOrRefused) {
  EXPECT_EQ(enforce_opaque_string("correct horse battery staple"), "correct horse battery staple");
  EXPECT_EQ(enforce_opaque_string("Correct Horse Battery Staple"), "Correct Horse Battery Staple");
  EXPECT_EQ(enforce_opaque_string("πßå"), "πßå");
  EXPECT_EQ(enforce_opaque_string("Jack of ♦s"), "Jack of ♦s");
  EXPECT_EQ(enforce_opaque_string("foo\u1680bar"), "foo bar");
  EXPECT_EQ(enforce_opaque_string(""), kRefused);
  EXPECT_EQ(enforce_opaque_string("my cat is a \u0009by"), kRefused);
}

TEST(OpaqueString, CaseAndWidth_AreKept) {
  EXPECT_EQ(enforce_opaque_string("ＪULIET"), "ＪULIET");
  EXPECT_EQ(enforce_opaque_string("A\u030A"), "Å");
}

TEST(OpaqueString, MalformedUtf8_IsRefused) {
  EXPECT_EQ(enforce_opaque_string("\xFF"), kRefused);
  EXPECT_EQ(enforce_opaque_string("caf\xC3"), kRefused);
}

}  // namespace
}  // namespace starling::xmpp
