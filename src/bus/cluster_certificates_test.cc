#include "bus/cluster_certificates.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <string>

namespace starling::bus {
namespace {

struct Free {
  void operator()(X509* cert) const { X509_free(cert); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};
using Cert = std::unique_ptr<X509, Free>;

Cert parse(const std::string& pem) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

// As a peer would judge it; X509_V_OK if it is good.
int judged(const std::string& pem, const CertifiedKey& authority, int purpose, const char* ip) {
  const Cert cert = parse(pem);
  const Cert root = parse(authority.certificate);
  const std::unique_ptr<X509_STORE, Free> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), root.get());
  const std::unique_ptr<X509_STORE_CTX, Free> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), cert.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set1_ip_asc(param, ip);
  return X509_verify_cert(context.get()) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context.get());
}

TEST(ClusterCertificates, ProveTheirAddressToWhoTrustsTheAuthority) {
  const CertifiedKey authority = make_authority().value();
  const CertifiedKey other = make_authority().value();
  for (const char* ip : {"10.0.1.7", "2001:db8::7"}) {
    const auto made = make_certificate(authority, ip);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(judged(made->certificate, authority, X509_PURPOSE_SSL_SERVER, ip), X509_V_OK);
    EXPECT_EQ(judged(made->certificate, authority, X509_PURPOSE_SSL_CLIENT, ip), X509_V_OK);
    EXPECT_EQ(judged(made->certificate, authority, X509_PURPOSE_SSL_SERVER, "127.0.0.1"),
              X509_V_ERR_IP_ADDRESS_MISMATCH);
    EXPECT_NE(judged(made->certificate, other, X509_PURPOSE_SSL_SERVER, ip), X509_V_OK);
  }
}

TEST(ClusterCertificates, AreValidForYearsAndSinceYesterday) {
  const CertifiedKey authority = make_authority().value();
  const CertifiedKey made = make_certificate(authority, "10.0.1.7").value();
  for (const std::string& pem : {authority.certificate, made.certificate}) {
    const Cert cert = parse(pem);
    std::time_t then = std::time(nullptr) - 23L * 60 * 60;
    EXPECT_LT(X509_cmp_time(X509_get0_notBefore(cert.get()), &then), 0);
    then = std::time(nullptr) + 19L * 365 * 24 * 60 * 60;
    EXPECT_GT(X509_cmp_time(X509_get0_notAfter(cert.get()), &then), 0);
  }
}

TEST(ClusterCertificates, RefuseWhatIsNone) {
  const CertifiedKey authority = make_authority().value();
  const CertifiedKey other = make_authority().value();
  EXPECT_EQ(make_certificate(authority, "node.example").error().code, Errc::invalid);
  EXPECT_EQ(make_certificate(authority, "1.2.3.4,DNS:x").error().code, Errc::invalid);
  EXPECT_EQ(make_certificate({"", ""}, "10.0.1.7").error().code, Errc::invalid);
  EXPECT_EQ(make_certificate({authority.certificate, other.key}, "10.0.1.7").error().code,
            Errc::invalid);
}

}  // namespace
}  // namespace starling::bus
