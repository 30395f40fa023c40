#include "cluster/link.h"

#include <algorithm>
#include <utility>

#include "base/histogram.h"

namespace starling::cluster {

namespace {
constexpr std::uint64_t kReceiptEvery = 8;  // frames
constexpr std::chrono::milliseconds kMissingEvery{20};

metrics::Histogram& round_trip() {
  static metrics::Histogram& took = metrics::histogram(
      "starling_bus_round_trip_seconds",
      "From sending a frame to another node to its receipt, which that sends within 20 ms");
  return took;
}
}  // namespace

void Link::push(std::string_view parcel) {
  if (open_.size() > 0 && open_.size() + parcel.size() > kFrameBytes) close_frame();
  const std::size_t before = open_.size();
  open_.text(parcel);
  waiting_bytes_ += open_.size() - before;
}

void Link::close_frame() {
  if (open_.size() == 0) return;
  frames_.push_back({std::exchange(open_, {}).take(), {}, {}, {}, false});
}

std::optional<TimePoint> Link::waiting_since() const {
  if (frames_.empty()) return std::nullopt;
  return frames_.front().complete;
}

void Link::flush(TimePoint now) {
  close_frame();
  for (auto frame = frames_.rbegin(); frame != frames_.rend() && frame->complete == TimePoint();
       ++frame) {
    frame->complete = now;
  }
  send_what_fits(now);
  if (received_ > told_) send_receipt(false);
}

void Link::send_what_fits(TimePoint now) {
  // Those on their way are the first ones.
  const auto waits = std::ranges::find(frames_, false, &Frame::on_its_way);
  for (auto frame = waits; frame != frames_.end(); ++frame) {
    if (on_its_way_ > 0 && on_its_way_ + frame->parcels.size() > kWindowBytes) return;
    on_its_way_ += frame->parcels.size();
    frame->on_its_way = true;
    frame->first_sent = now;
    send(*frame, first_ + static_cast<std::uint64_t>(frame - frames_.begin()), now);
  }
}

void Link::send(Frame& frame, std::uint64_t number, TimePoint now) {
  frame.sent = now;
  told_ = received_;
  transmit_(std::move(begin_frame(FrameKind::parcels, self_)
                          .number(peer_)
                          .number(received_)
                          .number(number)
                          .rest(frame.parcels))
                .take());
}

// One frame a time, until the peer shows that it hears: then all of it goes.
void Link::tick(TimePoint now) {
  if (!frames_.empty() && frames_.front().on_its_way && now - frames_.front().sent >= kAgainAfter) {
    send(frames_.front(), first_, now);
  }
  if (received_ > told_) send_receipt(false);
}

void Link::received_by_peer(std::uint64_t count, bool missing, TimePoint now) {
  bool progress = false;
  while (first_ <= count && !frames_.empty()) {
    const Frame& frame = frames_.front();
    if (!frame.on_its_way) break;  // nobody can have received it
    round_trip().observe(now - frame.first_sent);
    on_its_way_ -= frame.parcels.size();
    waiting_bytes_ -= frame.parcels.size();
    frames_.pop_front();
    ++first_;
    progress = true;
  }
  if (missing && count + 1 == first_ && !frames_.empty() && frames_.front().on_its_way) {
    send(frames_.front(), first_, now);
  } else if (progress) {
    // It hears again, after a break: what was sent then was lost with what it has just received.
    for (std::size_t i = 0; i < frames_.size() && frames_[i].on_its_way; ++i) {
      if (now - frames_[i].sent >= kAgainAfter) send(frames_[i], first_ + i, now);
    }
  }
  if (progress) send_what_fits(now);
}

bool Link::received(Decoder& frame, TimePoint now,
                    const std::function<void(std::string_view parcel)>& take) {
  const std::uint64_t theirs = frame.number();
  const std::uint64_t number = frame.number();
  if (frame.bad()) return false;
  received_by_peer(theirs, false, now);
  if (number <= received_) {  // again: it does not know that we have it
    send_receipt(false);
    return true;
  }
  if (number == received_ + 1) {
    bool good = take_next(frame, take);
    while (good && !early_.empty() && early_.begin()->first == received_ + 1) {
      const std::string parcels = std::move(early_.begin()->second);
      early_.erase(early_.begin());
      early_bytes_ -= parcels.size();
      Decoder next(parcels);
      good = take_next(next, take);
    }
    if (!good) return false;
  } else if (early_bytes_ < 2 * kWindowBytes) {
    const auto [unused, added] = early_.try_emplace(number, frame.rest());
    if (added) early_bytes_ += unused->second.size();
  }
  if (!early_.empty() && (missed_at_ == TimePoint() || now - missed_at_ >= kMissingEvery)) {
    missed_at_ = now;
    send_receipt(true);
  } else if (received_ - told_ >= kReceiptEvery) {
    send_receipt(false);
  }
  return true;
}

bool Link::take_next(Decoder& parcels, const std::function<void(std::string_view)>& take) {
  ++received_;
  while (!parcels.at_end()) {
    const std::string_view parcel = parcels.text();
    if (parcels.bad()) return false;
    take(parcel);
  }
  return true;
}

void Link::send_receipt(bool missing) {
  told_ = received_;
  transmit_(std::move(begin_frame(FrameKind::receipt, self_)
                          .number(peer_)
                          .number(received_)
                          .number(missing ? 1 : 0))
                .take());
}

bool Link::receipt(Decoder& frame, TimePoint now) {
  const std::uint64_t count = frame.number();
  const bool missing = frame.number() != 0;
  if (frame.bad()) return false;
  received_by_peer(count, missing, now);
  return true;
}

}  // namespace starling::cluster
