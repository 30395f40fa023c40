// What a c2s listener's streams are allowed and offered. What depends on the host (pings, stream
// management) is in its config::HostOptions.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "config/access.h"
#include "config/config.h"
#include "config/options.h"
#include "net/tls.h"
#include "xml/stream_scanner.h"

namespace starling::stream {

struct C2sOptions {
  std::shared_ptr<net::TlsContext> tls;  // nullptr: no STARTTLS is offered
  bool direct_tls = false;               // TLS from the first byte (XEP-0368)
  bool starttls_required = true;         // nothing but STARTTLS before TLS (RFC 6120 section 5.3.1)

  // Its clients come by an address of the web, so that another node's for TCP is none for them.
  bool over_http = false;

  std::string access = "all";  // access rule: who may log in here

  // Before authentication a client needs little; RFC 6120 section 13.12 asks for 10,000 bytes.
  xml::Limits limits_before_auth{
      .max_stanza_bytes = 16'384, .max_depth = 8, .max_attributes = 32, .max_elements = 256};
  xml::Limits limits;

  // How fast a stream is read: until log-in, which takes a few thousand bytes, and by whose session
  // it is from then on. nullptr: as fast as it comes.
  std::shared_ptr<const config::Shaper> shaper_before_auth = std::make_shared<config::Shaper>(
      config::Shaper{.rate = 8'192, .burst_size = 32'768, .stanza_rate = 10, .stanza_burst = 50});
  std::function<std::shared_ptr<const config::Shaper>(const config::Subject&)> shaper;

  int max_auth_failures = 5;  // wrong passwords; then the stream ends (RFC 6120 section 6.4.5)
  std::chrono::seconds negotiation_timeout{60};    // from accept to a bound resource
  std::size_t max_queued_bytes = 4 * 1024 * 1024;  // unread by a slow client: then it is dropped
};

}  // namespace starling::stream
