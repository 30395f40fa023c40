// Link: a reliable, ordered stream of parcels to one other node, over a bus that loses frames.
//
// Parcels gather in a frame until flush(), or until it is full. Frames are numbered from 1 and kept
// until the other side says that it has received them; what does not arrive is sent again. Only so
// much is on its way at a time, the rest waits here; when too much waits, offer() refuses, so a
// node that does not keep up, or cannot be reached, costs the others a bounded number of bytes. A
// link lives as long as both nodes do.
//
// Pure: time comes with the calls, frames leave through `transmit`. Used on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "cluster/frames.h"

namespace starling::cluster {

class Link {
 public:
  static constexpr std::size_t kFrameBytes = 60'000;
  static constexpr std::size_t kWindowBytes = 2'000'000;
  static constexpr std::size_t kMaxWaitingBytes = 16'000'000;
  static constexpr std::chrono::milliseconds kAgainAfter{400};

  Link(NodeId self, NodeId peer, std::function<void(std::string frame)> transmit)
      : self_(self), peer_(peer), transmit_(std::move(transmit)) {}

  // --- to the peer ---

  [[nodiscard]] bool has_room() const { return waiting_bytes_ < kMaxWaitingBytes; }
  // Adds a parcel, whether there is room or not.
  void push(std::string_view parcel);
  void flush(TimePoint now);
  // Sends again what should have arrived by now.
  void tick(TimePoint now);
  // The peer has received so many frames. `missing`: it has seen a later one than the next.
  void received_by_peer(std::uint64_t count, bool missing, TimePoint now);
  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
  [[nodiscard]] std::size_t waiting_frames() const { return frames_.size(); }
  // Since when the oldest of them waits, whether it was sent yet or not; nullopt: none does.
  [[nodiscard]] std::optional<TimePoint> waiting_since() const;

  // --- from the peer ---

  // A frame of parcels, behind its head. The parcels of what is next in order go to `take`; they
  // are views into the frame. False if it cannot be read.
  bool received(Decoder& frame, TimePoint now,
                const std::function<void(std::string_view parcel)>& take);
  // A receipt, behind its head.
  bool receipt(Decoder& frame, TimePoint now);
  [[nodiscard]] std::uint64_t received_count() const { return received_; }

 private:
  struct Frame {
    std::string parcels;
    TimePoint complete{};  // as of the flush behind it
    TimePoint sent{};      // last
    TimePoint first_sent{};
    bool on_its_way = false;
  };
  void close_frame();
  void send_what_fits(TimePoint now);
  void send(Frame& frame, std::uint64_t number, TimePoint now);
  void send_receipt(bool missing);
  bool take_next(Decoder& parcels, const std::function<void(std::string_view parcel)>& take);

  const NodeId self_;
  const NodeId peer_;
  const std::function<void(std::string frame)> transmit_;

  Encoder open_;              // the frame that gathers
  std::deque<Frame> frames_;  // not received by the peer, as far as we know
  std::uint64_t first_ = 1;   // the number of the first of them
  std::size_t waiting_bytes_ = 0;
  std::size_t on_its_way_ = 0;  // bytes

  std::uint64_t received_ = 0;
  std::uint64_t told_ = 0;                      // the last receipt said so many
  TimePoint missed_at_{};                       // when we last said that one is missing
  std::map<std::uint64_t, std::string> early_;  // frames behind one that is missing
  std::size_t early_bytes_ = 0;
};

}  // namespace starling::cluster
