#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace starling::net {

// What OpenSSL calls back. Static members, because they need TlsSession's private parts.
struct TlsCallbacks {
  // A BIO over the session's own memory: it reads from the bytes being fed, writes to output_.
  static int bio_read(BIO* bio, char* out, int capacity) {
    auto* session = static_cast<TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (session->input_.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const auto n =
        std::min<std::size_t>(session->input_.size(), static_cast<std::size_t>(capacity));
    std::memcpy(out, session->input_.data(), n);
    session->input_.remove_prefix(n);
    return static_cast<int>(n);
  }

  static int bio_write(BIO* bio, const char* data, int length) {
    auto* session = static_cast<TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    session->output_.append(data, static_cast<std::size_t>(length));
    return length;
  }

  static long bio_ctrl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static int bio_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static BIO_METHOD* bio_method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "starling");
      BIO_meth_set_read(m, bio_read);
      BIO_meth_set_write(m, bio_write);
      BIO_meth_set_ctrl(m, bio_ctrl);
      BIO_meth_set_create(m, bio_create);
      return m;
    }();
    return method;
  }

  // SNI: serve the named host's certificate. An unknown name keeps the one chosen at the start.
  static int on_server_name(SSL* ssl, int*, void*) {
    auto* session = static_cast<TlsSession*>(SSL_get_app_data(ssl));
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    auto certificate = session->context_->find(name);
    if (certificate && certificate != session->certificate_) {
      SSL_set_SSL_CTX(ssl, certificate->ctx());
      session->certificate_ = std::move(certificate);
    }
    return SSL_TLSEXT_ERR_OK;
  }

  static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_length,
                     const unsigned char* in, unsigned int in_length, void*) {
    const auto* session = static_cast<const TlsSession*>(SSL_get_app_data(ssl));
    const std::string& wire = session->context_->alpn_wire();
    if (wire.empty()) return SSL_TLSEXT_ERR_NOACK;
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, out_length,
                                            reinterpret_cast<const unsigned char*>(wire.data()),
                                            static_cast<unsigned int>(wire.size()), in, in_length);
    if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 3.2
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
  }
};

namespace {

Result<> set_policy(SSL_CTX* ctx, const TlsPolicy& policy) {
  SSL_CTX_set_min_proto_version(ctx, policy.only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  // Forward secrecy and authenticated encryption only (RFC 9325 section 4.2).
  const char* const ours = "ECDHE+AESGCM:ECDHE+CHACHA20";
  if (SSL_CTX_set_cipher_list(ctx, policy.ciphers.empty() ? ours : policy.ciphers.c_str()) != 1) {
    ERR_clear_error();
    return fail(Errc::invalid, "tls_ciphers: OpenSSL knows no cipher of '" + policy.ciphers +
                                   "' (`openssl ciphers` lists them)");
  }
  return {};
}

std::string length_prefixed(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const auto& protocol : protocols) {
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

}  // namespace

Result<> check_policy(const TlsPolicy& policy) {
  const std::unique_ptr<SSL_CTX, SslCtxFree> ctx(SSL_CTX_new(TLS_server_method()));
  if (!ctx) return fail(Errc::internal, "OpenSSL gives no context");
  return set_policy(ctx.get(), policy);
}

Result<> Certificate::set_options(const TlsPolicy& policy) {
  SSL_CTX* ctx = ctx_.get();
  if (auto set = set_policy(ctx, policy); !set) return set;
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // An idle session keeps no record buffers.
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  static constexpr unsigned char kSessionContext[] = "starling";
  SSL_CTX_set_session_id_context(ctx, kSessionContext, sizeof kSessionContext - 1);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);  // tickets need no server memory
  SSL_CTX_set_tlsext_servername_callback(ctx, TlsCallbacks::on_server_name);
  SSL_CTX_set_alpn_select_cb(ctx, TlsCallbacks::on_alpn, nullptr);
  return {};
}

TlsContext::TlsContext(Table certificates, const std::vector<std::string>& alpn)
    : alpn_wire_(length_prefixed(alpn)), certificates_(std::move(certificates)) {}

void TlsContext::replace(Table certificates) {
  std::lock_guard lock(mutex_);
  certificates_.swap(certificates);
}

std::shared_ptr<const Certificate> TlsContext::find(std::string_view host) const {
  std::lock_guard lock(mutex_);
  for (const auto& certificate : certificates_) {
    if (certificate->matches(host)) return certificate;
  }
  return nullptr;
}

std::shared_ptr<const Certificate> TlsContext::choose(std::string_view host) const {
  if (auto found = find(host)) return found;
  std::lock_guard lock(mutex_);
  return certificates_.empty() ? nullptr : certificates_.front();
}

TlsSession::TlsSession(std::shared_ptr<TlsContext> context, const std::string& server_name)
    : context_(std::move(context)), certificate_(context_->choose(server_name)) {
  if (!certificate_) {
    error_ = "no certificate is loaded";
    return;
  }
  ssl_.reset(SSL_new(certificate_->ctx()));
  SSL_set_app_data(ssl_.get(), this);
  BIO* bio = BIO_new(TlsCallbacks::bio_method());
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
  // One look at the input per record instead of two: header and body together.
  SSL_set_read_ahead(ssl_.get(), 1);
  SSL_set_accept_state(ssl_.get());
}

TlsSession::Status TlsSession::fail_with(int ssl_error) {
  if (ssl_error == SSL_ERROR_ZERO_RETURN) return Status::closed;
  if (const unsigned long code = ERR_peek_error(); code != 0) {
    const char* reason = ERR_reason_error_string(code);
    error_ = reason != nullptr ? reason : "TLS error";
  } else {
    error_ = "TLS error";
  }
  ERR_clear_error();
  return Status::failed;
}

TlsSession::Status TlsSession::read(char* out, std::size_t capacity, std::size_t& got) {
  got = 0;
  if (!ssl_) return Status::failed;
  ERR_clear_error();
  if (!SSL_is_init_finished(ssl_.get())) {
    const int done = SSL_do_handshake(ssl_.get());
    if (done != 1) {
      const int error = SSL_get_error(ssl_.get(), done);
      return error == SSL_ERROR_WANT_READ ? Status::ok : fail_with(error);
    }
  }
  const int n = SSL_read_ex(ssl_.get(), out, capacity, &got);
  if (n == 1) return Status::ok;
  got = 0;
  const int error = SSL_get_error(ssl_.get(), n);
  return error == SSL_ERROR_WANT_READ ? Status::ok : fail_with(error);
}

TlsSession::Status TlsSession::write(std::string_view plaintext) {
  if (!ssl_) return Status::failed;
  ERR_clear_error();
  while (!plaintext.empty()) {
    std::size_t written = 0;
    const int n = SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &written);
    if (n != 1) return fail_with(SSL_get_error(ssl_.get(), n));
    plaintext.remove_prefix(written);
  }
  return Status::ok;
}

void TlsSession::shutdown() {
  if (!ssl_ || !established()) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

bool TlsSession::established() const {
  return ssl_ && SSL_is_init_finished(ssl_.get()) == 1;
}

TlsInfo TlsSession::info() const {
  TlsInfo info;
  if (!ssl_) return info;
  info.version = SSL_get_version(ssl_.get());
  info.cipher = SSL_get_cipher_name(ssl_.get());
  const unsigned char* alpn = nullptr;
  unsigned int alpn_length = 0;
  SSL_get0_alpn_selected(ssl_.get(), &alpn, &alpn_length);
  if (alpn != nullptr) info.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_length);
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  if (name != nullptr) info.server_name = name;
  return info;
}

std::optional<std::string> TlsSession::channel_binding(std::string_view type) const {
  if (!established()) return std::nullopt;
  if (type == "tls-server-end-point") {
    if (certificate_->end_point_hash().empty()) return std::nullopt;
    return certificate_->end_point_hash();
  }
  if (type == "tls-exporter") {
    // RFC 9266 section 4.2: before TLS 1.3 only with the extended master secret.
    if (SSL_version(ssl_.get()) < TLS1_3_VERSION && SSL_get_extms_support(ssl_.get()) != 1) {
      return std::nullopt;
    }
    static constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
    std::string out(32, '\0');
    static constexpr unsigned char kNoContext[1] = {};
    if (SSL_export_keying_material(ssl_.get(), reinterpret_cast<unsigned char*>(out.data()),
                                   out.size(), kLabel.data(), kLabel.size(), kNoContext, 0,
                                   1) != 1) {
      return std::nullopt;
    }
    return out;
  }
  return std::nullopt;
}

}  // namespace starling::net
