#include "bus/cluster_certificates.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <initializer_list>
#include <memory>
#include <utility>

#include "base/free_by.h"
#include "base/ip_address.h"
#include "base/random.h"

namespace starling::bus {

namespace {

using Key = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, FreeBy<X509_free>>;
using Bio = std::unique_ptr<BIO, FreeBy<BIO_free>>;

constexpr long kDay = 60L * 60 * 24;
constexpr long kYears = 20;

std::unexpected<Error> openssl_failed(Errc code, const std::string& what) {
  char reason[256] = "unknown error";
  if (const unsigned long error = ERR_get_error(); error != 0) {
    ERR_error_string_n(error, reason, sizeof reason);
  }
  ERR_clear_error();
  return fail(code, what + ": " + reason);
}

int no_passphrase(char*, int, int, void*) {
  return -1;
}

// All but the extensions and the signature.
Cert make_unsigned(EVP_PKEY* key, const char* name) {
  Cert cert(X509_new());
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), random_u64() >> 1);
  // The clocks of nodes differ.
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -kDay);
  X509_time_adj_ex(X509_getm_notAfter(cert.get()), 365 * kYears, 0, nullptr);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return cert;
}

bool add_extensions(X509* cert, X509* issuer,
                    std::initializer_list<std::pair<int, const char*>> extensions) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  for (const auto& [nid, value] : extensions) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    if (extension == nullptr) return false;
    const bool added = X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    if (!added) return false;
  }
  return true;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<CertifiedKey> to_pem(X509* cert, EVP_PKEY* key) {
  const Bio cert_bio(BIO_new(BIO_s_mem()));
  const Bio key_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(cert_bio.get(), cert) != 1 ||
      PEM_write_bio_PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return openssl_failed(Errc::internal, "cannot write a certificate");
  }
  return CertifiedKey{text_of(cert_bio.get()), text_of(key_bio.get())};
}

Bio reader(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

}  // namespace

Result<CertifiedKey> make_authority() {
  ERR_clear_error();
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failed(Errc::internal, "cannot make a key");
  const Cert cert = make_unsigned(key.get(), "Starling cluster");
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  if (!add_extensions(cert.get(), cert.get(),
                      {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                       {NID_key_usage, "critical,keyCertSign,cRLSign"},
                       {NID_subject_key_identifier, "hash"}}) ||
      X509_sign(cert.get(), key.get(), EVP_sha256()) == 0) {
    return openssl_failed(Errc::internal, "cannot make the cluster's authority");
  }
  return to_pem(cert.get(), key.get());
}

Result<CertifiedKey> make_certificate(const CertifiedKey& authority, const std::string& ip) {
  ERR_clear_error();
  const auto address = IpAddress::parse(ip);
  if (!address) return fail(Errc::invalid, ip + ": not an IP address");
  const Cert issuer(
      PEM_read_bio_X509(reader(authority.certificate).get(), nullptr, no_passphrase, nullptr));
  const Key issuer_key(
      PEM_read_bio_PrivateKey(reader(authority.key).get(), nullptr, no_passphrase, nullptr));
  if (!issuer || !issuer_key || X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    return openssl_failed(Errc::invalid, "the cluster's authority cannot be used");
  }

  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failed(Errc::internal, "cannot make a key");
  const Cert cert = make_unsigned(key.get(), "Starling node");
  X509_set1_notAfter(cert.get(), X509_get0_notAfter(issuer.get()));
  X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer.get()));
  const std::string name = "IP:" + address->to_string();
  if (!add_extensions(cert.get(), issuer.get(),
                      {{NID_basic_constraints, "critical,CA:FALSE"},
                       {NID_key_usage, "critical,digitalSignature"},
                       {NID_ext_key_usage, "serverAuth,clientAuth"},
                       {NID_subject_key_identifier, "hash"},
                       {NID_authority_key_identifier, "keyid"},
                       {NID_subject_alt_name, name.c_str()}}) ||
      X509_sign(cert.get(), issuer_key.get(), EVP_sha256()) == 0) {
    return openssl_failed(Errc::internal, "cannot make a certificate for " + ip);
  }
  return to_pem(cert.get(), key.get());
}

}  // namespace starling::bus
