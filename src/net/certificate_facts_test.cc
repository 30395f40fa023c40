#include "net/certificate_facts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/clock.h"
#include "net/test_support.h"
#include "net/tls.h"

namespace starling::net {
namespace {

struct CertificateFactsTest : ::testing::Test {
  const TemporaryFolder folder;
  const std::string path = folder / "example.pem";
};

TEST_F(CertificateFactsTest, SelfSigned_IsKnownAndNotTrusted) {
  ASSERT_TRUE(make_self_signed(path, "example.org"));
  const auto facts = certificate_facts(path);
  ASSERT_TRUE(facts) << facts.error().message;
  const std::int64_t now_s = wall_clock_us() / 1'000'000;
  EXPECT_TRUE(facts->self_signed);
  EXPECT_NE(facts->distrust, "");
  EXPECT_LT(facts->not_before, now_s);
  EXPECT_GT(facts->not_after, now_s);
  EXPECT_EQ(facts->issuer, "CN=Starling self-signed");
  EXPECT_EQ(facts->names, std::vector<std::string>{"example.org"});
  EXPECT_EQ(facts->fingerprint.size(), 32U * 3 - 1);
  EXPECT_FALSE(facts->others_can_read);
}

TEST_F(CertificateFactsTest, FileThatOthersCanRead_IsTold) {
  ASSERT_TRUE(make_self_signed(path, "example.org"));
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_TRUE(certificate_facts(path)->others_can_read);
}

TEST_F(CertificateFactsTest, FileWithoutCertificate_IsRefused) {
  EXPECT_EQ(certificate_facts(path).error().code, Errc::unavailable);
  std::ofstream(path) << "nothing";
  EXPECT_EQ(certificate_facts(path).error().code, Errc::invalid);
}

}  // namespace
}  // namespace starling::net
