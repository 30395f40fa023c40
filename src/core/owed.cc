#include "core/owed.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace starling::core {

namespace {

// More settled messages above the floor than this are forgotten, oldest first: those would be
// offered a second time, which costs less than to remember without bound.
constexpr std::size_t kMaxSettled = 10'000;

void append_list(std::string& out, const auto& list, auto id_of) {
  for (bool first = true; const auto& item : list) {
    if (!std::exchange(first, false)) out += ',';
    out += std::to_string(id_of(item));
  }
}

// Takes the text before the next separator off the front.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return taken;
}

std::optional<ArchiveId> parse_id(std::string_view text) {
  ArchiveId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

// A list of rising ids.
std::optional<std::vector<ArchiveId>> parse_list(std::string_view text) {
  std::vector<ArchiveId> ids;
  while (!text.empty()) {
    const auto id = parse_id(take_until(text, ','));
    if (!id || (!ids.empty() && *id <= ids.back())) return std::nullopt;
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace

Owed::Exceptions& Owed::exceptions() {
  if (!exceptions_) exceptions_ = std::make_unique<Exceptions>();
  return *exceptions_;
}

Owed::Handed* Owed::find_handed(ArchiveId id) const {
  if (!exceptions_) return nullptr;
  const auto found = std::ranges::lower_bound(exceptions_->handed, id, {}, &Handed::id);
  return found != exceptions_->handed.end() && found->id == id ? &*found : nullptr;
}

void Owed::hand(ArchiveId id, unsigned holders) {
  auto& handed = exceptions().handed;
  handed.insert(std::ranges::lower_bound(handed, id, {}, &Handed::id), {id, holders});
}

void Owed::tidy() {
  if (exceptions_ && exceptions_->handed.empty() && exceptions_->settled.empty()) {
    exceptions_.reset();
  }
}

void Owed::raise_floor(ArchiveId id) {
  floor_ = std::max(floor_, id);
  if (!exceptions_) return;
  auto& settled = exceptions_->settled;
  settled.erase(settled.begin(), std::ranges::upper_bound(settled, floor_));
  tidy();
}

void Owed::stored(ArchiveId id, bool handed, unsigned holders) {
  if (!handed) {
    backlog_ = true;
    return;
  }
  if (holders > 0) {
    hand(id, holders);
  } else if (backlog_) {
    settle(id);
  }
  if (!backlog_) raise_floor(id);
}

void Owed::missed(ArchiveId id) {
  backlog_ = true;
  if (id <= floor_ && find_handed(id) == nullptr) hand(id, 0);
}

void Owed::forget(ArchiveId id) {
  if (!exceptions_) return;
  std::erase_if(exceptions_->handed, [id](const Handed& h) { return h.id == id; });
  tidy();
}

void Owed::settle(ArchiveId id) {
  forget(id);
  if (id <= floor_) return;
  auto& settled = exceptions().settled;
  const auto place = std::ranges::lower_bound(settled, id);
  if (place != settled.end() && *place == id) return;
  settled.insert(place, id);
  if (settled.size() > kMaxSettled) settled.erase(settled.begin());
}

bool Owed::give_back(ArchiveId id) {
  Handed* handed = find_handed(id);
  if (handed == nullptr) return false;
  if (handed->holders > 0) --handed->holders;
  if (handed->holders > 0) return false;
  backlog_ = true;
  return true;
}

void Owed::handed_again(ArchiveId id, unsigned holders) {
  if (holders == 0) return settle(id);
  if (Handed* handed = find_handed(id)) {
    handed->holders += holders;
  } else {
    hand(id, holders);
  }
}

ArchiveId Owed::backlog_after() const {
  if (exceptions_) {
    for (const Handed& handed : exceptions_->handed) {
      if (handed.holders == 0) return std::min(floor_, handed.id - 1);
    }
  }
  return floor_;
}

ArchiveId Owed::first_unsettled() const {
  if (!exceptions_ || exceptions_->handed.empty()) return floor_ + 1;
  return std::min(floor_ + 1, exceptions_->handed.front().id);
}

bool Owed::waits(ArchiveId id) const {
  if (const Handed* handed = find_handed(id)) return handed->holders == 0;
  if (id <= floor_) return false;
  return !exceptions_ || !std::ranges::binary_search(exceptions_->settled, id);
}

void Owed::passed(ArchiveId id, bool handed, bool held) {
  if (handed) handed_again(id, held ? 1 : 0);
  raise_floor(id);
}

void Owed::forget_unfound(ArchiveId after, ArchiveId last) {
  if (!exceptions_) return;
  std::erase_if(exceptions_->handed,
                [&](const Handed& h) { return h.holders == 0 && h.id > after && h.id <= last; });
  tidy();
}

std::string Owed::encode() const {
  if (floor_ == 0 && !exceptions_) return {};
  std::string out = std::to_string(floor_);
  if (!exceptions_) return out;
  // What is above the floor and not settled is owed anyway.
  std::vector<Handed> below = exceptions_->handed;
  std::erase_if(below, [this](const Handed& h) { return h.id > floor_; });
  out += ' ';
  append_list(out, below, [](const Handed& h) { return h.id; });
  out += ' ';
  append_list(out, exceptions_->settled, [](ArchiveId id) { return id; });
  return out;
}

bool Owed::decode(std::string_view text) {
  const auto floor = parse_id(take_until(text, ' '));
  const auto handed = parse_list(take_until(text, ' '));
  const auto settled = parse_list(text);
  if (!floor || !handed || !settled) return false;
  if (!handed->empty() && handed->back() > *floor) return false;
  if (!settled->empty() && settled->front() <= *floor) return false;
  floor_ = *floor;
  exceptions_.reset();
  for (const ArchiveId id : *handed) hand(id, 0);
  if (!settled->empty()) exceptions().settled = *settled;
  backlog_ = true;
  return true;
}

}  // namespace starling::core
