#include "stream/stream_management.h"

#include <utility>

namespace starling::stream {

StreamManagement::StreamManagement(EventLoop& loop, std::uint32_t handled, std::uint32_t sent,
                                   const std::vector<xmpp::Stanza>& queue)
    : loop_(loop), handled_(handled), sent_(sent - static_cast<std::uint32_t>(queue.size())) {
  for (const xmpp::Stanza& stanza : queue) this->sent(stanza);
}

xmpp::ReceiptPtr StreamManagement::received(std::size_t bytes) {
  in_hand_.push_back(false);
  in_hand_bytes_ += bytes;
  const auto number = handled_ + static_cast<std::uint32_t>(in_hand_.size());
  return make_receipt(loop_, weak_from_this(), number, bytes);
}

void StreamManagement::dealt_with(std::uint32_t number, std::size_t bytes) {
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

Task<void> all_dealt_with(EventLoop& loop, std::shared_ptr<StreamManagement> state) {
  Completion<bool> done([&](auto resume) {
    const auto once = std::make_shared<decltype(resume)>(std::move(resume));
    // It is the state that calls: to own it would be to own itself.
    state->on_progress([&loop, once, at = state.get()] {
      if (!*once || at->in_hand() > 0) return;
      // Not from inside a call of what is about to change hands.
      loop.post([resume = std::exchange(*once, nullptr)]() mutable { resume(true); });
    });
    state->give_up();  // it may be so already
  });
  co_await done;
}

}  // namespace starling::stream
