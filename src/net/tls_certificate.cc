#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/random.h"
#include "net/tls.h"

namespace starling::net {

namespace {

struct X509Free {
  void operator()(X509* cert) const { X509_free(cert); }
};
struct PkeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct NamesFree {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

std::string openssl_error() {
  char buffer[256] = "unknown error";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, buffer, sizeof buffer);
  }
  ERR_clear_error();
  return buffer;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string without_brackets(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return std::string(host);
}

// The 4 or 16 bytes of an IP address; "" if it is none.
std::string ip_bytes(std::string_view host) {
  const std::string text = without_brackets(host);
  std::string bytes(sizeof(in6_addr), '\0');
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(sizeof(in_addr));
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ? bytes : std::string();
}

std::string bytes_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// A key under a passphrase is an error: nobody is there to be asked, on any terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

Result<std::shared_ptr<const Certificate>> Certificate::load(const std::string& path,
                                                             const TlsPolicy& policy) {
  ERR_clear_error();
  std::shared_ptr<Certificate> cert(new Certificate);
  cert->path_ = path;
  cert->ctx_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* ctx = cert->ctx_.get();
  SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
  if (::access(path.c_str(), R_OK) != 0) {
    return fail(Errc::unavailable, path + ": cannot be read: " + std::strerror(errno));
  }
  if (SSL_CTX_use_certificate_chain_file(ctx, path.c_str()) != 1) {
    return fail(Errc::invalid, path + ": holds no usable certificate chain: " + openssl_error());
  }
  const auto mismatch = [&path] {
    return fail(Errc::invalid, path + ": the private key does not belong to the certificate");
  };
  if (SSL_CTX_use_PrivateKey_file(ctx, path.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) return mismatch();
    return fail(Errc::invalid, path +
                                   ": holds no usable private key (put it into the same PEM "
                                   "file as the chain): " +
                                   openssl_error());
  }
  if (SSL_CTX_check_private_key(ctx) != 1) return mismatch();
  if (auto read = cert->read_leaf(); !read) return std::unexpected(read.error());
  if (auto set = cert->set_options(policy); !set) return std::unexpected(set.error());
  return cert;
}

Result<> Certificate::read_leaf() {
  X509* leaf = SSL_CTX_get0_certificate(ctx_.get());
  std::tm tm{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) != 1) {
    return fail(Errc::invalid, path_ + ": the certificate has no valid expiry date");
  }
  not_after_ = timegm(&tm);

  std::unique_ptr<GENERAL_NAMES, NamesFree> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) dns_names_.push_back(lower(bytes_of(name->d.dNSName)));
    if (name->type == GEN_IPADD) ip_addresses_.push_back(bytes_of(name->d.iPAddress));
  }

  // RFC 5929 section 4.1: the signature's hash, with SHA-256 in place of MD5 and SHA-1.
  int digest = NID_undef;
  if (X509_get_signature_info(leaf, &digest, nullptr, nullptr, nullptr) != 1 ||
      digest == NID_undef || digest == NID_md5 || digest == NID_sha1) {
    digest = NID_sha256;
  }
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (X509_digest(leaf, EVP_get_digestbynid(digest), hash, &length) == 1) {
    end_point_hash_.assign(reinterpret_cast<char*>(hash), length);
  }
  return {};
}

bool Certificate::matches(std::string_view host) const {
  if (const std::string ip = ip_bytes(host); !ip.empty()) {
    return std::ranges::find(ip_addresses_, ip) != ip_addresses_.end();
  }
  const std::string wanted = lower(host);
  return std::ranges::any_of(dns_names_, [&](const std::string& name) {
    if (name == wanted) return true;
    if (!name.starts_with("*.")) return false;
    const auto dot = wanted.find('.');  // a wildcard stands for exactly one label
    return dot != std::string::npos && dot > 0 &&
           std::string_view(wanted).substr(dot) == std::string_view(name).substr(1);
  });
}

Result<> make_self_signed(const std::string& path, const std::string& host) {
  ERR_clear_error();
  std::unique_ptr<EVP_PKEY, PkeyFree> key(EVP_EC_gen("P-256"));
  std::unique_ptr<X509, X509Free> cert(X509_new());
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), random_u64() >> 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 60L * 60 * 24 * 365 * 5);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(cert.get());
  // The common name may hold at most 64 characters; the SAN below is what counts.
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>("Starling self-signed"), -1, -1,
                             0);
  X509_set_issuer_name(cert.get(), subject);
  const bool is_ip = !ip_bytes(host).empty();
  const std::string alt_name = is_ip ? "IP:" + without_brackets(host) : "DNS:" + host;
  for (const auto& [nid, value] : {std::pair{NID_subject_alt_name, alt_name.c_str()},
                                   std::pair{NID_basic_constraints, "critical,CA:FALSE"},
                                   std::pair{NID_ext_key_usage, "serverAuth,clientAuth"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    if (extension == nullptr) {
      return fail(Errc::invalid, "cannot make a certificate for " + host + ": " + openssl_error());
    }
    X509_add_ext(cert.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  if (X509_sign(cert.get(), key.get(), EVP_sha256()) == 0) {
    return fail(Errc::internal, "cannot sign a certificate for " + host + ": " + openssl_error());
  }

  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd >= 0) ::fchmod(fd, 0600);  // it may have been there, open to others
  FILE* file = fd >= 0 ? ::fdopen(fd, "w") : nullptr;
  if (file == nullptr) {
    if (fd >= 0) ::close(fd);
    return fail(Errc::unavailable, path + ": cannot be written: " + std::strerror(errno));
  }
  bool good = PEM_write_X509(file, cert.get()) == 1 &&
              PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  good = std::fclose(file) == 0 && good;
  if (!good) return fail(Errc::unavailable, path + ": cannot be written");
  return {};
}

}  // namespace starling::net
