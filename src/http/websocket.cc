#include "http/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

namespace starling::http {

namespace {

constexpr std::size_t kKeyCharacters = 24;  // base64 of 16 bytes
constexpr std::uint64_t kMaxControl = 125;  // bytes of a control frame (section 5.5)
constexpr std::uint64_t kLength16 = 126;
constexpr std::uint64_t kLength64 = 127;
constexpr std::size_t kMaskBytes = 4;

bool is_key(std::string_view text) {
  return text.size() == kKeyCharacters && text.ends_with("==") &&
         std::ranges::all_of(text.substr(0, kKeyCharacters - 2), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
         });
}

// Section 4.2.2, number 5.4.
std::string accept_value(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, 4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), digest.size());
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

Response upgrade_required(std::string_view detail) {
  Response response = problem(426, detail);
  response.fields.add("Upgrade", "websocket");
  response.fields.add("Connection", "Upgrade");
  response.fields.add("Sec-WebSocket-Version", "13");
  return response;
}

// How many bytes a sequence has that begins with this one, and the least that its second may be
// and the greatest; 0 bytes: none begins so (RFC 3629 section 4).
struct Sequence {
  std::size_t bytes;
  unsigned char least = 0x80;
  unsigned char greatest = 0xBF;
};
Sequence sequence_of(unsigned char first) {
  if (first < 0x80) return {1};
  if (first < 0xC2) return {0};
  if (first < 0xE0) return {2};
  if (first == 0xE0) return {3, 0xA0};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first < 0xF0) return {3};
  if (first == 0xF0) return {4, 0x90};
  if (first < 0xF4) return {4};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const Sequence sequence = sequence_of(at(0));
    if (sequence.bytes == 0 || text.size() < sequence.bytes) return false;
    if (sequence.bytes > 1 && (at(1) < sequence.least || at(1) > sequence.greatest)) return false;
    for (std::size_t i = 2; i < sequence.bytes; ++i) {
      if ((at(i) & 0xC0U) != 0x80U) return false;
    }
    text.remove_prefix(sequence.bytes);
  }
  return true;
}

// Section 7.4: whether a client may send it.
bool is_close_code(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1011) ||
         (code >= 3000 && code <= 4999);
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

void append_big_endian(std::string& out, std::uint64_t value, unsigned bytes) {
  while (bytes-- > 0) out += static_cast<char>(value >> 8U * bytes & 0xFFU);
}

bool is_control(Opcode opcode) {
  return opcode >= Opcode::close;
}

}  // namespace

Response websocket_answer(const Request& request, std::string_view subprotocol) {
  const Fields& fields = request.fields;
  if (!fields.lists("Upgrade", "websocket") || !fields.lists("Connection", "upgrade")) {
    return upgrade_required("this address is for WebSocket (RFC 6455)");
  }
  if (fields.get("Sec-WebSocket-Version") != "13") {
    return upgrade_required("the version of WebSocket is 13");
  }
  const std::string_view key = fields.get("Sec-WebSocket-Key");
  if (request.method != "GET" || !is_key(key)) {
    return problem(400, "not a handshake of WebSocket (RFC 6455 section 4.1)");
  }
  if (!fields.lists("Sec-WebSocket-Protocol", subprotocol)) {
    return problem(400, "the subprotocol '" + std::string(subprotocol) + "' has to be asked for");
  }
  return {.status = 101,
          .fields = {{"Upgrade", "websocket"},
                     {"Connection", "Upgrade"},
                     {"Sec-WebSocket-Accept", accept_value(key)},
                     {"Sec-WebSocket-Protocol", std::string(subprotocol)}}};
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  out += static_cast<char>(0x80U | static_cast<unsigned>(opcode));
  if (payload.size() <= kMaxControl) {
    out += static_cast<char>(payload.size());
  } else if (payload.size() <= 0xFFFF) {
    out += static_cast<char>(kLength16);
    append_big_endian(out, payload.size(), 2);
  } else {
    out += static_cast<char>(kLength64);
    append_big_endian(out, payload.size(), 8);
  }
  out += payload;
}

void append_close_frame(std::string& out, CloseCode code, std::string_view reason) {
  std::string payload;
  append_big_endian(payload, static_cast<std::uint64_t>(code), 2);
  payload += reason.substr(0, kMaxControl - payload.size());
  append_frame(out, Opcode::close, payload);
}

struct FrameReader::Unfinished {
  // The header's bytes as far as they have come, and how many it has, as far as that is known.
  std::string header;
  std::size_t header_bytes = 2;
  bool in_payload = false;

  Opcode opcode = Opcode::text;
  bool last = false;  // of its message
  std::uint64_t left = 0;
  std::array<char, kMaskBytes> mask{};
  std::size_t mask_at = 0;
  std::string control;

  bool in_message = false;  // the first frame has come, the last has not ended
  std::string message;
};

FrameReader::FrameReader(std::size_t max_message) : max_message_(max_message) {}
FrameReader::~FrameReader() = default;

bool FrameReader::refuse(CloseCode code, std::string_view why) {
  code_ = code;
  error_ = why;
  unfinished_.reset();
  return false;
}

FrameReader::Event FrameReader::next(std::string_view& input) {
  while (error_.empty()) {
    if (input.empty() && (!unfinished_ || !unfinished_->in_payload || unfinished_->left > 0)) {
      return {};
    }
    if (!unfinished_) unfinished_ = std::make_unique<Unfinished>();
    Unfinished& frame = *unfinished_;
    if (!frame.in_payload) {
      const std::size_t taken = std::min(frame.header_bytes - frame.header.size(), input.size());
      frame.header += input.substr(0, taken);
      input.remove_prefix(taken);
      if (frame.header.size() == frame.header_bytes && !begin_frame(frame)) break;
      continue;
    }
    const std::size_t taken = std::min<std::uint64_t>(frame.left, input.size());
    std::string& payload = is_control(frame.opcode) ? frame.control : frame.message;
    for (const char c : input.substr(0, taken)) {
      payload += static_cast<char>(c ^ frame.mask[frame.mask_at]);
      frame.mask_at = (frame.mask_at + 1) % kMaskBytes;
    }
    input.remove_prefix(taken);
    frame.left -= taken;
    if (frame.left > 0) continue;
    Event event = end_frame();
    if (event.kind != Event::Kind::need_more) return event;
  }
  input = {};
  return failure();
}

// With the first two bytes it learns how long the header is; with all of it, the rest.
bool FrameReader::begin_frame(Unfinished& frame) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(frame.header[i]); };
  const std::uint64_t short_length = byte(1) & 0x7FU;
  if (frame.header.size() == 2) {
    frame.last = (byte(0) & 0x80U) != 0;
    frame.opcode = static_cast<Opcode>(byte(0) & 0x0FU);
    if ((byte(0) & 0x70U) != 0) {
      return refuse(CloseCode::protocol_error, "a reserved bit is set");
    }
    if ((byte(1) & 0x80U) == 0) {
      return refuse(CloseCode::protocol_error, "a client's frames are masked");
    }
    switch (frame.opcode) {
      case Opcode::binary:
        return refuse(CloseCode::unsupported_data, "only text is spoken here");
      case Opcode::text:
        if (frame.in_message) {
          return refuse(CloseCode::protocol_error, "a message begins in the midst of another");
        }
        break;
      case Opcode::continuation:
        if (!frame.in_message) {
          return refuse(CloseCode::protocol_error, "there is no message to continue");
        }
        break;
      case Opcode::close:
      case Opcode::ping:
      case Opcode::pong:
        if (!frame.last || short_length > kMaxControl) {
          return refuse(CloseCode::protocol_error, "a control frame is short and whole");
        }
        break;
      default:
        return refuse(CloseCode::protocol_error, "no such opcode");
    }
    frame.header_bytes += kMaskBytes;
    if (short_length == kLength16) frame.header_bytes += 2;
    if (short_length == kLength64) frame.header_bytes += 8;
    return true;
  }
  const std::string_view header = frame.header;
  const std::size_t length_bytes = header.size() - 2 - kMaskBytes;
  frame.left = length_bytes == 0 ? short_length : big_endian(header.substr(2, length_bytes));
  if (length_bytes == 2 && frame.left <= kMaxControl) {
    return refuse(CloseCode::protocol_error, "a length is not written in the shortest way");
  }
  if (length_bytes == 8 && (frame.left <= 0xFFFF || frame.left >> 63U != 0)) {
    return refuse(CloseCode::protocol_error, "a length is not written in the shortest way");
  }
  if (!is_control(frame.opcode) &&
      (frame.left > max_message_ || frame.message.size() > max_message_ - frame.left)) {
    return refuse(CloseCode::message_too_big, "the message is too long");
  }
  std::ranges::copy(header.substr(header.size() - kMaskBytes), frame.mask.begin());
  frame.mask_at = 0;
  frame.in_payload = true;
  return true;
}

FrameReader::Event FrameReader::end_frame() {
  Unfinished& frame = *unfinished_;
  const Opcode opcode = frame.opcode;
  frame.in_payload = false;
  frame.header.clear();
  frame.header_bytes = 2;
  if (!is_control(opcode)) {
    frame.in_message = !frame.last;
    if (!frame.last) return {};
    std::string message = std::move(frame.message);
    unfinished_.reset();
    if (is_utf8(message)) return {Event::Kind::text, std::move(message)};
    refuse(CloseCode::invalid_payload, "the text is not UTF-8");
    return failure();
  }
  std::string control = std::exchange(frame.control, {});
  if (!frame.in_message) unfinished_.reset();
  if (opcode == Opcode::ping) return {Event::Kind::ping, std::move(control)};
  if (opcode == Opcode::pong) return {Event::Kind::pong, std::move(control)};
  const std::string_view reason =
      std::string_view(control).substr(std::min<std::size_t>(2, control.size()));
  if (!control.empty() &&
      (control.size() == 1 ||
       !is_close_code(static_cast<unsigned>(big_endian(std::string_view(control).substr(0, 2)))) ||
       !is_utf8(reason))) {
    refuse(CloseCode::protocol_error, "not a code to close with");
    return failure();
  }
  return {Event::Kind::close, std::move(control)};
}

}  // namespace starling::http
