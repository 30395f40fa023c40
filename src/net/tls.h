// TLS by OpenSSL, used directly so that an idle session keeps no record buffers.
//
// TlsContext holds what one listener offers: a certificate per host, chosen by SNI, replaceable
// while running. TlsSession is one connection's TLS state machine over memory, without sockets:
// ciphertext in, plaintext out, and the reverse.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/connection.h"

namespace starling::net {

struct SslCtxFree {
  void operator()(SSL_CTX* ctx) const { SSL_CTX_free(ctx); }
};
struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// Which TLS is spoken.
struct TlsPolicy {
  bool only_tls13 = false;  // else 1.2 as well
  std::string ciphers;      // of TLS 1.2, in OpenSSL's words; "": forward secrecy and AEAD only
};

// Whether OpenSSL can do it. Errors: invalid, about the option tls_ciphers.
Result<> check_policy(const TlsPolicy& policy);

// One certificate chain with its private key, ready to serve.
class Certificate {
 public:
  // `path` is a PEM file with the chain, leaf first, and the private key anywhere in it. Errors
  // name the file: unreadable, no certificate, no key, key and certificate that do not match.
  static Result<std::shared_ptr<const Certificate>> load(const std::string& path,
                                                         const TlsPolicy& policy = {});

  // True if the certificate is for this host (SAN dNSName, one-label wildcards, or IP address;
  // IPv6 with or without brackets).
  [[nodiscard]] bool matches(std::string_view host) const;
  [[nodiscard]] SSL_CTX* ctx() const { return ctx_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  // Expiry in seconds since 1970.
  [[nodiscard]] std::int64_t not_after() const { return not_after_; }
  // RFC 5929 section 4: the hash of the leaf.
  [[nodiscard]] const std::string& end_point_hash() const { return end_point_hash_; }

 private:
  friend class TlsContext;
  Certificate() = default;
  Result<> read_leaf();
  Result<> set_options(const TlsPolicy& policy);

  std::string path_;
  std::unique_ptr<SSL_CTX, SslCtxFree> ctx_;
  std::vector<std::string> dns_names_;
  std::vector<std::string> ip_addresses_;  // 4 or 16 bytes each
  std::int64_t not_after_ = 0;
  std::string end_point_hash_;
};

// The certificates of one listener. Thread-safe.
class TlsContext {
 public:
  using Table = std::vector<std::shared_ptr<const Certificate>>;
  // `alpn` lists the protocols to accept, in order of preference (RFC 7301); empty: what a client
  // names is not looked at.
  explicit TlsContext(Table certificates, const std::vector<std::string>& alpn = {});

  // New connections use the new certificates; those that stand are not touched.
  void replace(Table certificates);
  // The first certificate that is for this host; nullptr if none is.
  [[nodiscard]] std::shared_ptr<const Certificate> find(std::string_view host) const;
  // The same, else the first of all; nullptr if there is none at all.
  [[nodiscard]] std::shared_ptr<const Certificate> choose(std::string_view host) const;
  // As a length-prefixed list.
  [[nodiscard]] const std::string& alpn_wire() const { return alpn_wire_; }

 private:
  const std::string alpn_wire_;
  mutable std::mutex mutex_;
  Table certificates_;
};

// Writes a self-signed certificate with a P-256 key for `host`, a name or an IP address, to `path`
// (mode 0600): for the first start, until a real one is given.
Result<> make_self_signed(const std::string& path, const std::string& host);

class TlsSession {
 public:
  TlsSession(std::shared_ptr<TlsContext> context, const std::string& server_name);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Status : std::uint8_t { ok, closed, failed };

  // Takes ciphertext from the peer. Afterwards call read() until it gives nothing.
  void feed(std::string_view ciphertext) { input_ = ciphertext; }
  // Decrypts into `out`; 0 bytes if more ciphertext is needed. Continues the handshake as well.
  Status read(char* out, std::size_t capacity, std::size_t& got);
  // Encrypts all of `plaintext`.
  Status write(std::string_view plaintext);
  // Adds close_notify to the ciphertext.
  void shutdown();

  [[nodiscard]] bool established() const;
  // Ciphertext for the peer since it was last taken.
  [[nodiscard]] std::string& output() { return output_; }

  [[nodiscard]] TlsInfo info() const;
  [[nodiscard]] std::optional<std::string> channel_binding(std::string_view type) const;
  // OpenSSL's words for what went wrong.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  friend struct TlsCallbacks;
  Status fail_with(int ssl_error);

  std::shared_ptr<TlsContext> context_;
  std::shared_ptr<const Certificate> certificate_;  // chosen at start or by SNI
  std::unique_ptr<SSL, SslFree> ssl_;
  std::string_view input_;
  std::string output_;
  std::string error_;
};

}  // namespace starling::net
