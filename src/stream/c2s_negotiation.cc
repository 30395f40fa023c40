// The negotiation of a client's stream: header, STARTTLS, SASL, resource binding (RFC 6120
// sections 4 to 7). The rest of C2sStream is in c2s_stream.cc.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "cluster/cluster.h"
#include "core/limits_hit.h"
#include "core/server.h"
#include "stream/c2s_service.h"
#include "stream/c2s_stream.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::stream {

using xmpp::StreamCondition;

namespace {

constexpr std::size_t kStreamIdCharacters = 26;  // unpredictable (section 4.7.3)
constexpr std::size_t kResourceCharacters = 12;  // made up for a client that names none

// Section 4.7.5: a client of a later version is answered with ours; one that names none is older
// than XMPP.
bool version_supported(const xml::Element& header) {
  const std::string_view version = header.attribute("version").value_or("");
  const auto dot = version.find('.');
  if (dot == std::string_view::npos || dot + 1 == version.size()) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string_view major = version.substr(0, dot);
  return std::ranges::all_of(major, is_digit) &&
         std::ranges::all_of(version.substr(dot + 1), is_digit) &&
         major.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

// Section 4.7.
void C2sStream::handle_header(const xml::Element& header) {
  const std::string_view to = header.attribute("to").value_or("");
  auto& host = negotiation_->host;
  if (header.name() != "stream" || header.ns() != xmpp::ns::kStream) {
    return stream_error(StreamCondition::invalid_namespace,
                        "the stream namespace is http://etherx.jabber.org/streams");
  }
  if (scanner_.default_ns() != xmpp::ns::kClient) {
    return stream_error(StreamCondition::invalid_namespace,
                        "the content namespace is jabber:client");
  }
  const auto domain = xmpp::prepare_domain(to);
  if (!domain || service_->worker().server().host(*domain) == nullptr) {
    return stream_error(StreamCondition::host_unknown, "this server does not serve that host");
  }
  if (!host.empty() && host != *domain) {
    return stream_error(StreamCondition::host_unknown,
                        "the host must not change while a stream is negotiated");
  }
  host = *domain;
  if (!version_supported(header)) {
    return stream_error(StreamCondition::unsupported_version, "XMPP 1.0 is required");
  }
  open_stream(header.attribute("from").value_or(""));
  if (turn_to_other_node()) return;
  send_features();
}

// This node leaves, though a load balancer may not have heard of it. (RFC 6120 section 4.9.3.19:
// not before the stream is protected, if it is going to be.)
bool C2sStream::turn_to_other_node() {
  const core::Server& server = service_->worker().server();
  if (server.drain().turns_away()) {
    send_elsewhere();
    return true;
  }
  if (server.cluster() == nullptr || !server.drain().begun()) return false;
  if (options_->starttls_required && !connection_->is_secure()) return false;
  if (options_->over_http) return false;
  const std::string address = server.cluster()->client_address_elsewhere();
  if (address.empty()) return false;
  stream_error(StreamCondition::see_other_host, address);
  return true;
}

void C2sStream::open_stream(std::string_view to) {
  header_sent_ = true;
  xml::Writer w;
  w.raw(
      "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
      "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' xml:lang='en' id='");
  w.raw(random_token(kStreamIdCharacters)).raw("'");
  std::string text(w.view());
  // Without a host of ours (host-unknown) there is no honest 'from'.
  if (!negotiation_->host.empty()) {
    text += " from='";
    xml::append_escaped(text, negotiation_->host);
    text += '\'';
  }
  if (!to.empty()) {
    text += " to='";
    xml::append_escaped(text, to);
    text += '\'';
  }
  connection_->send(text + ">");
}

// Section 4.3.2: what the client may or must negotiate next.
void C2sStream::send_features() {
  const core::Host* host = service_->worker().server().host(negotiation_->host);
  if (host == nullptr) {
    return stream_error(StreamCondition::host_gone, "this server does not serve the host any more");
  }
  xml::Writer w;
  w.open("stream:features");
  if (!negotiation_->account.empty()) {
    phase_ = Phase::binding;
    w.open("bind", xmpp::ns::kBind).close();
    w.open("session", xmpp::ns::kSession).open("optional").close().close();
    w.open("sm", xmpp::ns::kStreamManagement).close();
    host->write_stream_features(w);
  } else {
    phase_ = Phase::negotiation;
    const bool secure = connection_->is_secure();
    const bool can_secure = !secure && options_->tls != nullptr;
    if (!secure && !can_secure && options_->starttls_required) {
      return stream_error(StreamCondition::policy_violation,
                          "TLS is required: connect by https or wss");
    }
    if (can_secure) {
      w.open("starttls", xmpp::ns::kTls);
      if (options_->starttls_required) w.open("required").close();
      w.close();
    }
    if (secure || !options_->starttls_required) {
      if (!negotiation_->sasl) {
        negotiation_->sasl = std::make_unique<SaslExchange>(
            service_->worker().server().authenticator(), *connection_, negotiation_->host,
            host->options(), [this](const xmpp::Jid& account) {
              core::Worker& worker = service_->worker();
              return worker.server().login_guard().refuses_account(attempt(account),
                                                                   worker.loop().now());
            });
      }
      w.raw(negotiation_->sasl->features_xml());
      if (may_register()) w.open("register", xmpp::ns::kIqRegister).close();
    }
  }
  write_limits(w);
  w.close();
  connection_->send(w.view());
}

// XEP-0478: what the client may send until the next features.
void C2sStream::write_limits(xml::Writer& w) const {
  const bool authenticated = phase_ == Phase::binding;
  const auto& limits = authenticated ? options_->limits : options_->limits_before_auth;
  const auto idle = authenticated ? host_options().ping.interval : options_->negotiation_timeout;
  w.open("limits", xmpp::ns::kStreamLimits);
  w.open("max-bytes").text(std::to_string(limits.max_stanza_bytes)).close();
  w.open("idle-seconds").text(std::to_string(idle.count())).close();
  w.close();
}

void C2sStream::handle_negotiation(xml::DocumentPtr document, std::string_view& rest) {
  const xml::Element root = document->root();
  if (root.is("starttls", xmpp::ns::kTls)) return handle_starttls(rest);
  if (root.is("iq", xmpp::ns::kClient) && root.child("query", xmpp::ns::kRegister) &&
      may_register()) {
    return handle_registration(std::move(document));
  }
  if (root.ns() != xmpp::ns::kSasl || !negotiation_->sasl) {
    // Section 6.3.2 and 4.9.3.12: a stanza before authentication ends the stream.
    return stream_error(StreamCondition::not_authorized, "authenticate first");
  }
  if (root.name() != "auth" && root.name() != "response" && root.name() != "abort") {
    return stream_error(StreamCondition::unsupported_stanza_type, "not a part of SASL");
  }
  if (refuse_if_banned()) return;
  hold();
  service_->worker().gate().spawn(authenticate(shared_from_this(), std::move(document)));
}

// Section 5.4.
void C2sStream::handle_starttls(std::string_view& rest) {
  if (connection_->is_secure() || options_->tls == nullptr) {
    log_event(log::Level::info, "starttls_refused");
    connection_->send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    return finish();
  }
  if (!rest.empty()) {
    // Section 5.4.3.3: nothing may follow <starttls/>; whoever put it there was not the client.
    return stream_error(StreamCondition::policy_violation, "data between <starttls/> and TLS");
  }
  connection_->send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
  negotiation_->sasl.reset();
  phase_ = Phase::tls_handshake;
  connection_->start_tls(options_->tls, negotiation_->host);
  restart();
}

void C2sStream::on_tls_established() {
  if (phase_ == Phase::ended) return;
  phase_ = Phase::header;
  const net::TlsInfo info = connection_->tls_info();
  log_event(
      log::Level::debug, "tls_established",
      {{"version", info.version}, {"cipher", info.cipher}, {"server_name", info.server_name}});
}

// Section 4.3.3: a new stream over the same connection.
void C2sStream::restart() {
  scanner_ = xml::StreamScanner(negotiation_->account.empty() ? &options_->limits_before_auth
                                                              : &options_->limits);
  header_sent_ = false;
}

// Section 6.4. The first parameter keeps the stream alive until the answer is there.
Task<void> C2sStream::authenticate(std::shared_ptr<C2sStream> /*self*/, xml::DocumentPtr document) {
  const auto step = co_await negotiation_->sasl->handle(std::move(document));
  // While this was worked out the client may have gone, or others at its address guessed too often.
  if (phase_ == Phase::ended || refuse_if_banned()) co_return;
  if (step.succeeded || !step.failed.empty()) {
    metrics::counter(
        "starling_authentications_total", "Log-ins of clients, by how they ended",
        {{"mechanism", negotiation_->sasl->offers(step.mechanism) ? step.mechanism : "unknown"},
         {"result", step.succeeded ? "success" : step.failed}})
        .add();
  }
  if (step.succeeded) {
    if (may_enter(*step.succeeded)) co_return authenticated(step);
    connection_->send(
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/>"
        "<text>this account may not log in here</text></failure>");
    stream_error(StreamCondition::policy_violation, "this account may not log in here");
    co_return;
  }
  if (step.failed.empty()) {
    connection_->send(step.reply);
    go_on();
    co_return;
  }
  log_event(log::Level::info, "authentication_failed",
            {{"username", step.username},
             {"host", negotiation_->host},
             {"mechanism", step.mechanism},
             {"error", step.failed}});
  core::Worker& worker = service_->worker();
  const Duration delay = step.guessed ? worker.server().login_guard().failed(attempt(step.account),
                                                                             worker.loop().now())
                                      : Duration::zero();
  answer_after(delay, [this, reply = step.reply] {
    connection_->send(reply);
    if (negotiation_->sasl->exhausted(options_->max_auth_failures)) {
      return stream_error(StreamCondition::policy_violation, "too many failed log-ins");
    }
    if (!refuse_if_banned()) go_on();
  });
}

core::LoginGuard::Attempt C2sStream::attempt(const xmpp::Jid& account) const {
  static const config::Access kNone;  // of a host that is gone
  const core::Host* host = service_->worker().server().host(negotiation_->host);
  return {connection_->remote_address(), account, host ? host->options().access : kNone};
}

// Nothing is read meanwhile. Nothing waits for it either, so the stream, and the server, can end.
void C2sStream::answer_after(Duration delay, Callback answer) {
  if (delay <= Duration::zero()) return answer();
  service_->worker().loop().run_after(
      delay, [weak = weak_from_this(), answer = std::move(answer)]() mutable {
        const auto self = weak.lock();
        if (self && self->phase_ != Phase::ended) answer();
      });
}

bool C2sStream::refuse_if_banned() {
  core::Worker& worker = service_->worker();
  if (!worker.server().login_guard().refuses_address(connection_->remote_address(),
                                                     worker.loop().now())) {
    return false;
  }
  refuse(StreamCondition::policy_violation, "too many failed log-ins from this address");
  return true;
}

config::Subject C2sStream::subject(const xmpp::Jid* jid) const {
  return {jid, IpAddress::parse(connection_->remote_address())};
}

// The listener's access rule, as the host of the account reads it.
bool C2sStream::may_enter(const xmpp::Jid& account) const {
  const core::Host* host = service_->worker().server().host(account.domain());
  if (host == nullptr || host->options().access.allows(options_->access, subject(&account))) {
    return true;  // without its host it gets no further anyway
  }
  log_event(log::Level::info, "login_denied",
            {{"jid", account.full()}, {"access", options_->access}});
  return false;
}

void C2sStream::authenticated(const SaslExchange::Step& step) {
  service_->worker().server().login_guard().succeeded(attempt(*step.succeeded));
  log_event(log::Level::info, "authenticated",
            {{"jid", step.succeeded->full()},
             {"mechanism", step.mechanism},
             {"tls", connection_->tls_info().version}});
  go_home(*step.succeeded, step.reply);
}

// From here on everything of the account happens on its home worker (core/directory.h).
void C2sStream::go_home(const xmpp::Jid& account, std::string success) {
  auto arrive = [self = shared_from_this(), account, success = std::move(success)] {
    if (self->phase_ == Phase::ended) return;
    self->negotiation_->account = account;
    self->negotiation_->sasl.reset();
    self->use_shaper(self->options_->shaper_before_auth);  // until it has a session
    self->connection_->send(success);
    self->phase_ = Phase::header;
    self->restart();
    self->go_on();
  };
  core::Worker& here = service_->worker();
  const std::size_t home = here.server().home_of(account.full());
  if (home == here.index()) return arrive();
  C2sService& target = service_->of_worker(home);
  // Not from inside a call of the connection.
  here.loop().post([self = shared_from_this(), &target, arrive = std::move(arrive)]() mutable {
    if (self->phase_ == Phase::ended || !self->connection_->is_open()) return;
    self->stop_shaping();
    auto stream = self->service_->remove(*self);
    self->service_ = &target;
    self->connection_->move_to(target.worker().loop(),
                               [stream = std::move(stream), &target, arrive = std::move(arrive)] {
                                 target.add(stream);
                                 if (!target.turn_away(*stream)) arrive();
                               });
  });
}

// Section 7.
void C2sStream::handle_binding(xml::DocumentPtr document) {
  const xml::Element root = document->root();
  if (root.ns() == xmpp::ns::kStreamManagement) return handle_stream_management(root);
  const auto bind = root.child("bind", xmpp::ns::kBind);
  if (!root.is("iq", xmpp::ns::kClient) || root.attribute("type") != "set" || !bind) {
    return stream_error(StreamCondition::not_authorized, "bind a resource first");
  }
  const auto refuse = [&](xmpp::StanzaCondition condition, std::string_view text) {
    const auto answer = xmpp::make_error_for(root, {condition, std::string(text), {}});
    if (answer) connection_->send(answer->to_xml());
  };
  if (!root.attribute("id")) {
    return refuse(xmpp::StanzaCondition::bad_request, "an iq needs an id");
  }
  const auto resource = bind->child("resource", xmpp::ns::kBind);
  const std::string wanted = resource ? resource->text() : std::string();
  const auto full = negotiation_->account.with_resource(
      wanted.empty() ? random_token(kResourceCharacters) : wanted);
  if (!full) return refuse(xmpp::StanzaCondition::bad_request, "not a valid resource");
  if (refuse_if_short_of_memory()) return;

  hold();
  service_->worker().turns().run(full->bare(), [self = shared_from_this(), full = *full,
                                                document = std::move(document)]() mutable {
    return self->bind(self, std::move(full), std::move(document));
  });
}

// In the account's turn. The first parameter keeps the stream alive until the answer is there.
Task<void> C2sStream::bind(std::shared_ptr<C2sStream> /*self*/, xmpp::Jid full,
                           xml::DocumentPtr request) {
  if (phase_ == Phase::ended) co_return;
  const auto session = co_await service_->worker().bind(full, *this);
  if (phase_ == Phase::ended) {  // the client has gone meanwhile
    if (session) service_->worker().unbind(**session);
    co_return;
  }
  if (!session && session.error().code == Errc::limit) {
    // RFC 6120 section 7.6.2.1. The client may end another session of its, and try again.
    core::limit_hit(core::Limit::sessions);
    log_event(log::Level::info, "session_refused",
              {{"resource", full.resource()}, {"error", session.error().message}});
    const auto answer = xmpp::make_error_for(
        request->root(), {xmpp::StanzaCondition::resource_constraint, session.error().message, {}});
    if (answer) connection_->send(answer->to_xml());
    co_return go_on();
  }
  if (!session && service_->worker().server().drain().turns_away()) co_return send_elsewhere();
  if (!session) {
    log_event(log::Level::warning, "session_not_bound", {{"error", session.error().message}});
    not_bound(session.error().code);
    co_return;
  }
  session_ = *session;
  xml::Writer w;
  w.open("iq").attribute("type", "result");
  w.attribute("id", request->root().attribute("id").value_or(""));
  w.open("bind", xmpp::ns::kBind).open("jid").text(full.full()).close().close().close();
  connection_->send(w.view());
  phase_ = Phase::bound;
  use_shaper(shaper_of_session());
  log_event(log::Level::info, "session_bound");
  go_on();
}

void C2sStream::not_bound(Errc why) {
  switch (why) {
    case Errc::not_found:
      return stream_error(StreamCondition::not_authorized, "the account was removed");
    case Errc::denied:
      return stream_error(StreamCondition::policy_violation, "the account is disabled");
    default:
      return stream_error(StreamCondition::resource_constraint,
                          "the account is not accessible at the moment");
  }
}

void C2sStream::hold() {
  pause(Pause::held);
}

void C2sStream::go_on() {
  pauses_ &= ~static_cast<unsigned>(Pause::held);
  const std::string held = std::exchange(negotiation_->held, {});
  if (phase_ == Phase::bound) negotiation_.reset();
  if (!held.empty()) process(held);
  if (pauses_ == 0 && phase_ != Phase::ended) connection_->resume_reading();
}

}  // namespace starling::stream
