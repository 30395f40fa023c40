#include "core/journal.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/random.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

namespace {

std::uint64_t hash_of(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

// Cut between characters, not within one.
template <std::size_t N>
std::uint8_t copy(std::array<char, N>& to, std::string_view text) {
  std::size_t size = std::min(text.size(), N);
  if (size < text.size()) {
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  }
  std::copy_n(text.data(), size, to.data());
  return static_cast<std::uint8_t>(size);
}

}  // namespace

Journal::Journal(Worker& worker) : worker_(worker), ids_(random_u64(), random_u64()) {}

void Journal::keep(std::size_t entries) {
  entries_ = entries > 0 ? std::make_unique_for_overwrite<Entry[]>(entries) : nullptr;
  size_ = entries;
  written_ = 0;
}

void Journal::write(Event event, const xmpp::Stanza& stanza, std::uint64_t number,
                    std::string_view text) {
  Entry& entry = entries_[written_++ % size_];
  entry.time_us = worker_.server().clock_us(worker_.loop().now());
  entry.trace_high = stanza.trace_id().high;
  entry.trace_low = stanza.trace_id().low;
  const std::string_view id = stanza.id();
  entry.id_hash = hash_of(id);
  entry.is_error = stanza.type() == xmpp::StanzaType::error;
  entry.sender_hash = hash_of((entry.is_error ? stanza.to() : stanza.from()).bare());
  entry.number = number;
  entry.event = event;
  entry.id_size = copy(entry.id, id);
  entry.from_size = copy(entry.from, stanza.from().full());
  entry.to_size = copy(entry.to, stanza.to().full());
  entry.text_size = copy(entry.text, text);
}

std::vector<Journal::Entry> Journal::find(std::string_view id, const xmpp::Jid& from) const {
  std::vector<Entry> found;
  if (size_ == 0) return found;
  const std::uint64_t id_hash = hash_of(id);
  const std::uint64_t sender_hash = hash_of(from.bare());
  const auto trace_id = xmpp::TraceId::parse(id);
  for (std::uint64_t i = written_; i > 0 && written_ - i < size_ && found.size() < kMostFound;
       --i) {
    const Entry& entry = entries_[(i - 1) % size_];
    if (entry.id_hash != id_hash && !(trace_id && entry.trace_id() == *trace_id)) continue;
    if (!from.empty() && entry.sender_hash != sender_hash) continue;
    found.push_back(entry);
  }
  std::ranges::reverse(found);
  return found;
}

std::int64_t Journal::forgotten_until_us() const {
  return written_ > size_ ? entries_[written_ % size_].time_us : 0;
}

std::string_view to_string(Journal::Event event) {
  switch (event) {
    case Journal::Event::received:
      return "received";
    case Journal::Event::received_here:
      return "received_here";
    case Journal::Event::made_here:
      return "made_here";
    case Journal::Event::refused:
      return "refused";
    case Journal::Event::to_home:
      return "to_home";
    case Journal::Event::to_node:
      return "to_node";
    case Journal::Event::from_node:
      return "from_node";
    case Journal::Event::to_worker:
      return "to_worker";
    case Journal::Event::behind_others:
      return "behind_others";
    case Journal::Event::node_gone:
      return "node_gone";
    case Journal::Event::sent_archived:
      return "sent_archived";
    case Journal::Event::archived:
      return "archived";
    case Journal::Event::kept:
      return "kept";
    case Journal::Event::not_written:
      return "not_written";
    case Journal::Event::waits:
      return "waits";
    case Journal::Event::offered:
      return "offered";
    case Journal::Event::delivered:
      return "delivered";
    case Journal::Event::sent:
      return "sent";
    case Journal::Event::queued:
      return "queued";
    case Journal::Event::sent_again:
      return "sent_again";
    case Journal::Event::to_connection:
      return "to_connection";
    case Journal::Event::inactive:
      return "inactive";
    case Journal::Event::acknowledged:
      return "acknowledged";
    case Journal::Event::returned:
      return "returned";
    case Journal::Event::blocked:
      return "blocked";
    case Journal::Event::no_account:
      return "no_account";
    case Journal::Event::dropped:
      return "dropped";
    case Journal::Event::bounced:
      return "bounced";
  }
  return "?";
}

}  // namespace starling::core
