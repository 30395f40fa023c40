// Trace: shows an operator the stanzas of one account's streams while they pass (starlingctl
// trace). Off, it costs a look at a list that is empty.
//
// What people write shows only if the configuration allows it and the operator asks for it: else
// all text is replaced by its length, but for the show and priority of presence and the texts of
// errors. Passwords, tokens and secrets never show.
//
// One per worker, used on its thread only; an account's streams are on its home worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/session.h"
#include "xml/document.h"
#include "xmpp/jid.h"

namespace starling::core {

class Trace {
 public:
  enum class Direction : std::uint8_t { in, out };  // from the client, to it

  enum class Texts : std::uint8_t { lengths, shown };

  struct Line {
    std::int64_t time_us = 0;  // wall clock
    Direction direction = Direction::in;
    std::uint64_t stream = 0;
    SessionId session = 0;
    xmpp::Jid jid;         // full
    std::size_t size = 0;  // bytes, as on the wire
    xmpp::TraceId trace_id;
    std::string xml;
  };
  // Must be quick, and must not watch or unwatch.
  using Sink = std::function<void(const Line&)>;

  // Everything of one account (bare JID) or of one session (full JID). Returns what to unwatch.
  std::uint64_t watch(xmpp::Jid jid, Sink sink, Texts texts = Texts::lengths);
  void unwatch(std::uint64_t id);

  [[nodiscard]] bool watches(const xmpp::Jid& full) const {
    return !watches_.empty() && watched(full);
  }
  // A stanza passes of a session that is watched. `size` is that on the wire.
  void stanza(Direction direction, std::uint64_t stream, const Session& session,
              const xml::Element& element, std::size_t size, xmpp::TraceId trace_id) const;
  void stanza(Direction direction, std::uint64_t stream, const Session& session,
              const xmpp::Stanza& stanza) const;

 private:
  struct Watch {
    std::uint64_t id;
    xmpp::Jid jid;
    Sink sink;
    Texts texts;

    [[nodiscard]] bool is_of(const xmpp::Jid& full) const {
      return jid == full || jid.full() == full.bare();
    }
  };
  [[nodiscard]] bool watched(const xmpp::Jid& full) const;

  std::vector<Watch> watches_;
  std::uint64_t last_ = 0;
};

// The element without secrets, and without what people write unless that is to be shown.
[[nodiscard]] std::string redacted(const xml::Element& element,
                                   Trace::Texts texts = Trace::Texts::lengths);

}  // namespace starling::core
