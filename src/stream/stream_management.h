// StreamManagement: the counters and queues of one session's XEP-0198, without the stream.
//
// Towards the client: what it was sent and has not acknowledged. From the client: which of its
// stanzas the server has dealt with, so that `h` counts those, without a gap, whose consequences
// are durable or answered (xmpp/receipt.h). It outlives the streams of its session and is used on
// the account's home worker; only receipts may be let go on other threads.
#pragma once

#include <boost/container/deque.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/task.h"
#include "core/owed.h"
#include "stream/intake.h"
#include "xmpp/stanza.h"

namespace starling::stream {

class StreamManagement final : public Intake,
                               public std::enable_shared_from_this<StreamManagement> {
 public:
  explicit StreamManagement(EventLoop& loop) : loop_(loop) {}
  // One that goes on where another was, which had nothing in hand.
  StreamManagement(EventLoop& loop, std::uint32_t handled, std::uint32_t sent,
                   const std::vector<xmpp::Stanza>& queue);

  // --- from the client ---

  // A stanza of so many bytes came. The receipt is to be given to it.
  [[nodiscard]] xmpp::ReceiptPtr received(std::size_t bytes = 0);
  // The client asked for an acknowledgement (<r/>) of all that came so far.
  void asked();
  // So many stanzas were dealt with, modulo 2^32.
  [[nodiscard]] std::uint32_t handled() const { return handled_; }
  // So many are not yet.
  [[nodiscard]] std::size_t in_hand() const { return in_hand_.size(); }
  [[nodiscard]] std::size_t in_hand_bytes() const { return in_hand_bytes_; }
  // True while an <r/> waits that handled() would answer; answered() says that it was.
  [[nodiscard]] bool answer_due() const { return asked_ && handled_ - first_asked_ < kHalf; }
  [[nodiscard]] bool asked_and_waiting() const { return asked_; }
  void answered();
  // Called, on the loop, when handled() has risen, and when it will not any more.
  void on_progress(std::function<void()> progress) { progress_ = std::move(progress); }
  void give_up() const {
    if (progress_) progress_();
  }

  // --- to the client ---

  void sent(const xmpp::Stanza& stanza);
  [[nodiscard]] std::size_t unacknowledged() const { return queue_.size(); }
  [[nodiscard]] std::size_t unacknowledged_bytes() const { return queue_bytes_; }
  [[nodiscard]] const auto& queue() const { return queue_; }
  // The client acknowledged up to `h`. False if it cannot have (section 5, handled-count-too-high).
  // Of what it acknowledged, the ids of archived messages are added to `archived`.
  [[nodiscard]] bool acknowledge(std::uint32_t h, std::vector<core::ArchiveId>& archived);
  std::vector<xmpp::Stanza> take_queue();
  [[nodiscard]] std::uint32_t sent_count() const { return sent_; }

  // It has been idle for a while: gives back what its queues hold for the next burst.
  void release_memory() {
    if (in_hand_.empty()) Queue<bool>().swap(in_hand_);
    if (queue_.empty()) Queue<xmpp::Stanza>().swap(queue_);
  }

 private:
  // Holds no memory before it is used, unlike the standard's.
  template <class T>
  using Queue = boost::container::deque<T>;

  static constexpr std::uint32_t kHalf = std::uint32_t{1} << 31;  // counters wrap around

  void dealt_with(std::uint32_t number, std::size_t bytes) override;

  EventLoop& loop_;
  std::function<void()> progress_;

  std::uint32_t handled_ = 0;
  Queue<bool> in_hand_;            // stanzas after handled_: done or not; the first is not
  std::size_t in_hand_bytes_ = 0;  // of those not done
  bool asked_ = false;
  std::uint32_t first_asked_ = 0;  // the least and the greatest h that answers what was asked
  std::uint32_t last_asked_ = 0;

  std::uint32_t sent_ = 0;
  Queue<xmpp::Stanza> queue_;  // the last of those sent_
  std::size_t queue_bytes_ = 0;
};

// Until everything that came from the client is dealt with, or nothing more will be.
Task<void> all_dealt_with(EventLoop& loop, std::shared_ptr<StreamManagement> state);

}  // namespace starling::stream
