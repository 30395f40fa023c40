// The <body/> in which BOSH wraps what goes both ways (XEP-0124 section 5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "xml/stream_scanner.h"

namespace starling::web {

inline constexpr std::string_view kHttpBind = "http://jabber.org/protocol/httpbind";

// What a client asks. Texts are "" if they are not there.
struct BoshRequest {
  std::uint64_t rid = 0;
  std::string sid;  // "": a new session is wanted
  std::string to;
  std::string from;
  std::string lang;
  std::string version;                 // of XMPP
  std::optional<std::uint32_t> wait;   // seconds
  std::optional<std::uint32_t> hold;   // requests
  std::optional<std::uint32_t> pause;  // seconds
  bool terminate = false;
  bool restart = false;
  std::string payload;  // the elements in it, as a client's stream would have them

  // It only gives the server an opportunity to answer.
  [[nodiscard]] bool is_empty() const {
    return payload.empty() && !terminate && !restart && !pause;
  }
};

// nullopt if it is none.
[[nodiscard]] std::optional<BoshRequest> parse_bosh_request(std::string_view body,
                                                            const xml::Limits& limits);

// The last <body/> of a session (section 17.2).
[[nodiscard]] std::string terminate_body(std::string_view condition);

}  // namespace starling::web
