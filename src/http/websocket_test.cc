#include "http/websocket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "http/websocket_test_client.h"

namespace starling::http {
namespace {

using Kind = FrameReader::Event::Kind;
using test::client_frame;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kMax = 100'000;

Request handshake() {
  Request request;
  request.method = "GET";
  request.fields = {{"Upgrade", "WebSocket"},
                    {"Connection", "keep-alive, Upgrade"},
                    {"Sec-WebSocket-Version", "13"},
                    {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                    {"Sec-WebSocket-Protocol", "chat, xmpp"}};
  return request;
}

Request without(std::string_view name, std::string_view instead = {}) {
  Request request = handshake();
  Fields fields;
  for (const auto& [key, value] : request.fields) {
    if (key != name) fields.add(key, value);
  }
  if (!instead.empty()) fields.add(std::string(name), std::string(instead));
  request.fields = fields;
  return request;
}

TEST(WebSocketHandshake, IsAccepted) {
  const Response answer = websocket_answer(handshake(), "xmpp");
  EXPECT_EQ(answer.status, 101);
  // The example of section 1.3.
  EXPECT_EQ(answer.fields.get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(answer.fields.get("Sec-WebSocket-Protocol"), "xmpp");
}

TEST(WebSocketHandshake, IsRefusedWithAClearWord) {
  const std::vector<std::tuple<Request, unsigned, std::string>> cases{
      {without("Upgrade"), 426, "is for WebSocket"},
      {without("Connection"), 426, "is for WebSocket"},
      {without("Sec-WebSocket-Version", "8"), 426, "version"},
      {without("Sec-WebSocket-Key"), 400, "handshake"},
      {without("Sec-WebSocket-Key", "c2hvcnQ="), 400, "handshake"},
      {without("Sec-WebSocket-Protocol", "chat"), 400, "'xmpp'"},
  };
  for (const auto& [request, status, words] : cases) {
    const Response answer = websocket_answer(request, "xmpp");
    EXPECT_EQ(answer.status, status);
    EXPECT_THAT(answer.body, HasSubstr(words));
    EXPECT_EQ(answer.fields.has("Sec-WebSocket-Version"), status == 426);
  }
}

// All that comes of the bytes, however they are cut.
std::vector<FrameReader::Event> events_of(std::string_view bytes, std::size_t piece) {
  FrameReader reader(kMax);
  std::vector<FrameReader::Event> events;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    for (;;) {
      auto event = reader.next(part);
      if (event.kind == Kind::need_more) break;
      events.push_back(std::move(event));
      if (events.back().kind == Kind::error) return events;
    }
  }
  EXPECT_TRUE(reader.idle());
  return events;
}

TEST(FrameReader, Messages_PingsBetweenTheirFrames_HoweverCut) {
  const std::string medium(300, 'm');
  const std::string large(70'000, 'l');
  const std::string bytes =
      client_frame(Opcode::text, "one") + client_frame(Opcode::text, "tw", false) +
      client_frame(Opcode::ping, "?") + client_frame(Opcode::continuation, "", false) +
      client_frame(Opcode::continuation, "o") + client_frame(Opcode::text, "") +
      client_frame(Opcode::text, medium) + client_frame(Opcode::text, large) +
      client_frame(Opcode::pong, "") +
      client_frame(Opcode::close,
                   "\x03\xE8"
                   "bye");
  const std::vector<std::pair<Kind, std::string>> expected{{Kind::text, "one"},
                                                           {Kind::ping, "?"},
                                                           {Kind::text, "two"},
                                                           {Kind::text, ""},
                                                           {Kind::text, medium},
                                                           {Kind::text, large},
                                                           {Kind::pong, ""},
                                                           {Kind::close,
                                                            "\x03\xE8"
                                                            "bye"}};
  for (const std::size_t piece : {bytes.size(), std::size_t{1}, std::size_t{7}}) {
    const auto events = events_of(bytes, piece);
    ASSERT_EQ(events.size(), expected.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i].kind, expected[i].first);
      EXPECT_EQ(events[i].payload, expected[i].second);
    }
  }
}

TEST(FrameReader, RefusesWhatIsNotAllowed) {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, CloseCode>> cases{
      {"\x81\x01x"s, CloseCode::protocol_error},         // not masked
      {"\xC1\x80\0\0\0\0"s, CloseCode::protocol_error},  // reserved bit
      {"\x83\x80\0\0\0\0"s, CloseCode::protocol_error},  // opcode 3
      {client_frame(Opcode::binary, "x"), CloseCode::unsupported_data},
      {client_frame(Opcode::continuation, "x"), CloseCode::protocol_error},
      {client_frame(Opcode::text, "x", false) + client_frame(Opcode::text, "y"),
       CloseCode::protocol_error},
      {client_frame(Opcode::ping, "x", false), CloseCode::protocol_error},
      {client_frame(Opcode::ping, std::string(126, 'x')), CloseCode::protocol_error},
      {"\x81\xFE\0\x05\0\0\0\0"s, CloseCode::protocol_error},                   // 5 in two bytes
      {"\x81\xFF\x80\0\0\0\0\0\0\0\0\0\0\0"s, CloseCode::protocol_error},       // 2^63
      {"\x81\xFF\0\0\0\0\0\x01\x86\xA1\0\0\0\0"s, CloseCode::message_too_big},  // before it comes
      {client_frame(Opcode::text, std::string(kMax, 'x'), false) +
           client_frame(Opcode::continuation, "x"),
       CloseCode::message_too_big},
      {client_frame(Opcode::text, "\xC0\x80"), CloseCode::invalid_payload},
      {client_frame(Opcode::text, "\xED\xA0\x80"), CloseCode::invalid_payload},  // a surrogate
      {client_frame(Opcode::text, "\xE2\x82"), CloseCode::invalid_payload},
      {client_frame(Opcode::close, "x"), CloseCode::protocol_error},
      {client_frame(Opcode::close, "\x03\xED"), CloseCode::protocol_error},  // 1005
      {client_frame(Opcode::close, "\x03\xE8\xFF"), CloseCode::protocol_error},
  };
  for (const auto& [bytes, code] : cases) {
    const auto events = events_of(bytes, bytes.size());
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, Kind::error);
    EXPECT_EQ(events[0].code, code) << events[0].payload;
    EXPECT_FALSE(events[0].payload.empty());
  }
}

TEST(FrameReader, UmlautsAndSymbols_AreText) {
  const std::string text = "Grüße 😀 \xF4\x8F\xBF\xBF \xED\x9F\xBF";
  EXPECT_EQ(events_of(client_frame(Opcode::text, text), 3).at(0).payload, text);
}

TEST(AppendFrame, Close) {
  std::string out;
  append_close_frame(out, CloseCode::invalid_payload, "no");
  EXPECT_EQ(out,
            "\x88\x04\x03\xEF"
            "no");
  out.clear();
  append_close_frame(out, CloseCode::normal, std::string(200, 'x'));
  EXPECT_EQ(out.size(), 127U);
}

}  // namespace
}  // namespace starling::http
