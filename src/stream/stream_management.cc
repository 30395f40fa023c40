#include "stream/stream_management.h"

#include <algorithm>
#include <utility>

namespace starling::stream {

StreamManagement::StreamManagement(EventLoop& loop, std::uint32_t handled, std::uint32_t sent,
                                   const std::vector<xmpp::Stanza>& queue)
    : loop_(loop),
      handled_(handled),
      sure_(handled),
      sent_(sent - static_cast<std::uint32_t>(queue.size())) {
  for (const xmpp::Stanza& stanza : queue) this->sent(stanza);
}

xmpp::ReceiptPtr StreamManagement::received(std::size_t bytes) {
  in_hand_.emplace_back();
  in_hand_bytes_ += bytes;
  const auto number = handled_ + static_cast<std::uint32_t>(in_hand_.size());
  return make_receipt(loop_, weak_from_this(), number, bytes);
}

void StreamManagement::dealt_with(std::uint32_t number, std::size_t bytes) {
  in_hand_bytes_ -= bytes;
  InHand* const stanza = find_in_hand(number);
  if (stanza == nullptr) return;
  stanza->done = true;
  if (!in_hand_.front().done) return;
  while (!in_hand_.empty() && in_hand_.front().done) {
    const InHand& first = in_hand_.front();
    if (first.archive_id != 0) {
      // What its mark says; and that it is there itself.
      raise_sure(first.handled);
      if (sure_ == handled_) ++sure_;
    }
    in_hand_.pop_front();
    ++handled_;
  }
  progressed();
}

StreamManagement::InHand* StreamManagement::find_in_hand(std::uint32_t number) {
  const std::uint32_t place = number - handled_ - 1;
  return place < in_hand_.size() ? &in_hand_[place] : nullptr;
}

std::string StreamManagement::archiving(std::uint32_t number, std::uint64_t id) {
  InHand* const stanza = find_in_hand(number);
  if (!resumable_ || stanza == nullptr || stanza->archive_id != 0) return {};
  stanza->archive_id = id;
  stanza->handled = handled_;
  return core::ArchiveMark{{tag_.data(), tag_.size()}, number, handled_}.encode();
}

void StreamManagement::not_archived(std::uint32_t number) {
  if (InHand* const stanza = find_in_hand(number)) stanza->archive_id = 0;
}

void StreamManagement::resumable_by(std::string_view id) {
  std::ranges::copy(core::Remains::tag_of(id), tag_.begin());
  resumable_ = true;
}

core::Remains::Note StreamManagement::begin_note(core::ArchiveId last) {
  noting_ = true;
  const auto first = std::ranges::find_if(in_hand_, &InHand::archive_id);
  return {handled_, first == in_hand_.end() ? last : first->archive_id - 1};
}

void StreamManagement::noted(std::uint32_t handled, bool written) {
  noting_ = false;
  if (written) {
    noted_ = true;
    raise_sure(handled);
  }
  progressed();
}

void StreamManagement::progressed() {
  if (progress_) progress_();
  if (!in_hand_.empty() || noting_) return;
  // Not from inside a call of what is about to change hands.
  for (auto& fn : std::exchange(waiting_, {})) loop_.post(std::move(fn));
}

void StreamManagement::when_all_is_dealt_with(std::move_only_function<void()> fn) {
  progress_ = nullptr;
  waiting_.push_back(std::move(fn));
  progressed();  // it may be so already
}

void StreamManagement::asked() {
  last_asked_ = handled_ + static_cast<std::uint32_t>(in_hand_.size());
  if (!std::exchange(asked_, true)) first_asked_ = last_asked_;
}

// One <a/> answers every <r/> that its h covers; later ones go on waiting, if only for the last.
void StreamManagement::answered() {
  asked_ = told() != last_asked_;
  first_asked_ = last_asked_;
}

void StreamManagement::sent(const xmpp::Stanza& stanza) {
  ++sent_;
  queue_bytes_ += stanza.element().document().memory();
  queue_.push_back(stanza);
  queue_.back().drop_receipt();  // its sender does not wait for this client
}

bool StreamManagement::acknowledge(std::uint32_t h, std::vector<core::ArchiveId>& archived,
                                   const std::function<void(const xmpp::Stanza&)>& each) {
  const auto remaining = static_cast<std::size_t>(sent_ - h);
  if (remaining > queue_.size()) {
    // More than was sent; or less than was acknowledged before, which may be an old <a/>.
    return h - sent_ >= kHalf;
  }
  while (queue_.size() > remaining) {
    const xmpp::Stanza& stanza = queue_.front();
    each(stanza);
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

Task<void> all_dealt_with(std::shared_ptr<StreamManagement> state) {
  Completion<bool> done([&](auto resume) {
    state->when_all_is_dealt_with([resume = std::move(resume)]() mutable { resume(true); });
  });
  co_await done;
}

}  // namespace starling::stream
