#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

#include "net/test_support.h"
#include "net/tls.h"

namespace starling::net {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

class CertificateFile : public testing::Test {
 protected:
  // The two parts of a fresh self-signed file.
  std::pair<std::string, std::string> parts(const std::string& host = "example.org") {
    EXPECT_TRUE(make_self_signed(path_, host).has_value());
    const std::string text = read(path_);
    const auto key = text.find("-----BEGIN PRIVATE KEY-----");
    return {text.substr(0, key), text.substr(key)};
  }
  // Loads what must not load, and gives the error's words.
  std::string load_error(const std::string& text) {
    write(path_, text);
    const auto loaded = Certificate::load(path_);
    EXPECT_FALSE(loaded.has_value());
    if (loaded) return "";
    EXPECT_THAT(loaded.error().message, StartsWith(path_ + ": "));
    return loaded.error().message.substr(path_.size() + 2);
  }
  [[nodiscard]] bool matches(const std::string& made_for, const std::string& host) {
    EXPECT_TRUE(make_self_signed(path_, made_for).has_value());
    return (*Certificate::load(path_))->matches(host);
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "cert.pem";
};

TEST_F(CertificateFile, Missing_SaysSo) {
  const auto loaded = Certificate::load(path_);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code, Errc::unavailable);
  EXPECT_EQ(loaded.error().message, path_ + ": cannot be read: No such file or directory");
}

TEST_F(CertificateFile, WithoutCertificate_SaysSo) {
  EXPECT_THAT(load_error(""), StartsWith("holds no usable certificate chain"));
  EXPECT_THAT(load_error("not PEM"), StartsWith("holds no usable certificate chain"));
  EXPECT_THAT(load_error(parts().second), StartsWith("holds no usable certificate chain"));
}

TEST_F(CertificateFile, WithoutKey_SaysWhereItBelongs) {
  EXPECT_THAT(load_error(parts().first),
              StartsWith("holds no usable private key (put it into the same PEM file"));
}

TEST_F(CertificateFile, KeyOfAnother_SaysSo) {
  const auto one = parts();
  const auto other = parts();
  EXPECT_EQ(load_error(one.first + other.second),
            "the private key does not belong to the certificate");
}

TEST_F(CertificateFile, KeyOfAnotherKind_SaysSo) {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  const std::string rsa(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(key);
  EXPECT_EQ(load_error(parts().first + rsa), "the private key does not belong to the certificate");
}

TEST_F(CertificateFile, KeyUnderPassphrase_IsAnErrorAndAsksNobody) {
  const auto [chain, plain_key] = parts();
  BIO* in = BIO_new_mem_buf(plain_key.data(), static_cast<int>(plain_key.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO* out = BIO_new(BIO_s_mem());
  std::string phrase = "secret";
  PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), phrase.data(),
                                static_cast<int>(phrase.size()), nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  const std::string locked(data, static_cast<std::size_t>(size));
  BIO_free(out);
  BIO_free(in);
  EVP_PKEY_free(key);
  EXPECT_THAT(load_error(chain + locked), StartsWith("holds no usable private key"));
}

TEST_F(CertificateFile, SelfSigned_IsReadableByItsOwnerOnly) {
  write(path_, "was here before");
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  parts();
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  const auto loaded = Certificate::load(path_);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_GT((*loaded)->not_after(), std::time(nullptr) + 364 * 86'400);
  EXPECT_EQ((*loaded)->end_point_hash().size(), 32U);
}

TEST_F(CertificateFile, SelfSignedInAFolderThatIsNot_SaysSo) {
  const auto made = make_self_signed(folder_ / "no/cert.pem", "example.org");
  ASSERT_FALSE(made.has_value());
  EXPECT_THAT(made.error().message, HasSubstr("cannot be written: No such file or directory"));
}

TEST_F(CertificateFile, Matches_ComparesNamesWithoutCase) {
  EXPECT_TRUE(matches("Example.org", "example.ORG"));
  EXPECT_FALSE(matches("example.org", "example.net"));
  EXPECT_FALSE(matches("example.org", "chat.example.org"));
  EXPECT_FALSE(matches("example.org", ""));
}

TEST_F(CertificateFile, Matches_WildcardStandsForOneLabel) {
  EXPECT_TRUE(matches("*.example.org", "chat.example.org"));
  EXPECT_FALSE(matches("*.example.org", "example.org"));
  EXPECT_FALSE(matches("*.example.org", ".example.org"));
  EXPECT_FALSE(matches("*.example.org", "a.chat.example.org"));
  EXPECT_FALSE(matches("*.example.org", "chat.example.net"));
}

TEST_F(CertificateFile, Matches_IpAddresses) {
  EXPECT_TRUE(matches("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(matches("192.0.2.1", "192.0.2.2"));
  EXPECT_TRUE(matches("[2001:db8::1]", "[2001:db8::1]"));
  EXPECT_TRUE(matches("[2001:db8::1]", "2001:db8:0::0:1"));
  EXPECT_FALSE(matches("example.org", "192.0.2.1"));
}

TEST(TlsContext, Choose_FirstThatMatchesElseTheFirst) {
  const TemporaryFolder folder;
  TlsContext::Table table;
  for (const std::string host : {"a.example", "*.b.example", "x.b.example"}) {
    ASSERT_TRUE(make_self_signed(folder / "cert.pem", host).has_value());
    table.push_back(*Certificate::load(folder / "cert.pem"));
  }
  const TlsContext context(table);
  EXPECT_EQ(context.choose("a.example"), table[0]);
  EXPECT_EQ(context.choose("x.b.example"), table[1]);
  EXPECT_EQ(context.choose("nobody.example"), table[0]);
  EXPECT_EQ(TlsContext({}).choose("a.example"), nullptr);
}

}  // namespace
}  // namespace starling::net
