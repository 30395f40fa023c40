#include "xmpp/base64.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace starling::xmpp {
namespace {

// RFC 4648 section 10.
const std::pair<std::string, std::string> kVectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

TEST(Base64, RfcVectors_EncodeAndDecode) {
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(Base64, EveryByteValue_SurvivesTheRoundTrip) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
}

TEST(Base64, NotCanonical_IsRefused) {
  for (const char* text : {
           "Zg",
           "Zg=",
           "Zg===",  // padding missing or too long
           "Zh==",
           "Zm9=",  // bits set that no byte has
           " Zg==",
           "Zg== ",
           "Zm9v\n",  // white space
           "Z m9",
           "Zm9v Zm9",
           "\nm9v",  // white space where the length is right
           "Zm9*",
           "Zm-_",
           "====",
           "=g==",  // not of the alphabet, or padding elsewhere
           "Zg==Zg==",
           "Z=g=",
           "A===",
       }) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(Base64, NulInText_IsRefused) {
  EXPECT_EQ(base64_decode(std::string_view("Zm9\0", 4)), std::nullopt);
}

}  // namespace
}  // namespace starling::xmpp
