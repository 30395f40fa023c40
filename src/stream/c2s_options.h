// What a c2s listener's streams are allowed and offered.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "config/options.h"
#include "net/tls.h"
#include "xml/stream_scanner.h"

namespace starling::stream {

struct C2sOptions {
  std::shared_ptr<net::TlsContext> tls;  // nullptr: no STARTTLS is offered
  bool direct_tls = false;               // TLS from the first byte (XEP-0368)
  bool starttls_required = true;         // nothing but STARTTLS before TLS (RFC 6120 section 5.3.1)

  std::string access = "all";  // access rule: who may log in here

  // Before authentication a client needs little; RFC 6120 section 13.12 asks for 10,000 bytes.
  xml::Limits limits_before_auth{
      .max_stanza_bytes = 16'384, .max_depth = 8, .max_attributes = 32, .max_elements = 256};
  xml::Limits limits;

  int max_auth_failures = 5;  // wrong passwords; then the stream ends (RFC 6120 section 6.4.5)
  std::chrono::seconds negotiation_timeout{60};  // from accept to a bound resource
  std::chrono::seconds ping_after{300};          // silence after which the server asks (XEP-0199)
  std::chrono::seconds ping_timeout{60};  // further silence after which the stream is given up
  std::size_t max_queued_bytes = 4 * 1024 * 1024;  // unread by a slow client: then it is dropped

  // Stream management (XEP-0198). What a client may leave unacknowledged is bounded in bytes, too.
  config::StreamManagementOptions stream_management;
  std::size_t max_unacknowledged_bytes = 16 * 1024 * 1024;
  // Stanzas of a client that wait for the disk at once; beyond, nothing more is read from it.
  std::size_t max_in_hand = 2'000;
  std::size_t max_in_hand_bytes = 4 * 1024 * 1024;
};

}  // namespace starling::stream
