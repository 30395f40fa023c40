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

void append_list(std::string& out, const std::vector<ArchiveId>& ids) {
  for (bool first = true; const ArchiveId id : ids) {
    if (!std::exchange(first, false)) out += ',';
    out += std::to_string(id);
  }
}

// Takes the text before the next separator off the front.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return taken;
}

bool same_slot(ArchiveId a, ArchiveId b) {
  constexpr ArchiveId kSlot = 1'023;
  return (a & kSlot) == (b & kSlot);
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
  if (!exceptions_) return;
  auto& [handed, settled, marks] = *exceptions_;
  std::erase_if(marks, [this](ArchiveId mark) { return mark <= floor_; });
  std::erase_if(settled, [this](ArchiveId id) { return is_below(id); });
  if (handed.empty() && settled.empty() && marks.empty()) exceptions_.reset();
}

void Owed::raise_floor(ArchiveId id) {
  if (id <= floor_) return;
  floor_ = id;
  if (mark_ <= floor_) mark_ = 0;
  tidy();
}

void Owed::raise_mark(ArchiveId id) {
  if (id <= floor_) return;
  if (mark_ != 0 && !same_slot(mark_, id)) {
    // The account's home was another node before.
    auto& marks = exceptions().marks;
    const auto own = std::ranges::find_if(marks, [id](ArchiveId m) { return same_slot(m, id); });
    if (own == marks.end()) {
      marks.push_back(mark_);
    } else {
      id = std::max(id, std::exchange(*own, mark_));
    }
    mark_ = 0;
  }
  mark_ = std::max(mark_, id);
  tidy();
}

// True if it is settled, unless it was handed to somebody.
bool Owed::is_below(ArchiveId id) const {
  const auto covers = [id](ArchiveId mark) { return id <= mark && same_slot(id, mark); };
  return id <= floor_ || covers(mark_) ||
         (exceptions_ && std::ranges::any_of(exceptions_->marks, covers));
}

void Owed::stored(ArchiveId id, bool handed, unsigned holders, Writers writers) {
  if (!handed) {
    backlog_ = true;
    return;
  }
  if (holders > 0) {
    hand(id, holders);
  } else if (backlog_) {
    settle(id);
  }
  if (backlog_) return;
  writers == Writers::one ? raise_floor(id) : raise_mark(id);
}

void Owed::forget(ArchiveId id) {
  if (!exceptions_) return;
  std::erase_if(exceptions_->handed, [id](const Handed& h) { return h.id == id; });
  tidy();
}

void Owed::settle(ArchiveId id) {
  forget(id);
  if (is_below(id)) return;
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

void Owed::hold(ArchiveId id) {
  if (find_handed(id) != nullptr || waits(id)) handed_again(id, 1);
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
  if (is_below(id)) return false;
  return !exceptions_ || !std::ranges::binary_search(exceptions_->settled, id);
}

void Owed::passed(ArchiveId id, bool handed, bool held, ArchiveId sure) {
  if (handed) handed_again(id, held ? 1 : 0);
  raise_floor(std::min(id, sure));
}

void Owed::backlog_read(ArchiveId sure) {
  backlog_ = false;
  raise_floor(std::min(mark_, sure));
}

ArchiveId Owed::highest() const {
  ArchiveId highest = std::max(floor_, mark_);
  if (!exceptions_) return highest;
  const auto& [handed, settled, marks] = *exceptions_;
  if (!handed.empty()) highest = std::max(highest, handed.back().id);
  if (!settled.empty()) highest = std::max(highest, settled.back());
  for (const ArchiveId mark : marks) highest = std::max(highest, mark);
  return highest;
}

void Owed::forget_unfound(ArchiveId after, ArchiveId last) {
  if (!exceptions_) return;
  std::erase_if(exceptions_->handed,
                [&](const Handed& h) { return h.holders == 0 && h.id > after && h.id <= last; });
  tidy();
}

std::string Owed::encode() const {
  if (floor_ == 0 && mark_ == 0 && !exceptions_) return {};
  std::string out = std::to_string(floor_);
  if (mark_ == 0 && !exceptions_) return out;
  const Exceptions none;
  const auto& [handed, settled, marks] = exceptions_ ? *exceptions_ : none;
  // What is above all marks and not settled is owed anyway.
  std::vector<ArchiveId> owed;
  for (const Handed& h : handed) {
    if (is_below(h.id)) owed.push_back(h.id);
  }
  append_list(out += ' ', owed);
  append_list(out += ' ', settled);
  if (mark_ == 0) return out;
  std::vector<ArchiveId> all_marks = marks;
  all_marks.push_back(mark_);
  std::ranges::sort(all_marks);
  append_list(out += ' ', all_marks);
  return out;
}

bool Owed::decode(std::string_view text) {
  const auto floor = parse_id(take_until(text, ' '));
  const auto handed = parse_list(take_until(text, ' '));
  const auto settled = parse_list(take_until(text, ' '));
  const auto marks = parse_list(text);
  if (!floor || !handed || !settled || !marks) return false;
  Owed read;
  read.floor_ = *floor;
  // The last is the one that rose last: the latest home's.
  for (const ArchiveId mark : *marks) {
    if (read.is_below(mark)) return false;
    read.raise_mark(mark);
  }
  for (const ArchiveId id : *handed) {
    if (!read.is_below(id)) return false;
    read.hand(id, 0);
  }
  for (const ArchiveId id : *settled) {
    if (read.is_below(id)) return false;
  }
  if (!settled->empty()) read.exceptions().settled = *settled;
  *this = std::move(read);
  return true;
}

}  // namespace starling::core
