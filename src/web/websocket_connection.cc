#include "web/websocket_connection.h"

#include <cassert>
#include <utility>

#include "web/elements.h"
#include "xml/stream_scanner.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::web {

namespace {

constexpr std::size_t kMaxOpen = 10'000;  // bytes of <open/>, as of a stream header
constexpr std::size_t kMaxUnreadPongs = 65'536;
constexpr xml::Limits kOpenLimits{.max_stanza_bytes = kMaxOpen, .max_depth = 1};

std::string_view attribute(const xml::Element& element, std::string_view name) {
  return element.attribute(name).value_or("");
}

// <open/> or <close/>, if it is one.
xml::DocumentPtr framing(std::string_view message) {
  const std::string_view name = tag_name(message);
  const auto local = name.substr(name.find(':') == std::string_view::npos ? 0 : name.find(':') + 1);
  if (local != "open" && local != "close") return nullptr;
  const auto document = xml::scan_element(message, "", kOpenLimits);
  return document && (*document)->root().ns() == kFraming ? *document : nullptr;
}

}  // namespace

WebSocketConnection::WebSocketConnection(std::shared_ptr<net::Connection> below,
                                         WebSocketOptions options)
    : below_(std::move(below)), options_(std::move(options)), reader_(options_.max_before_auth) {}

WebSocketConnection::~WebSocketConnection() {
  below_->set_handler(nullptr);
}

void WebSocketConnection::start(std::string_view rest) {
  below_->set_handler(this);
  if (!reading_) below_->pause_reading();
  if (!rest.empty()) on_data(rest);
}

template <class Plan>
void WebSocketConnection::later(Plan plan, void (WebSocketConnection::*fn)()) {
  if (!here_) here_ = std::make_shared<Here>(this);
  plan([weak = std::weak_ptr<Here>(here_), fn] {
    const auto here = weak.lock();
    if (!here) return;
    const auto self = (*here)->shared_from_this();
    (self.get()->*fn)();
  });
}

void WebSocketConnection::on_data(std::string_view bytes) {
  const auto alive = shared_from_this();
  if (!reading_ || !unread_.empty()) {
    unread_ += bytes;
    return;
  }
  read(bytes);
}

void WebSocketConnection::read(std::string_view bytes) {
  using Kind = http::FrameReader::Event::Kind;
  while (open_) {
    if (!reading_) {
      unread_ = bytes;
      return;
    }
    const auto event = reader_.next(bytes);
    switch (event.kind) {
      case Kind::need_more:
        return;
      case Kind::text:
        take_message(event.payload);
        break;
      case Kind::ping:
        // Who does not read what he asks for is not answered (RFC 6455 section 5.5.3).
        if (below_->queued_bytes() < kMaxUnreadPongs) {
          http::append_frame(below_->output(), http::Opcode::pong, event.payload);
        }
        break;
      case Kind::pong:
        break;
      case Kind::close:
        flush();
        http::append_frame(below_->output(), http::Opcode::close, event.payload);
        return lose(net::CloseReason::closed_by_peer, "the WebSocket was closed");
      case Kind::error:
        flush();
        http::append_close_frame(below_->output(), event.code, event.payload);
        return lose(net::CloseReason::connection_error, event.payload);
    }
  }
}

void WebSocketConnection::read_on() {
  if (!reading_ || !open_) return;
  flush();  // whether <open/> may come depends on what was said
  read(std::exchange(unread_, {}));
  if (reading_ && open_) below_->resume_reading();
}

void WebSocketConnection::take_message(std::string_view message) {
  if (const auto document = framing(message)) {
    const xml::Element root = document->root();
    if (root.name() == "close") return hand_up("</stream:stream>");
    if (std::exchange(expects_open_, false)) {
      return hand_up(stream_header(attribute(root, "to"), attribute(root, "from"),
                                   attribute(root, "version"), attribute(root, "xml:lang")));
    }
  }
  std::string_view rest = message;
  const Piece piece = next_piece(rest);
  const bool whole = piece.kind == Piece::Kind::element && piece.text.size() == message.size();
  if (whole) return hand_up(message);
  hand_up(kNotWellFormed);
}

void WebSocketConnection::hand_up(std::string_view bytes) {
  if (open_ && handler_ != nullptr) handler_->on_data(bytes);
}

std::string& WebSocketConnection::output() {
  if (!is_open()) {
    static thread_local std::string nowhere;
    nowhere.clear();
    return nowhere;
  }
  if (!std::exchange(flush_planned_, true)) {
    later([](auto fn) { EventLoop::current()->at_turn_end(std::move(fn)); },
          &WebSocketConnection::flush_planned);
  }
  return out_;
}

void WebSocketConnection::flush_planned() {
  flush_planned_ = false;
  flush();
}

void WebSocketConnection::flush() {
  const std::string bytes = std::exchange(out_, {});
  std::string_view rest = bytes;
  for (;;) {
    const Piece piece = next_piece(rest);
    switch (piece.kind) {
      case Piece::Kind::incomplete:
        return;
      case Piece::Kind::header:
        send_open(piece.text);
        break;
      case Piece::Kind::end:
        send_message("<close xmlns='" + std::string(kFraming) + "'/>");
        break;
      case Piece::Kind::element:
        if (tag_name(piece.text) == "success" &&
            raw_attribute(piece.text, "xmlns") == xmpp::ns::kSasl) {
          expects_open_ = true;
          reader_.set_max_message(options_.max_message);
        }
        send_message(standing_alone(piece.text));
        break;
    }
  }
}

void WebSocketConnection::send_message(std::string_view text) {
  http::append_frame(below_->output(), http::Opcode::text, text);
}

void WebSocketConnection::send_open(std::string_view header) {
  std::string open = "<open xmlns='" + std::string(kFraming) + '\'';
  for (const std::string_view name : {"version", "xml:lang", "id", "from", "to"}) {
    const std::string_view value = raw_attribute(header, name);
    if (!value.empty()) open += ' ' + std::string(name) + "='" + std::string(value) + '\'';
  }
  send_message(open + "/>");
}

void WebSocketConnection::start_tls(std::shared_ptr<net::TlsContext> /*tls*/,
                                    std::string /*server_name*/) {
  assert(false && "STARTTLS is not offered over WebSocket");
}

void WebSocketConnection::close() {
  if (!std::exchange(open_, false)) return;
  flush();
  http::append_close_frame(below_->output(), http::CloseCode::normal, "");
  below_->close();
}

void WebSocketConnection::lose(net::CloseReason reason, std::string_view detail) {
  open_ = false;
  below_->set_handler(nullptr);
  below_->close();
  // Not from inside of what the stream may be doing.
  EventLoop::current()->post([self = shared_from_this(), reason, text = std::string(detail)] {
    self->on_disconnected(reason, text);
  });
}

void WebSocketConnection::on_disconnected(net::CloseReason reason, std::string_view detail) {
  const auto alive = shared_from_this();
  open_ = false;
  here_.reset();
  out_ = {};
  unread_ = {};
  if (handler_ != nullptr) std::exchange(handler_, nullptr)->on_disconnected(reason, detail);
}

void WebSocketConnection::pause_reading() {
  reading_ = false;
  below_->pause_reading();
}

void WebSocketConnection::resume_reading() {
  reading_ = true;
  if (unread_.empty()) return below_->resume_reading();
  later([](auto fn) { EventLoop::current()->post(std::move(fn)); }, &WebSocketConnection::read_on);
}

void WebSocketConnection::move_to(EventLoop& target, Callback arrived) {
  flush();
  // What is planned on this loop would run beside us on the other.
  here_.reset();
  flush_planned_ = false;
  reading_ = false;
  below_->move_to(target, std::move(arrived));
}

}  // namespace starling::web
