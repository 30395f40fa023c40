// Frames: what nodes send each other over the bus, as bytes.
//
// Every frame begins with the version of this format, its kind and the sender's node id.
//
//   heartbeat  to all    how far the sender's part of the directory has come, and what it has
//                        heard from whom
//   changes    to all    the sender's next changes to the directory
//   parcels    to one    the next piece of the link from the sender to that node
//   receipt    to one    how far the link in the other direction has come
//   relay      to one    a frame for another node, which the sender does not reach itself
//   farewell   to all    the sender is about to leave
//
// A node reads formats from kOldestFormat to kFormat: those of its own version and some before; it
// writes what all members can read. A frame says the format that its reader needs.
//
//   3   the first
//   4   heartbeats tell more of what the sender has to do; its version knows leases
//   5   its version reads parcels that bear a trace id
//   6   its version reads parcels that come in parts, and that tell the time
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/bus.h"
#include "cluster/load.h"
#include "cluster/wire.h"

namespace starling::cluster {

using bus::NodeId;

// A test builds the version before with another number, see src/starlingd/CMakeLists.txt.
#ifndef STARLING_BUS_FORMAT
#define STARLING_BUS_FORMAT 6
#endif
inline constexpr std::uint32_t kFormat = STARLING_BUS_FORMAT;
inline constexpr std::uint32_t kFormatWithLeases = 4;
inline constexpr std::uint32_t kFormatWithTraceIds = 5;
inline constexpr std::uint32_t kFormatWithTime = 6;
inline constexpr std::uint32_t kFormatWithParts = 6;
inline constexpr std::uint32_t kOldestFormat = 3;

enum class FrameKind : std::uint8_t { heartbeat, changes, parcels, receipt, relay, farewell };

struct FrameHead {
  std::uint32_t format = kOldestFormat;
  FrameKind kind = FrameKind::heartbeat;
  NodeId from = 0;
};
// Begins a frame; `format` is the oldest in which it is as it is.
[[nodiscard]] inline Encoder begin_frame(FrameKind kind, NodeId from,
                                         std::uint32_t format = kOldestFormat) {
  Encoder frame;
  frame.number(format).number(static_cast<std::uint64_t>(kind)).number(from);
  return frame;
}
// nullopt if it is none, or of a version that this one does not know.
[[nodiscard]] inline std::optional<FrameHead> read_head(Decoder& frame) {
  const std::uint64_t format = frame.number();
  const std::uint64_t kind = frame.number();
  const NodeId from = frame.number();
  if (frame.bad() || format < kOldestFormat || format > kFormat ||
      kind > static_cast<std::uint64_t>(FrameKind::farewell)) {
    return std::nullopt;
  }
  return FrameHead{static_cast<std::uint32_t>(format), static_cast<FrameKind>(kind), from};
}

// What a heartbeat says of one other node.
struct Heard {
  NodeId node = 0;
  std::uint64_t received = 0;  // of its link to the sender: so many frames
  bool lately = false;         // the sender hears it, directly
};

struct Heartbeat {
  std::uint64_t changes = 0;   // the sender's last change to the directory
  std::string client_address;  // "": clients do not reach it directly
  Load load;
  std::vector<Heard> heard;
};

// `format`: what all who read it know.
[[nodiscard]] inline std::string write_heartbeat(NodeId from, const Heartbeat& heartbeat,
                                                 std::uint32_t format) {
  Encoder frame = begin_frame(FrameKind::heartbeat, from, format);
  frame.number(heartbeat.changes).number(heartbeat.heard.size());
  for (const Heard& heard : heartbeat.heard) {
    frame.number(heard.node).number(heard.received).number(heard.lately ? 1 : 0);
  }
  frame.number(heartbeat.load.sessions).text(heartbeat.client_address);
  if (format < 4) return std::move(frame).take();
  const Effort& effort = heartbeat.load.effort.value_or(Effort());
  frame.number(effort.stanzas_per_second).number(effort.cpu_percent).number(effort.memory);
  frame.number(effort.utilisation);
  return std::move(frame).take();
}

[[nodiscard]] inline std::optional<Heartbeat> read_heartbeat(Decoder& frame, std::uint32_t format) {
  Heartbeat heartbeat;
  heartbeat.changes = frame.number();
  const std::uint64_t count = frame.number();
  for (std::uint64_t i = 0; i < count && !frame.bad(); ++i) {
    Heard heard;
    heard.node = frame.number();
    heard.received = frame.number();
    heard.lately = frame.number() != 0;
    heartbeat.heard.push_back(heard);
  }
  heartbeat.load.sessions = frame.number();
  heartbeat.client_address = frame.text();
  if (format >= 4) {
    Effort& effort = heartbeat.load.effort.emplace();
    effort.stanzas_per_second = frame.number();
    effort.cpu_percent = frame.number();
    effort.memory = frame.number();
    effort.utilisation = frame.number();
  }
  if (frame.bad()) return std::nullopt;
  return heartbeat;
}

}  // namespace starling::cluster
