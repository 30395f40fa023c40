#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "xmpp/base64.h"
#include "xmpp/sasl/scram.h"

namespace starling::xmpp::sasl {
namespace {

const std::optional<std::string> kRefused;

// RFC 4013 section 3.
TEST(PreparePassword, ExamplesOfRfc4013_ArePreparedOrRefused) {
  EXPECT_EQ(prepare_password("I\u00ADX"), "IX");
  EXPECT_EQ(prepare_password("user"), "user");
  EXPECT_EQ(prepare_password("USER"), "USER");
  EXPECT_EQ(prepare_password("\u00AA"), "a");
  EXPECT_EQ(prepare_password("\u2168"), "IX");
  EXPECT_EQ(prepare_password("\u0007"), kRefused);
  EXPECT_EQ(prepare_password("\u0627\u0031"), kRefused);
}

TEST(PreparePassword, EmptyOrMalformed_IsRefused) {
  EXPECT_EQ(prepare_password(""), kRefused);
  EXPECT_EQ(prepare_password("\u00AD"), kRefused);  // nothing is left of it
  EXPECT_EQ(prepare_password("p\xE4ss"), kRefused);
  EXPECT_EQ(prepare_password("pass\x7F"), kRefused);
  EXPECT_EQ(prepare_password(std::string_view("a\0b", 3)), kRefused);
  EXPECT_EQ(prepare_password("\u0378"), kRefused);  // unassigned: a stored string
}

TEST(PreparePassword, Spaces_BecomeAscii) {
  EXPECT_EQ(prepare_password("correct\u00A0horse staple"), "correct horse staple");
}

// The password, salt and iterations of RFC 5802 section 5; keys computed with Python's hashlib.
TEST(ScramKeys, OfRfc5802Example_AreKnown) {
  const auto salt = base64_decode("QSXCR+Q6sek8bf92");
  ASSERT_TRUE(salt);
  const ScramKeys keys = derive_scram_keys(ScramHash::sha1, "pencil", *salt, 4096);
  EXPECT_EQ(keys.salt, *salt);
  EXPECT_EQ(keys.iterations, 4096U);
  EXPECT_EQ(base64_encode(keys.stored_key), "6dlGYMOdZcOPutkcNY8U2g7vK9Y=");
  EXPECT_EQ(base64_encode(keys.server_key), "D+CSWLOshSulAsxiupA+qs2/fTE=");
}

TEST(ScramKeys, OfSha512_AreKnown) {
  const ScramKeys keys = derive_scram_keys(ScramHash::sha512, "pencil", "salt", 1000);
  EXPECT_EQ(
      base64_encode(keys.stored_key),
      "gMJVOXgQjQDKoS6F2rWOI3Q9hIo4BD82T/TJ8wMkjj2nZg1EtG1f+XiR7HnX1DDoXOAwZua7M3tieMfdcdOElg==");
  EXPECT_EQ(
      base64_encode(keys.server_key),
      "iNEsAFcIT4J2ktzfekAsBEAcZIkNGyC7pTEtK2wKA7tRRiFDV3mKCsGAyjw7g/r8C8/Di33Uywdsrsi5TOOc6Q==");
}

TEST(VerifyPassword, OnlyTheRightOne_IsAccepted) {
  for (const ScramHash hash : kScramHashes) {
    const ScramKeys keys = derive_scram_keys(hash, "pencil", "salty", 100);
    EXPECT_TRUE(verify_password(hash, keys, "pencil"));
    EXPECT_FALSE(verify_password(hash, keys, "Pencil"));
    EXPECT_FALSE(verify_password(hash, keys, "pencil "));
    EXPECT_FALSE(verify_password(hash, keys, ""));
  }
}

TEST(VerifyPassword, KeysOfNothing_NeverMatch) {
  EXPECT_FALSE(verify_password(ScramHash::sha1, ScramKeys{}, ""));
  ScramKeys truncated = derive_scram_keys(ScramHash::sha1, "pencil", "salty", 100);
  truncated.stored_key.resize(4);
  EXPECT_FALSE(verify_password(ScramHash::sha1, truncated, "pencil"));
  truncated.stored_key.clear();
  EXPECT_FALSE(verify_password(ScramHash::sha1, truncated, "pencil"));
}

// XEP-0474 section 5.3.
TEST(DowngradeHash, OfXep0474Example_IsKnown) {
  EXPECT_EQ(downgrade_hash(ScramHash::sha1, {"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"},
                           {"tls-server-end-point", "tls-exporter"}),
            "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
}

TEST(DowngradeHash, WithoutBindingTypes_HasNoSecondList) {
  // base64(SHA-256("PLAIN\x1eSCRAM-SHA-256"))
  EXPECT_EQ(downgrade_hash(ScramHash::sha256, {"SCRAM-SHA-256", "PLAIN"}, {}),
            "Rgy1OtqF8B/re2ip4rVzs2herVHnECfKbsLqKQgUMgo=");
}

TEST(ScramName, EachHash_HasItsMechanism) {
  EXPECT_EQ(scram_name(ScramHash::sha1), "SCRAM-SHA-1");
  EXPECT_EQ(scram_name(ScramHash::sha256), "SCRAM-SHA-256");
  EXPECT_EQ(scram_name(ScramHash::sha512), "SCRAM-SHA-512");
}

}  // namespace
}  // namespace starling::xmpp::sasl
