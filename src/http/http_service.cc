#include "http/http_service.h"

#include <algorithm>
#include <array>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "http/forwarded.h"

namespace starling::http {

namespace beast = boost::beast::http;

namespace {

// With more than this on its way to a client, its next request waits.
constexpr std::size_t kMaxQueued = 262'144;
// How much a stream may be ahead of its client.
constexpr std::size_t kMaxStreamQueued = 1'048'576;
constexpr std::chrono::milliseconds kLookAgain{50};

using Parser = beast::request_parser<beast::string_body>;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

std::unique_ptr<Parser> new_parser(const HttpOptions& options) {
  auto parser = std::make_unique<Parser>();
  parser->header_limit(static_cast<std::uint32_t>(options.max_header));
  parser->body_limit(options.max_body);
  parser->eager(true);
  return parser;
}

Request request_of(const Parser& parser, const net::Connection& connection,
                   const HttpOptions& options) {
  const auto& message = parser.get();
  Request request;
  request.method = view(message.method_string());
  const std::string_view target = view(message.target());
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  for (const auto& field : message) {
    request.fields.add(std::string(view(field.name_string())), std::string(view(field.value())));
  }
  request.body = message.body();
  const Origin from = origin(request.fields, {connection.remote_address(), connection.is_secure()},
                             options.trusts_proxy);
  request.remote = from.address;
  request.secure = from.secure;
  request.relayed = from.relayed;
  request.attachment = options.attachment;
  return request;
}

bool allowed(const Route& route, std::string_view method) {
  return route.methods.contains(method) || (method == "HEAD" && route.methods.contains("GET"));
}

bool may_be_host(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return c <= ' ' || std::string_view("/?#@\\<>\"").contains(c); });
}

Response not_allowed(const Route& route) {
  Response response = problem(405);
  std::string methods;
  for (const std::string& method : route.methods) {
    methods += (methods.empty() ? "" : ", ") + method + (method == "GET" ? ", HEAD" : "");
  }
  response.fields.add("Allow", methods);
  return response;
}

// What a handler does not say differently. Pages may load what they say themselves, and nothing
// else; nobody may frame them or take an answer for what it is not.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kDefaults{{
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
}};

bool is_one_line(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

void add_field(std::string& header, std::string_view name, std::string_view value) {
  if (!is_one_line(name) || !is_one_line(value)) return;  // it would forge the rest of the answer
  header += name;
  header += ": ";
  header += value;
  header += "\r\n";
}

std::string first_lines(const Response& response) {
  std::string header =
      "HTTP/1.1 " + std::to_string(response.status) + ' ' + reason(response.status) + "\r\n";
  for (const auto& [name, value] : response.fields) add_field(header, name, value);
  if (response.status == 101) return header;
  for (const auto& [name, value] : kDefaults) {
    if (!response.fields.has(name)) add_field(header, name, value);
  }
  if (!response.content_type.empty()) add_field(header, "Content-Type", response.content_type);
  return header;
}

}  // namespace

// One connection, and the request that is being read or answered.
class HttpService::Exchange final : public net::ConnectionHandler,
                                    public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(HttpService& service, std::shared_ptr<net::Connection> connection,
           std::shared_ptr<const HttpOptions> options)
      : service_(service),
        options_(std::move(options)),
        connection_(std::move(connection)),
        parser_(new_parser(*options_)) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() override { service_.loop_.cancel(timer_); }

  void start() {
    connection_->set_handler(this);
    wait();
  }
  void drop() {
    if (connection_) connection_->abort();
  }

  void on_data(std::string_view bytes) override {
    const auto self = shared_from_this();
    unread_ += bytes;
    read();
    // Whoever sends the next requests before he has the answer waits with them.
    if (answering_ && connection_ && unread_.size() > options_->max_header) {
      connection_->pause_reading();
    }
  }
  void on_tls_established() override {}
  void on_disconnected(net::CloseReason /*reason*/, std::string_view /*detail*/) override;

  [[nodiscard]] net::Connection* connection() const { return connection_.get(); }
  // A streamed body is complete.
  void body_sent(bool keep) {
    chunks_.reset();
    finish(keep);
  }

 private:
  [[nodiscard]] bool is_open() const { return connection_ && connection_->is_open(); }

  void read() {
    // What was asked already waits as well, until the client has read what it was answered.
    while (!answering_ && is_open() && !unread_.empty() &&
           connection_->queued_bytes() <= kMaxQueued) {
      boost::system::error_code error;
      unread_.erase(0, parser_->put(boost::asio::buffer(unread_), error));
      if (error && error != beast::error::need_more) return refuse(error);
      if (parser_->is_done()) {
        answer();
      } else if (parser_->is_header_done() && !expect_body()) {
        return refuse(beast::error::body_limit);
      }
      if (error == beast::error::need_more) return;
    }
  }

  // False if the body that is to come is too long. The client may have asked whether it may send it
  // (RFC 9110 section 10.1.1).
  bool expect_body() {
    if (parser_->content_length().value_or(0) > options_->max_body) return false;
    const bool asked = view(parser_->get()[beast::field::expect]) == "100-continue";
    if (asked && !std::exchange(continued_, true)) {
      connection_->send("HTTP/1.1 100 Continue\r\n\r\n");
    }
    return true;
  }

  // The client has so long to send a request, and to read what was answered.
  void wait() {
    service_.loop_.cancel(timer_);
    queued_ = connection_->queued_bytes();
    timer_ = service_.loop_.run_after(options_->patience, [this] {
      const std::size_t queued = connection_->queued_bytes();
      if (queued != 0 && queued < queued_) return wait();  // slow, but it reads
      const bool begun = queued != 0 || parser_->got_some();
      if (begun) count_refusal("patience", "it took too long");
      connection_->abort();
    });
  }

  void refuse(const boost::system::error_code& error) {
    if (error == beast::error::header_limit) return refuse("header", 431, error.message());
    if (error == beast::error::body_limit) return refuse("body", 413, error.message());
    refuse("syntax", 400, error.message());
  }
  void refuse(const char* reason, unsigned status, const std::string& text) {
    count_refusal(reason, text);
    unread_.clear();
    respond(problem(status, text), false, true);
  }
  void count_refusal(const char* reason, const std::string& text) {
    metrics::counter("starling_http_requests_refused_total",
                     "HTTP requests that were not heard to their end, by what was wrong",
                     {{"reason", reason}})
        .add();
    log::info("http_request_refused", {{"remote", connection_->remote_address()}, {"error", text}});
  }

  void answer() {
    const auto parser = std::exchange(parser_, new_parser(*options_));
    continued_ = false;
    answering_ = true;
    service_.loop_.cancel(timer_);
    const bool keep = parser->get().keep_alive();
    const bool old = parser->get().version() < 11;
    Request request = request_of(*parser, *connection_, *options_);
    const bool with_body = request.method != "HEAD";
    // RFC 9112 section 3.2.
    const std::size_t hosts = request.fields.count("Host");
    if (hosts > 1 || (hosts == 0 && !old) || !may_be_host(request.fields.get("Host"))) {
      return refuse("host", 400, "there is not one Host that could be one");
    }
    const Route* route = service_.routes_->find(request.path);
    if (route != nullptr && !options_->services.empty() &&
        !options_->services.contains(route->service)) {
      route = nullptr;
    }
    if (route == nullptr) {
      return respond(problem(service_.routes_->missing()), keep, with_body);
    }
    if (!allowed(*route, request.method)) return respond(not_allowed(*route), keep, with_body);
    if (old) http_1_0_ = true;
    const auto run = [](std::shared_ptr<Exchange> self, const Handler* handler, Request asked,
                        bool goes_on, bool body) -> Task<void> {
      self->respond(co_await (*handler)(std::move(asked)), goes_on, body);
    };
    if (!service_.gate_.spawn(
            run(shared_from_this(), &route->handler, std::move(request), keep, with_body))) {
      connection_->abort();
    }
  }

  void respond(Response response, bool keep, bool with_body) {
    if (!is_open()) return;
    std::string header = first_lines(response);
    if (response.take_over) return hand_over(std::move(response), std::move(header));
    if (response.stream && with_body) return begin_stream(std::move(response), std::move(header));
    if (response.status != 304 && response.status != 204) {
      add_field(header, "Content-Length", std::to_string(response.body.size()));
    }
    if (!keep || http_1_0_) add_field(header, "Connection", keep ? "keep-alive" : "close");
    connection_->send(header + "\r\n");
    if (with_body && response.status != 304) connection_->send(response.body);
    finish(keep);
  }

  void begin_stream(Response response, std::string header);

  void hand_over(Response response, std::string header) {
    const auto self = shared_from_this();
    connection_->send(header + "\r\n");
    const auto connection = std::exchange(connection_, nullptr);
    connection->resume_reading();
    service_.exchanges_.erase(self);
    response.take_over(connection, unread_);
  }

  // The answer is on its way.
  void finish(bool keep) {
    if (!keep) return connection_->close();
    answering_ = false;
    wait();
    go_on();
  }

  void go_on() {
    if (!is_open() || answering_) return;
    if (connection_->queued_bytes() > kMaxQueued) {
      connection_->pause_reading();
      service_.loop_.run_after(kLookAgain, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->go_on();
      });
      return;
    }
    connection_->resume_reading();
    // Not from here: an answer that needs no waiting would be deeper in the stack each time.
    if (unread_.empty()) return;
    service_.loop_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->read();
    });
  }

  HttpService& service_;
  std::shared_ptr<const HttpOptions> options_;
  std::shared_ptr<net::Connection> connection_;  // nullptr: it speaks another protocol now
  std::unique_ptr<Parser> parser_;
  std::shared_ptr<Chunks> chunks_;  // of an answer that goes on
  std::string unread_;
  std::size_t queued_ = 0;  // when the timer was set
  TimerId timer_{};
  bool answering_ = false;
  bool continued_ = false;
  bool http_1_0_ = false;
};

// A body in chunks (RFC 9112 section 7.1); for a client of HTTP/1.0 as it is, up to the end of the
// connection.
class HttpService::Chunks final : public Stream {
 public:
  Chunks(std::weak_ptr<Exchange> exchange, bool chunked)
      : exchange_(std::move(exchange)), chunked_(chunked) {}

  bool send(std::string_view bytes) override {
    const auto exchange = exchange_.lock();
    if (!exchange || !exchange->connection()->is_open()) return false;
    net::Connection& connection = *exchange->connection();
    if (connection.queued_bytes() > kMaxStreamQueued) return false;
    if (bytes.empty()) return true;  // an empty chunk would be the last
    if (chunked_) {
      std::array<char, 20> size{};
      const int n = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
      connection.send({size.data(), static_cast<std::size_t>(n)});
    }
    connection.send(bytes);
    if (chunked_) connection.send("\r\n");
    return true;
  }
  void end() override {
    const auto exchange = exchange_.lock();
    exchange_.reset();
    when_gone_ = nullptr;
    if (!exchange || !exchange->connection()->is_open()) return;
    if (chunked_) exchange->connection()->send("0\r\n\r\n");
    exchange->body_sent(chunked_);
  }
  void when_gone(Callback fn) override { when_gone_ = std::move(fn); }

  void gone() {
    exchange_.reset();
    if (when_gone_) std::exchange(when_gone_, nullptr)();
  }

 private:
  std::weak_ptr<Exchange> exchange_;
  const bool chunked_;
  Callback when_gone_;
};

void HttpService::Exchange::begin_stream(Response response, std::string header) {
  if (!http_1_0_) add_field(header, "Transfer-Encoding", "chunked");
  if (http_1_0_) add_field(header, "Connection", "close");
  connection_->send(header + "\r\n");
  chunks_ = std::make_shared<Chunks>(weak_from_this(), !http_1_0_);
  response.stream(chunks_);
}

void HttpService::Exchange::on_disconnected(net::CloseReason /*reason*/,
                                            std::string_view /*detail*/) {
  const auto self = shared_from_this();
  service_.loop_.cancel(timer_);
  service_.exchanges_.erase(self);
  if (const auto chunks = std::exchange(chunks_, nullptr)) chunks->gone();
}

HttpService::HttpService(EventLoop& loop, std::shared_ptr<const Routes> routes)
    : loop_(loop), routes_(std::move(routes)) {}

HttpService::~HttpService() = default;

void HttpService::accept(std::shared_ptr<net::Connection> connection,
                         std::shared_ptr<const HttpOptions> options) {
  if (shut_down_) return connection->abort();
  const auto exchange =
      std::make_shared<Exchange>(*this, std::move(connection), std::move(options));
  exchanges_.insert(exchange);
  exchange->start();
}

void HttpService::shut_down(Callback done) {
  shut_down_ = true;
  for (const auto& exchange : exchanges_) exchange->drop();  // each goes as it hears of its end
  gate_.close(std::move(done));
}

}  // namespace starling::http
