// Intake: who counts the stanzas that came from a client, and learns when each was dealt with.
//
// A stanza's receipt (xmpp/receipt.h) goes with it wherever it goes and may be let go on any
// thread; the intake is told on its own loop. Implemented by the stream, which only counts them,
// and by stream management, which acknowledges them in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "xmpp/receipt.h"

namespace starling::stream {

class Intake {
 public:
  virtual ~Intake() = default;
  // On the intake's loop: the stanza of this number, of so many bytes, was dealt with.
  virtual void dealt_with(std::uint32_t number, std::size_t bytes) = 0;
  // See xmpp::Receipt.
  virtual std::string archiving(std::uint32_t /*number*/, std::uint64_t /*id*/) { return {}; }
  virtual void not_archived(std::uint32_t /*number*/) {}
};

// The receipt of one stanza. `loop` is the intake's and outlives the receipt; an intake that is
// gone by then is not told.
[[nodiscard]] xmpp::ReceiptPtr make_receipt(EventLoop& loop, std::weak_ptr<Intake> intake,
                                            std::uint32_t number, std::size_t bytes);

// A stanza with this receipt is given to the outbox of one of its addressees: how long it took to
// get there is counted, if the receipt is of a client of this node, and one of those measured.
void note_routed(const xmpp::ReceiptPtr& receipt);

}  // namespace starling::stream
