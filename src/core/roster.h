// Roster: a user's contacts (RFC 6121 section 2), as it is in memory and as it is stored.
//
// Stored as one Map entry per contact (map "roster", key = the contact's bare JID), so that a
// change writes one small row, and one with the key "" for the version of the whole (section 2.6).
// Not thread-safe: it belongs to the account's home worker.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/subscription.h"
#include "store/store.h"
#include "xmpp/jid.h"

namespace starling::core {

inline constexpr std::string_view kRosterMap = "roster";

struct RosterItem {
  xmpp::Jid jid;
  std::string name;
  std::vector<std::string> groups;
  Subscription subscription;
  // In the roster until the user removes it (section 2.5), whatever becomes of the subscription.
  bool kept = false;
  // The contact's <presence type='subscribe'/> that waits for the user's answer, as XML; kept so
  // that it can be shown at every log-in until answered (section 3.1.3). "" if none.
  std::string request;

  // False for an entry that only remembers a request: such a contact is not in the roster yet.
  [[nodiscard]] bool listed() const;
  // True if nothing is left to remember.
  [[nodiscard]] bool vacant() const;

  // <item/> of jabber:iq:roster.
  [[nodiscard]] std::string to_xml() const;
  // <item jid='...' subscription='remove'/>
  [[nodiscard]] static std::string removed_xml(const xmpp::Jid& jid);

  [[nodiscard]] std::string encode() const;
  static std::optional<RosterItem> decode(const store::Entry& entry);
};

// Bytes that all rosters in memory take, of the whole process. Any thread.
[[nodiscard]] std::uint64_t bytes_of_rosters();

class Roster {
 public:
  [[nodiscard]] const RosterItem* find(const xmpp::Jid& bare) const;
  // The item, or a fresh one with nothing in it.
  [[nodiscard]] RosterItem get_or_new(const xmpp::Jid& bare) const;
  void put(RosterItem item);
  void erase(const xmpp::Jid& bare);
  [[nodiscard]] const std::map<xmpp::Jid, RosterItem>& items() const { return items_; }

  // Names what clients see of this roster; another one after every change of that. Random, so that
  // a roster restored from a backup never takes an older one's name.
  [[nodiscard]] const std::string& version() const { return version_; }
  void set_version(std::string version) { version_ = std::move(version); }
  [[nodiscard]] static std::string new_version();

  // True once: it had no room for an item, and that is to be logged.
  [[nodiscard]] bool first_refusal() { return !std::exchange(refused_, true); }

 private:
  // What this one has in bytes_of_rosters().
  class Bytes {
   public:
    Bytes();
    Bytes(Bytes&& other) noexcept : bytes_(std::exchange(other.bytes_, 0)) {}
    Bytes& operator=(Bytes&&) = delete;
    ~Bytes();
    void add(const RosterItem& item);
    void remove(const RosterItem& item);

   private:
    std::uint64_t bytes_ = 0;
  };

  bool refused_ = false;
  std::string version_ = "0";  // until the first change
  std::map<xmpp::Jid, RosterItem> items_;
  Bytes bytes_;
};

// Reads a roster from the store. An entry that cannot be decoded is logged and left out.
Task<Result<Roster>> load_roster(store::Maps& maps, xmpp::Jid owner);

// Writes (or, if vacant, removes) one item, and with it the roster's new version, if it has one;
// durable when the Task ends.
Task<Result<>> store_roster_item(store::Maps& maps, xmpp::Jid owner, RosterItem item,
                                 std::string version = {});

}  // namespace starling::core
