#include "client.h"

#include <array>
#include <utility>

#include "log_in.h"
#include "xml.h"

namespace load {

TlsContext client_tls(bool resume) {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (!resume) return context;
  SSL_CTX_set_session_cache_mode(context.get(),
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context.get(), [](SSL* ssl, SSL_SESSION* session) {
    static_cast<Client*>(SSL_get_app_data(ssl))->keep(TlsSession(session));
    return 1;  // it is ours now
  });
  return context;
}

Client::Client(Loop& loop, const Options& options, Audience& audience, unsigned number,
               unsigned group)
    : loop_(loop),
      options_(options),
      audience_(audience),
      number_(number),
      group_(group),
      user_(options.user_prefix + std::to_string(options.first + number)) {}

void Client::connect() {
  const int fd =
      connect_to(options_.servers[number_ % options_.servers.size()], options_.first + number_);
  if (fd < 0) fail("connection refused");
  socket_.open(fd);
  authenticated_ = was_resumed_ = false;
  if (options_.encryption == Encryption::direct) start_tls();
  if (options_.relay) {
    stage_ = Stage::joining;
    socket_.queue("GROUP " + std::to_string(group_) + "\n");
  } else {
    open_stream();
  }
  if (!socket_.flush()) fail("connection refused");
  watching_writes_ = socket_.wants_write();
  loop_.add(socket_.fd(), *this, watching_writes_);
}

void Client::start_tls() {
  Tls tls(SSL_new(options_.tls.get()));
  SSL_set_app_data(tls.get(), this);
  SSL_set_tlsext_host_name(tls.get(), "localhost");
  if (tls_session_) SSL_set_session(tls.get(), tls_session_.get());
  SSL_set_connect_state(tls.get());
  socket_.start_tls(std::move(tls));
}

void Client::open_stream() {
  stage_ = Stage::features;
  socket_.queue(kHeader);
}

void Client::send(std::string_view stanza) {
  socket_.queue(stanza);
  if (!in_event_) flush();
}

void Client::close() {
  stage_ = Stage::closing;
  if (!options_.relay) return send("</stream:stream>");
  if (!in_event_) end();
}

void Client::on_event(bool writable) {
  if (!socket_.is_open()) return;
  in_event_ = true;
  if (writable) flush();
  read();
  if (socket_.is_open()) flush();
  in_event_ = false;
  if (stage_ == Stage::closing && (options_.relay || !socket_.is_open())) end();
}

void Client::read() {
  static std::array<char, 65536> buffer;
  ssize_t count = 0;
  do {
    count = socket_.read(buffer);
    if (count < 0) {
      if (stage_ != Stage::closing) fail("the server closed the connection");
      return socket_.close();
    }
    if (count > 0) received({buffer.data(), static_cast<std::size_t>(count)});
  } while (socket_.is_open() &&
           (count == static_cast<ssize_t>(buffer.size()) || (count > 0 && socket_.has_pending())));
}

void Client::flush() {
  if (!socket_.flush()) {
    if (stage_ != Stage::closing) fail("the server closed the connection");
    return socket_.close();
  }
  if (socket_.wants_write() == watching_writes_) return;
  watching_writes_ = socket_.wants_write();
  loop_.watch(socket_.fd(), *this, watching_writes_);
}

void Client::received(std::string_view bytes) {
  const auto each = [this](std::string_view name, std::string_view text) {
    on_element(name, text);
  };
  if (rest_.empty()) {
    const std::size_t done = split(bytes, each);
    if (done < bytes.size()) rest_.assign(bytes.substr(done));
    return;
  }
  std::string data = std::exchange(rest_, {});
  data.append(bytes);
  data.erase(0, split(data, each));
  if (!data.empty()) rest_ = std::move(data);
}

void Client::on_element(std::string_view name, std::string_view text) {
  if (name == "/stream:stream") {
    if (stage_ != Stage::closing) fail("the server ended the stream");
    return socket_.close();
  }
  if (name == "stream:error") fail(text);
  switch (stage_) {
    case Stage::ready:
      if (name == "iq" && attribute(text, "type") == "get") return answer(text);
      return audience_.on_stanza(*this, name, text);
    case Stage::joining:
      return ready();
    case Stage::features:
      if (name == "stream:features") on_features(text);
      return;
    case Stage::proceed:
      if (name != "proceed") fail(text);
      start_tls();
      return open_stream();
    case Stage::challenge:
      if (name != "challenge") fail(text);
      socket_.queue(response(*scram_, text));
      stage_ = Stage::success;
      return;
    case Stage::success:
      if (name != "success") fail(text);
      scram_.reset();
      authenticated_ = true;
      return open_stream();
    case Stage::closed:
    case Stage::closing:
      return;
    case Stage::bind:
    case Stage::session:
    case Stage::roster:
    case Stage::confirm:
      return on_result(name, text);
  }
}

void Client::on_features(std::string_view text) {
  if (options_.encryption == Encryption::starttls && socket_.tls() == nullptr) {
    if (text.find("<starttls") == text.npos) fail("the server does not offer STARTTLS");
    socket_.queue("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    stage_ = Stage::proceed;
  } else if (!authenticated_) {
    if (text.find(">SCRAM-SHA-1<") == text.npos) fail("the server does not offer SCRAM-SHA-1");
    scram_ = std::make_unique<Scram>(user_, options_.password);
    socket_.queue(auth(*scram_));
    stage_ = Stage::challenge;
  } else {
    const std::size_t session = text.find("<session ");
    wants_session_ = session != text.npos && text.find("<optional", session) == text.npos;
    socket_.queue(kBind);
    stage_ = Stage::bind;
  }
}

// What comes between <success/> and being ready: each question waits for its answer.
void Client::on_result(std::string_view name, std::string_view text) {
  constexpr std::array<std::string_view, 4> kIds{"bind", "session", "roster", "confirm"};
  const auto id = kIds[std::to_underlying(stage_) - std::to_underlying(Stage::bind)];
  if (name != "iq" || attribute(text, "id") != id) return;
  // What confirms does so by any answer.
  if (attribute(text, "type") != "result" && stage_ != Stage::confirm) fail(text);
  if (stage_ == Stage::bind && std::exchange(wants_session_, false)) {
    socket_.queue(
        "<iq type='set' id='session'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>");
    stage_ = Stage::session;
  } else if (stage_ == Stage::bind || stage_ == Stage::session) {
    socket_.queue("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
    stage_ = Stage::roster;
  } else if (stage_ == Stage::roster) {
    socket_.queue("<presence/>");
    if (options_.workload == "login") return ready();
    // Once this is answered, the presence has been dealt with: stanzas are, in their order.
    socket_.queue(
        "<iq type='get' id='confirm' to='localhost'>"
        "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    stage_ = Stage::confirm;
  } else {
    ready();
  }
}

void Client::ready() {
  stage_ = Stage::ready;
  was_resumed_ = socket_.tls() != nullptr && SSL_session_reused(socket_.tls()) == 1;
  audience_.on_ready(*this);
}

// A server asks whether we are still there.
void Client::answer(std::string_view request) {
  std::string text = "<iq type='result' id='" + std::string(attribute(request, "id")) + "'";
  if (const auto from = attribute(request, "from"); !from.empty()) {
    text.append(" to='").append(from).append("'");
  }
  socket_.queue(text.append("/>"));
}

void Client::end() {
  socket_.close();
  rest_ = {};
  stage_ = Stage::closed;
  audience_.on_closed(*this);
}

void Client::fail(std::string_view what) const {
  die(user_ + " (" + options_.workload + "): " + std::string(what));
}

}  // namespace load
