#include "http/http_service.h"

#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>
#include <sstream>
#include <utility>

#include "base/log.h"

namespace starling::http {

namespace beast = boost::beast::http;

namespace {

constexpr std::size_t kMaxHeader = 8'192;
constexpr std::size_t kMaxBody = 65'536;
// From one request to the end of the next.
constexpr std::chrono::seconds kPatience{30};

using Parser = beast::request_parser<beast::string_body>;

std::unique_ptr<Parser> new_parser() {
  auto parser = std::make_unique<Parser>();
  parser->header_limit(kMaxHeader);
  parser->body_limit(kMaxBody);
  parser->eager(true);
  return parser;
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find_first_of("?#"));
}

std::string error_body(unsigned status) {
  return R"({"error":")" + std::string(beast::obsolete_reason(beast::int_to_status(status))) +
         "\"}\n";
}

}  // namespace

// One connection, and the request that is being read.
class HttpService::Exchange final : public net::ConnectionHandler,
                                    public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(HttpService& service, std::shared_ptr<net::Connection> connection)
      : service_(service), connection_(std::move(connection)), parser_(new_parser()) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() override { service_.loop_.cancel(timer_); }

  void start() {
    connection_->set_handler(this);
    wait();
  }
  void drop() { connection_->abort(); }

  void on_data(std::string_view bytes) override {
    const auto self = shared_from_this();
    unread_ += bytes;
    while (connection_->is_open() && !unread_.empty()) {
      boost::system::error_code error;
      unread_.erase(0, parser_->put(boost::asio::buffer(unread_), error));
      if (error == beast::error::need_more) return;
      if (error) return refuse(error);
      if (parser_->is_done()) answer();
    }
  }
  void on_tls_established() override {}
  void on_disconnected(net::CloseReason /*reason*/, std::string_view /*detail*/) override {
    service_.exchanges_.erase(shared_from_this());
  }

 private:
  void wait() {
    service_.loop_.cancel(timer_);
    timer_ = service_.loop_.run_after(kPatience, [this] { connection_->abort(); });
  }

  void refuse(const boost::system::error_code& error) {
    const bool large = error == beast::error::header_limit || error == beast::error::body_limit;
    log::info("http_request_refused",
              {{"remote", connection_->remote_address()}, {"error", error.message()}});
    const unsigned status = large ? 413 : 400;
    respond({status, "application/json", error_body(status)}, false, true);
  }

  void answer() {
    const auto parser = std::exchange(parser_, new_parser());
    const auto& message = parser->get();
    const bool keep = message.keep_alive();
    const bool head = message.method() == beast::verb::head;
    if (!head && message.method() != beast::verb::get) {
      return respond({405, "application/json", error_body(405)}, keep, true);
    }
    Request request{std::string(message.method_string()),
                    std::string(path_of({message.target().data(), message.target().size()}))};
    const auto route = service_.routes_->find(request.path);
    if (route == service_.routes_->end()) {
      return respond({404, "application/json", error_body(404)}, keep, !head);
    }
    respond(route->second(request), keep, !head);
  }

  void respond(Response answer, bool keep, bool with_body) {
    beast::response<beast::string_body> response(beast::int_to_status(answer.status), 11);
    response.set(beast::field::content_type, answer.content_type);
    response.set(beast::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    if (answer.status == 405) response.set(beast::field::allow, "GET, HEAD");
    response.keep_alive(keep);
    response.content_length(answer.body.size());
    if (with_body) response.body() = std::move(answer.body);
    std::ostringstream text;
    text << response;
    connection_->send(text.str());
    if (!keep) return connection_->close();
    wait();
  }

  HttpService& service_;
  std::shared_ptr<net::Connection> connection_;
  std::unique_ptr<Parser> parser_;
  std::string unread_;
  TimerId timer_{};
};

HttpService::HttpService(EventLoop& loop, std::shared_ptr<const Routes> routes)
    : loop_(loop), routes_(std::move(routes)) {}

HttpService::~HttpService() = default;

void HttpService::accept(std::shared_ptr<net::Connection> connection) {
  if (shut_down_) return connection->abort();
  const auto exchange = std::make_shared<Exchange>(*this, std::move(connection));
  exchanges_.insert(exchange);
  exchange->start();
}

void HttpService::shut_down() {
  shut_down_ = true;
  for (const auto& exchange : exchanges_) exchange->drop();  // each goes as it hears of its end
}

}  // namespace starling::http
