// What a WebSocket client sends, for tests.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "http/websocket.h"

namespace starling::http::test {

// A frame with its payload masked, of any length.
inline std::string client_frame(Opcode opcode, std::string_view payload, bool last = true) {
  constexpr std::array<unsigned char, 4> kMask{0x37, 0xFA, 0x21, 0x3D};
  std::string frame;
  append_frame(frame, opcode, payload);
  const std::size_t header = frame.size() - payload.size();
  if (!last) frame[0] = static_cast<char>(frame[0] & 0x7F);
  frame[1] = static_cast<char>(frame[1] | 0x80);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame[header + i] = static_cast<char>(frame[header + i] ^ kMask[i % kMask.size()]);
  }
  frame.insert(header, reinterpret_cast<const char*>(kMask.data()), kMask.size());
  return frame;
}

// Takes the first frame off what a server sent; its payload. The opcode is set.
inline std::string take_frame(std::string& bytes, Opcode& opcode) {
  opcode = static_cast<Opcode>(bytes.at(0) & 0x0F);
  std::size_t length = static_cast<unsigned char>(bytes.at(1));
  std::size_t header = 2;
  if (length >= 126) {
    header = length == 126 ? 4 : 10;
    length = 0;
    for (std::size_t i = 2; i < header; ++i) {
      length = length << 8U | static_cast<unsigned char>(bytes.at(i));
    }
  }
  std::string payload = bytes.substr(header, length);
  bytes.erase(0, header + length);
  return payload;
}

}  // namespace starling::http::test
