// A TLS client in memory, for tests: OpenSSL's own, with its own BIOs, so that it shares nothing
// with TlsSession.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/tls.h"

namespace starling::net::test {

struct TlsClientOptions {
  int version = TLS1_3_VERSION;  // exactly this one
  std::string server_name;       // SNI; "" sends none
  std::string alpn;              // one protocol; "" offers none
};

class TlsClient {
 public:
  explicit TlsClient(const TlsClientOptions& options = {})
      : ctx_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(ctx_.get(), options.version);
    SSL_CTX_set_max_proto_version(ctx_.get(), options.version);
    ssl_.reset(SSL_new(ctx_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (!options.server_name.empty()) {
      SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str());
    }
    if (!options.alpn.empty()) {
      const std::string wire = static_cast<char>(options.alpn.size()) + options.alpn;
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                          static_cast<unsigned>(wire.size()));
    }
    SSL_set_connect_state(ssl_.get());
  }

  [[nodiscard]] SSL* ssl() { return ssl_.get(); }
  [[nodiscard]] bool established() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool got_close_notify() const {
    return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

  void feed(std::string_view ciphertext) {
    BIO_write(SSL_get_rbio(ssl_.get()), ciphertext.data(), static_cast<int>(ciphertext.size()));
  }
  // Goes on with the handshake, and decrypts what there is.
  void step() {
    if (!established()) check(SSL_do_handshake(ssl_.get()));
    char buffer[16'384];
    while (established() && !failed_) {
      const int n = SSL_read(ssl_.get(), buffer, sizeof buffer);
      check(n);
      if (n <= 0) return;
      received_.append(buffer, static_cast<std::size_t>(n));
    }
  }
  [[nodiscard]] const std::string& received() const { return received_; }
  void write(std::string_view plaintext) {
    check(SSL_write(ssl_.get(), plaintext.data(), static_cast<int>(plaintext.size())));
  }
  // Ciphertext for the server.
  std::string take() {
    char* data = nullptr;
    BIO* out = SSL_get_wbio(ssl_.get());
    const long size = BIO_get_mem_data(out, &data);
    std::string bytes(data, static_cast<std::size_t>(size));
    static_cast<void>(BIO_reset(out));
    return bytes;
  }

 private:
  void check(int result) {
    if (result > 0) return;
    const int error = SSL_get_error(ssl_.get(), result);
    failed_ = failed_ || (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_ZERO_RETURN);
  }

  std::unique_ptr<SSL_CTX, SslCtxFree> ctx_;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::string received_;
  bool failed_ = false;
};

}  // namespace starling::net::test
