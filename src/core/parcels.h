// Parcels: what the nodes of a cluster say to each other about accounts, sessions and stanzas.
//
// A parcel begins with its kind and with whom it is for at the receiving node: the worker of an
// account, or the worker that gave a number (its index is the number's last byte). The rest is the
// kind's own; remote.cc, visitors.cc and guests.cc write and read it. One with a stanza may say the
// stanza's trace id, behind whom it is for, if all nodes read that (Cluster::all_read_trace_ids).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "cluster/wire.h"
#include "xmpp/trace_id.h"

namespace starling::core {

enum class ParcelKind : std::uint8_t {
  // Between any two nodes (remote.h).
  stanza,  // account of the first addressee; number or 0, hops, addressees, the stanza
  dealt,   // number: the stanza of that number was dealt with
  seek,    // account; number: where is its home? If nowhere, the asker becomes it
  found,   // number: the home's node, the last archive id
  losing,  // account; its resources here: the receiver is its home, too, and stays it
  losers,  // account; those resources that the receiver has as well
  parked,  // account; number: the keeper is to take over its parked sessions, and says found; or 0
           // and whether the sender is its home nevertheless: what came of that
  kept,    // account: something was archived for it by a node that took itself for the keeper
  // From the node of a connection to the home of its account (visitors.h, guests.h).
  bind,       // account; session, resource, remote, connection
  submit,     // account; session, number or 0, the stanza
  nonza,      // account; session, the element
  active,     // account; session: nothing is to be held back any more
  confirmed,  // account; session, how many stanzas need not be kept any longer
  unbind,     // account; session
  park,       // account; session, resumption id, handled, timeout, the last confirmed and delivered
  moved,      // account; session, the node that has it now, its session there, the last delivered
  // And back.
  bound,    // session: an Errc, or kBound
  deliver,  // session: number, the stanza
  end,      // session: stream error condition, text
  leave,    // session: the home leaves, park it
  // Commands (cluster_calls.h).
  call,    // account or nobody's; number, what is called, arguments
  answer,  // number: an Errc or kBound, what came of it
  // Between any two nodes, if all know it (Cluster::all_tell_time).
  stored,  // account; number: the asker keeps it now. Says found when all that the receiver, its
           // keeper before, has of it is stored
};
inline constexpr ParcelKind kLastParcelKind = ParcelKind::stored;
inline constexpr std::uint64_t kBound = 255;        // beside the values of Errc
inline constexpr std::uint64_t kBearsTraceId = 64;  // a bit beside the kinds

[[nodiscard]] constexpr bool is_for_account(ParcelKind kind) {
  switch (kind) {
    case ParcelKind::dealt:
    case ParcelKind::found:
    case ParcelKind::bound:
    case ParcelKind::deliver:
    case ParcelKind::end:
    case ParcelKind::leave:
    case ParcelKind::answer:
      return false;
    default:
      return true;
  }
}

struct ParcelHead {
  ParcelKind kind = ParcelKind::stanza;
  std::string_view account;  // or
  std::uint64_t number = 0;
  xmpp::TraceId trace_id;
};

namespace parcels {

inline cluster::Encoder begin(ParcelKind kind, const xmpp::TraceId& trace_id) {
  cluster::Encoder parcel;
  parcel.number(static_cast<std::uint64_t>(kind) | (trace_id.empty() ? 0 : kBearsTraceId));
  return parcel;
}
inline cluster::Encoder with(cluster::Encoder parcel, const xmpp::TraceId& trace_id) {
  if (!trace_id.empty()) parcel.number(trace_id.high).number(trace_id.low);
  return parcel;
}

}  // namespace parcels

[[nodiscard]] inline cluster::Encoder begin_parcel(ParcelKind kind, std::string_view account,
                                                   const xmpp::TraceId& trace_id = {}) {
  return parcels::with(std::move(parcels::begin(kind, trace_id).text(account)), trace_id);
}
[[nodiscard]] inline cluster::Encoder begin_parcel(ParcelKind kind, std::uint64_t number,
                                                   const xmpp::TraceId& trace_id = {}) {
  return parcels::with(std::move(parcels::begin(kind, trace_id).number(number)), trace_id);
}
// nullopt if it is none.
[[nodiscard]] inline std::optional<ParcelHead> read_parcel_head(cluster::Decoder& parcel) {
  const std::uint64_t first = parcel.number();
  const std::uint64_t kind = first & ~kBearsTraceId;
  if (parcel.bad() || kind > static_cast<std::uint64_t>(kLastParcelKind)) return std::nullopt;
  ParcelHead head{.kind = static_cast<ParcelKind>(kind), .account = {}, .trace_id = {}};
  if (is_for_account(head.kind)) {
    head.account = parcel.text();
  } else {
    head.number = parcel.number();
  }
  if (first != kind) {
    head.trace_id.high = parcel.number();
    head.trace_id.low = parcel.number();
  }
  if (parcel.bad()) return std::nullopt;
  return head;
}

}  // namespace starling::core
