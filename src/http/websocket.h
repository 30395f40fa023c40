// WebSocket (RFC 6455): the handshake, and the frames both ways, for whoever has the connection.
//
// A codec of ours instead of Boost.Beast's websocket::stream: that one owns its socket, stays on
// the executor it was made on and keeps a read buffer. Connections here move between workers' loops
// (net::Connection::move_to), and an idle one holds no buffer. Extensions are not negotiated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"

namespace starling::http {

// Why a WebSocket ends (section 7.4.1).
enum class CloseCode : std::uint16_t {
  normal = 1000,
  protocol_error = 1002,
  unsupported_data = 1003,  // binary
  invalid_payload = 1007,   // text that is not UTF-8
  message_too_big = 1009,
};

// Section 5.2.
enum class Opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

// Answers a request to speak `subprotocol` (section 4.2): 101, for which the caller sets take_over;
// or a problem: 426 if it does not ask for WebSocket, version 13, and 400 for anything else.
// Origin is not looked at: what is spoken needs a log-in of its own, and no cookie stands for one.
[[nodiscard]] Response websocket_answer(const Request& request, std::string_view subprotocol);

// One whole frame, as servers send it: not masked.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);
void append_close_frame(std::string& out, CloseCode code, std::string_view reason);

// Reads what a client sends. Between two messages it holds no memory.
class FrameReader {
 public:
  struct Event {
    enum class Kind : std::uint8_t {
      need_more,  // all input is consumed
      text,       // a message, whole, UTF-8
      ping,
      pong,
      close,  // payload: as it came, to be sent back
      error,  // final: every later call returns the same
    };
    Kind kind = Kind::need_more;
    std::string payload;                         // error: what is wrong
    CloseCode code = CloseCode::protocol_error;  // of an error
  };

  // `max_message`: bytes of one message, over all its frames.
  explicit FrameReader(std::size_t max_message);
  ~FrameReader();
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  void set_max_message(std::size_t bytes) { max_message_ = bytes; }

  // Reads from the front of `input`, removing what it took, up to and including the next event.
  // Call again with the rest until need_more.
  Event next(std::string_view& input);

  // Nothing is kept of an unfinished frame or message.
  [[nodiscard]] bool idle() const { return !unfinished_; }

 private:
  struct Unfinished;
  // False if the frame is refused: error_ says why.
  bool begin_frame(Unfinished& frame);
  Event end_frame();
  bool refuse(CloseCode code, std::string_view why);
  [[nodiscard]] Event failure() const { return {Event::Kind::error, std::string(error_), code_}; }

  std::size_t max_message_;
  std::unique_ptr<Unfinished> unfinished_;
  std::string_view error_;
  CloseCode code_ = CloseCode::protocol_error;
};

}  // namespace starling::http
