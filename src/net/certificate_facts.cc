#include "net/certificate_facts.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>
#include <system_error>
#include <vector>

#include "base/free_by.h"

namespace starling::net {

namespace {

using X509Ptr = std::unique_ptr<X509, FreeBy<X509_free>>;
using File = std::unique_ptr<std::FILE, FreeBy<std::fclose>>;

// Names as one line: CN=example.org, O=…
std::string text_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, FreeBy<BIO_free>> memory(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(std::max(0L, size))};
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm tm{};
  return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

// Of the extension subjectAltName.
std::vector<std::string> names_of(X509* leaf) {
  std::vector<std::string> names;
  const std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    const ASN1_STRING* text =
        name->type == GEN_DNS || name->type == GEN_IPADD ? name->d.ia5 : nullptr;
    if (text == nullptr) continue;
    const unsigned char* const data = ASN1_STRING_get0_data(text);
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(text));
    if (name->type == GEN_DNS) {
      names.emplace_back(data, data + size);
    } else if (size == 4 || size == 16) {
      std::array<char, INET6_ADDRSTRLEN> shown{};
      ::inet_ntop(size == 4 ? AF_INET : AF_INET6, data, shown.data(), shown.size());
      names.emplace_back(shown.data());
    }
  }
  return names;
}

std::string fingerprint_of(const X509* leaf) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (X509_digest(leaf, EVP_sha256(), digest.data(), &size) != 1) return {};
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    if (i != 0) text += ':';
    text += kHex[digest[i] >> 4U];
    text += kHex[digest[i] & 15U];
  }
  return text;
}

std::string distrust_of(X509* leaf, const std::vector<X509Ptr>& chain) {
  const std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>> trusted(X509_STORE_new());
  X509_STORE_set_default_paths(trusted.get());
  STACK_OF(X509)* others = sk_X509_new_null();
  for (const auto& certificate : chain) sk_X509_push(others, certificate.get());
  const std::unique_ptr<X509_STORE_CTX, FreeBy<X509_STORE_CTX_free>> check(X509_STORE_CTX_new());
  X509_STORE_CTX_init(check.get(), trusted.get(), leaf, others);
  X509_STORE_CTX_set_flags(check.get(), X509_V_FLAG_NO_CHECK_TIME);
  X509_STORE_CTX_set_default(check.get(), "ssl_server");
  const bool good = X509_verify_cert(check.get()) == 1;
  std::string why;
  if (!good) why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()));
  sk_X509_free(others);
  ERR_clear_error();
  return why;
}

}  // namespace

Result<CertificateFacts> certificate_facts(const std::string& path) {
  const File file(std::fopen(path.c_str(), "re"));
  struct stat status{};
  if (!file || ::fstat(::fileno(file.get()), &status) != 0) {
    return fail(Errc::unavailable,
                path + ": cannot be read: " + std::generic_category().message(errno));
  }
  const X509Ptr leaf(PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
  if (!leaf) {
    ERR_clear_error();
    return fail(Errc::invalid, path + ": there is no certificate in it");
  }
  CertificateFacts facts;
  facts.path = path;
  facts.subject = text_of(X509_get_subject_name(leaf.get()));
  facts.issuer = text_of(X509_get_issuer_name(leaf.get()));
  facts.names = names_of(leaf.get());
  facts.fingerprint = fingerprint_of(leaf.get());
  facts.not_before = seconds_of(X509_get0_notBefore(leaf.get()));
  facts.not_after = seconds_of(X509_get0_notAfter(leaf.get()));
  facts.self_signed = X509_self_signed(leaf.get(), 0) == 1;
  facts.others_can_read = (status.st_mode & S_IROTH) != 0;
  std::vector<X509Ptr> chain;
  while (X509* next = PEM_read_X509(file.get(), nullptr, nullptr, nullptr)) {
    facts.not_after = std::min(facts.not_after, seconds_of(X509_get0_notAfter(next)));
    chain.emplace_back(next);
  }
  ERR_clear_error();
  facts.distrust = distrust_of(leaf.get(), chain);
  return facts;
}

}  // namespace starling::net
