#include "stream/stream_management.h"

#include <algorithm>
#include <utility>

namespace starling::stream {

// A stanza that has been dealt with.
struct StreamManagement::Done {
  std::weak_ptr<StreamManagement> owner;
  std::uint32_t number;
  std::size_t bytes;

  void tell() const {
    if (const auto alive = owner.lock()) alive->done(number, bytes);
  }
};

// Those that this thread has dealt with for other loops. What one turn makes leaves at its end in
// one piece: one call across threads for many stanzas.
class StreamManagement::Elsewhere {
 public:
  static void add(EventLoop& loop, Done done) {
    EventLoop* const here = EventLoop::current();
    if (here == nullptr) return loop.post([done = std::move(done)] { done.tell(); });
    static thread_local Elsewhere elsewhere;
    if (!std::exchange(elsewhere.planned_, true)) here->at_turn_end([] { elsewhere.send(); });
    auto& batches = elsewhere.batches_;
    auto batch = std::ranges::find(batches, &loop, &Batch::loop);
    if (batch == batches.end()) batch = batches.insert(batch, {&loop, {}});
    batch->done.push_back(std::move(done));
  }

 private:
  struct Batch {
    EventLoop* loop;
    std::vector<Done> done;
  };
  void send() {
    planned_ = false;
    for (Batch& batch : std::exchange(batches_, {})) {
      batch.loop->post([done = std::move(batch.done)] {
        for (const Done& one : done) one.tell();
      });
    }
  }

  std::vector<Batch> batches_;
  bool planned_ = false;
};

// The receipt of one stanza. Counts by itself when it is destroyed.
class StreamManagement::Slot final : public xmpp::Receipt {
 public:
  Slot(EventLoop& loop, Done done) : loop_(loop), done_(std::move(done)) {}
  ~Slot() override {
    if (EventLoop::current() == &loop_) {
      done_.tell();
    } else if (!done_.owner.expired()) {
      Elsewhere::add(loop_, std::move(done_));
    }
  }

 private:
  EventLoop& loop_;
  Done done_;
};

xmpp::ReceiptPtr StreamManagement::received(std::size_t bytes) {
  in_hand_.push_back(false);
  in_hand_bytes_ += bytes;
  const auto number = handled_ + static_cast<std::uint32_t>(in_hand_.size());
  return {new Slot(loop_, {weak_from_this(), number, bytes})};
}

void StreamManagement::done(std::uint32_t number, std::size_t bytes) {
  in_hand_bytes_ -= bytes;
  const std::uint32_t place = number - handled_ - 1;
  if (place >= in_hand_.size()) return;
  in_hand_[place] = true;
  if (place != 0) return;
  while (!in_hand_.empty() && in_hand_.front()) {
    in_hand_.pop_front();
    ++handled_;
  }
  if (progress_) progress_();
}

void StreamManagement::asked() {
  last_asked_ = handled_ + static_cast<std::uint32_t>(in_hand_.size());
  if (!std::exchange(asked_, true)) first_asked_ = last_asked_;
}

// One <a/> answers every <r/> that its h covers; later ones go on waiting, if only for the last.
void StreamManagement::answered() {
  asked_ = handled_ != last_asked_;
  first_asked_ = last_asked_;
}

void StreamManagement::sent(const xmpp::Stanza& stanza) {
  ++sent_;
  queue_bytes_ += stanza.element().document().memory();
  queue_.push_back(stanza);
  queue_.back().drop_receipt();  // its sender does not wait for this client
}

bool StreamManagement::acknowledge(std::uint32_t h, std::vector<core::ArchiveId>& archived) {
  const auto remaining = static_cast<std::size_t>(sent_ - h);
  if (remaining > queue_.size()) {
    // More than was sent; or less than was acknowledged before, which may be an old <a/>.
    return h - sent_ >= kHalf;
  }
  while (queue_.size() > remaining) {
    const xmpp::Stanza& stanza = queue_.front();
    if (stanza.archive_id() != 0) archived.push_back(stanza.archive_id());
    queue_bytes_ -= stanza.element().document().memory();
    queue_.pop_front();
  }
  return true;
}

std::vector<xmpp::Stanza> StreamManagement::take_queue() {
  std::vector<xmpp::Stanza> taken(std::make_move_iterator(queue_.begin()),
                                  std::make_move_iterator(queue_.end()));
  queue_.clear();
  queue_bytes_ = 0;
  return taken;
}

}  // namespace starling::stream
