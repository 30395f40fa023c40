#include "ledger.h"

#include <algorithm>
#include <utility>

#include "stamp.h"
#include "xml.h"

namespace load {

namespace {

constexpr std::string_view kMark = ">m=";
constexpr int kDigits = 16;

std::uint64_t message_in(std::string_view text) {
  const std::size_t at = text.find(kMark);
  if (at == text.npos) die("not a message of ours: " + std::string(text));
  return read_hex(text.substr(at + kMark.size(), kDigits));
}

// The id that the client's own account gave it (XEP-0359), or else one made of the message's.
std::string id_of(const Survivor& by, const std::string& account, std::string_view text,
                  std::uint64_t message) {
  constexpr std::string_view kTag = "<stanza-id ";
  for (std::size_t at = text.find(kTag); at != text.npos; at = text.find(kTag, at + 1)) {
    const std::string_view element = text.substr(at);
    if (attribute(element, "by") == account + std::to_string(by.number()) + "@localhost") {
      return std::string(attribute(element, "id"));
    }
  }
  return "m" + std::to_string(message);
}

}  // namespace

std::string Ledger::write(const Survivor& from, const Survivor& to, std::uint64_t& message) {
  message = fates_.size();
  fates_.push_back({.from = from.number(), .to = to.number(), .sent_ns = now_ns()});
  std::string mark(kDigits, '0');
  write_hex(mark.data(), message, kDigits);
  std::string text = "<message type='chat' to='" + options_.user_prefix +
                     std::to_string(to.number()) + "@localhost' id='" + mark + "'><body>m=" + mark;
  return text.append(std::max<std::size_t>(options_.bytes, 18) - 18, 'x')
      .append("</body></message>");
}

void Ledger::received(const Survivor& by, std::string_view text) {
  const std::uint64_t message = message_in(text);
  Fate& fate = fates_.at(message);
  if (attribute(text, "type") == "error") {
    fate.refused = true;
    return;
  }
  if (fate.to != by.number()) die("it came to another: " + std::string(text));
  std::string id = id_of(by, options_.user_prefix, text, message);
  if (!fate.received) {
    fate.received = true;
    fate.received_ns = now_ns();
    fate.id = id;
    ++received_;
    latencies_.add(fate.received_ns - fate.sent_ns);
    latest_.add(fate.received_ns - fate.sent_ns);
  } else if (id != fate.id) {
    ++came_twice_;
    if (!fate.sent_again) {
      ++came_twice_unexplained_;
      const auto seconds = [&](std::int64_t when) {
        return static_cast<double>(when - fate.sent_ns) / 1e9;
      };
      std::fprintf(stderr, "client %u said to %u once what came after %.2f s as %s, %.2f s as %s\n",
                   fate.from, fate.to, seconds(fate.received_ns), fate.id.c_str(),
                   seconds(now_ns()), id.c_str());
    }
  }
  note_id(by, std::move(id));
}

void Ledger::note_id(const Survivor& by, std::string id) {
  const Sight now{by.session(), by.handled()};
  const auto [entry, is_new] = seen_[by.number()].try_emplace(std::move(id), now);
  if (is_new) return;
  const Sight before = std::exchange(entry->second, now);
  if (before.session == now.session) {
    std::fprintf(stderr, "the client %u got %s twice in one session\n", by.number(),
                 entry->first.c_str());
    ++same_session_;
  } else if (!by.managed()) {
    ++again_unmanaged_;
  } else if (before.session + 1 == now.session && before.index > by.told_before()) {
    ++again_open_;
  } else {
    std::fprintf(stderr, "the client %u acknowledged %s, and got it again\n", by.number(),
                 entry->first.c_str());
    ++again_acknowledged_;
  }
}

void Ledger::found(const Survivor& by, std::string_view text) {
  Fate& fate = fates_.at(message_in(text));
  if (fate.to == by.number()) fate.archived = true;  // else it is what he said himself
}

std::uint64_t Ledger::overdue(const std::function<bool(unsigned)>& is_there) const {
  constexpr std::int64_t kPatienceNs = 20'000'000'000;
  const std::int64_t now = now_ns();
  return static_cast<std::uint64_t>(std::ranges::count_if(fates_, [&](const Fate& fate) {
    return fate.acknowledged && !fate.received && !fate.refused &&
           now - fate.sent_ns > kPatienceNs && is_there(fate.to);
  }));
}

std::vector<bool> Ledger::who_misses() const {
  std::vector<bool> users(seen_.size());
  for (const Fate& fate : fates_) {
    if (fate.acknowledged && !fate.received && !fate.archived) users[fate.to] = true;
  }
  return users;
}

void Ledger::report(Result& result, const std::vector<bool>& is_managed) const {
  std::uint64_t acknowledged = 0, open = 0, lost = 0, refused = 0, unsaid = 0;
  std::uint64_t archived = 0, archived_managed = 0;
  for (std::uint64_t i = 0; i < fates_.size(); ++i) {
    const Fate& fate = fates_[i];
    acknowledged += fate.acknowledged ? 1 : 0;
    open += !fate.acknowledged && is_managed[fate.from] ? 1 : 0;
    refused += fate.refused ? 1 : 0;
    if (fate.received) continue;
    if (!fate.acknowledged) {
      ++unsaid;
    } else if (fate.archived) {
      ++archived;
      archived_managed += is_managed[fate.to] ? 1 : 0;
    } else if (!fate.refused) {
      std::fprintf(stderr, "lost: message %llx from client %u to client %u\n",
                   static_cast<unsigned long long>(i), fate.from, fate.to);
      ++lost;
    }
  }
  const auto add = [&](std::string_view name, std::uint64_t value) {
    result.add(name, static_cast<double>(value));
  };
  add("sent", sent());
  add("received", received_);
  add("acknowledged", acknowledged);
  add("never_acknowledged", open);
  add("lost", lost);
  add("refused", refused);
  add("from_archive", archived);
  add("from_archive_managed", archived_managed);
  add("unacknowledged_not_there", unsaid);
  add("twice_in_a_session", same_session_);
  add("again_acknowledged", again_acknowledged_);
  add("again_open", again_open_);
  add("again_unmanaged", again_unmanaged_);
  add("sent_again_came_twice", came_twice_ - came_twice_unexplained_);
  add("came_twice_unexplained", came_twice_unexplained_);
  result.add(latencies_);
}

}  // namespace load
