// StreamManagement: the counters and queues of one session's XEP-0198, without the stream.
//
// Towards the client: what it was sent and has not acknowledged. From the client: which of its
// stanzas the server has dealt with, so that `h` counts those, without a gap, whose consequences
// are durable or answered (xmpp/receipt.h). It outlives the streams of its session and is used on
// the account's home worker; only receipts may be let go on other threads.
//
// The `h` of a session that can be resumed is told no sooner than a crash would leave it: either
// the marks of what the client's archive has say it (core/archive_mark.h), or a note in the store
// that is written first (core/remains.h).
#pragma once

#include <array>
#include <boost/container/deque.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/task.h"
#include "core/archive_mark.h"
#include "core/owed.h"
#include "core/remains.h"
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
  // What <a/> may tell: handled(), or less as long as a crash would leave less.
  [[nodiscard]] std::uint32_t told() const { return resumable_ ? sure_ : handled_; }
  // True while an <r/> waits that handled(), or told() already, would answer; answered() says that
  // told() did.
  [[nodiscard]] bool answerable() const { return asked_ && handled_ - first_asked_ < kHalf; }
  [[nodiscard]] bool answer_due() const {
    return asked_ && (!resumable_ || noted_) && told() - first_asked_ < kHalf;
  }
  [[nodiscard]] bool asked_and_waiting() const { return asked_; }
  void answered();
  // Called, on the loop, when handled() or told() has risen.
  void on_progress(std::function<void()> progress) { progress_ = std::move(progress); }
  // Called, on the loop, when nothing is in hand or being noted: what is managed can change hands.
  // There may be several who wait for that; whoever had on_progress() hears nothing any more.
  void when_all_is_dealt_with(std::move_only_function<void()> fn);

  // --- what a crash leaves ---

  // It can be resumed by this id.
  void resumable_by(std::string_view id);
  // It has ended, or is parked: its note is erased, and no other follows. That may fail, so told()
  // stays what it is.
  [[nodiscard]] bool to_forget() const { return resumable_ && !forgotten_; }
  void forgotten() { forgotten_ = true; }
  // The client itself has ended it, and will not resume.
  void closed() { resumable_ = false; }
  // A crash would leave less than handled().
  [[nodiscard]] bool to_note() const { return to_forget() && (!noted_ || sure_ != handled_); }
  // One is being written.
  [[nodiscard]] bool noting() const { return noting_; }
  // What is to be written, now; `last` is the last id that the archive has given.
  [[nodiscard]] core::Remains::Note begin_note(core::ArchiveId last);
  // It was; or not.
  void noted(std::uint32_t handled, bool written = true);

  // --- to the client ---

  void sent(const xmpp::Stanza& stanza);
  [[nodiscard]] std::size_t unacknowledged() const { return queue_.size(); }
  [[nodiscard]] std::size_t unacknowledged_bytes() const { return queue_bytes_; }
  [[nodiscard]] const auto& queue() const { return queue_; }
  // The client acknowledged up to `h`. False if it cannot have (section 5, handled-count-too-high).
  // Of what it acknowledged, the ids of archived messages are added to `archived`; `each` is called
  // with every stanza.
  [[nodiscard]] bool acknowledge(
      std::uint32_t h, std::vector<core::ArchiveId>& archived,
      const std::function<void(const xmpp::Stanza&)>& each = [](const xmpp::Stanza&) {});
  std::vector<xmpp::Stanza> take_queue();
  [[nodiscard]] std::uint32_t sent_count() const { return sent_; }

  // It has been idle for a while: gives back what its queues hold for the next burst.
  void release_memory() {
    if (in_hand_.empty()) Queue<InHand>().swap(in_hand_);
    if (queue_.empty()) Queue<xmpp::Stanza>().swap(queue_);
  }

 private:
  // Holds no memory before it is used, unlike the standard's.
  template <class T>
  using Queue = boost::container::deque<T>;

  static constexpr std::uint32_t kHalf = std::uint32_t{1} << 31;  // counters wrap around

  struct InHand {
    core::ArchiveId archive_id = 0;  // in the client's own archive
    std::uint32_t handled = 0;       // when it got that
    bool done = false;
  };

  void dealt_with(std::uint32_t number, std::size_t bytes) override;
  std::string archiving(std::uint32_t number, std::uint64_t id) override;
  void not_archived(std::uint32_t number) override;
  InHand* find_in_hand(std::uint32_t number);
  void progressed();
  void raise_sure(std::uint32_t to) {
    if (to - sure_ < kHalf) sure_ = to;
  }

  EventLoop& loop_;
  std::function<void()> progress_;
  std::vector<std::move_only_function<void()>> waiting_;

  std::uint32_t handled_ = 0;
  std::uint32_t sure_ = 0;         // so many a crash would leave, if there is a note
  Queue<InHand> in_hand_;          // stanzas after handled_; the first is not done
  std::size_t in_hand_bytes_ = 0;  // of those not done
  std::array<char, core::ArchiveMark::kTagBytes> tag_{};
  bool resumable_ = false;
  bool noted_ = false;
  bool noting_ = false;
  bool forgotten_ = false;
  bool asked_ = false;
  std::uint32_t first_asked_ = 0;  // the least and the greatest h that answers what was asked
  std::uint32_t last_asked_ = 0;

  std::uint32_t sent_ = 0;
  Queue<xmpp::Stanza> queue_;  // the last of those sent_
  std::size_t queue_bytes_ = 0;
};

// Until everything that came from the client is dealt with.
Task<void> all_dealt_with(std::shared_ptr<StreamManagement> state);

}  // namespace starling::stream
