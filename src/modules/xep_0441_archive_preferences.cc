// Archiving preferences (XEP-0441): whose messages an account wants in its archive, and whose not.
//
// What is not archived still waits for the account's next session, and then is gone. An account
// that never asked for anything else archives all, and keeps nothing here.
#include <algorithm>
#include <array>
#include <expected>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "core/module.h"
#include "core/server.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

using core::IqReply;
using core::IqRequest;
using core::LocalAccount;
using xmpp::Jid;
using xmpp::StanzaCondition;
using xmpp::StanzaError;
using xmpp::StanzaType;

constexpr std::string_view kMap = "archive";
constexpr std::string_view kKey = "preferences";
constexpr std::size_t kMaxJids = 1'000;  // in both lists together

enum class Default : std::uint8_t { always, never, roster };
constexpr std::array<std::string_view, 3> kDefaults{"always", "never", "roster"};

struct Preferences {
  Default otherwise = Default::always;
  std::vector<Jid> always;  // sorted
  std::vector<Jid> never;

  // True for what holds without any preferences.
  [[nodiscard]] bool usual() const {
    return otherwise == Default::always && always.empty() && never.empty();
  }
};

std::unexpected<StanzaError> refuse(StanzaCondition condition, std::string_view text) {
  return std::unexpected(StanzaError{condition, std::string(text), {}});
}

std::unexpected<StanzaError> store_trouble(const Jid& account, const Error& error) {
  log::error("archive_preferences_unavailable",
             {{"jid", account.full()}, {"error", error.message}});
  return refuse(StanzaCondition::resource_constraint,
                "archiving preferences are unavailable at present");
}

// Sections 2.1.2 and 2.1.3.
std::expected<std::vector<Jid>, StanzaError> read_list(const xml::Element& prefs,
                                                       std::string_view name) {
  std::vector<Jid> jids;
  const auto list = prefs.child(name, xmpp::ns::kArchive);
  if (!list) return jids;
  for (const xml::Element child : list->children()) {
    if (!child.is("jid", xmpp::ns::kArchive)) continue;
    const auto jid = Jid::parse(child.text());
    if (!jid) return refuse(StanzaCondition::jid_malformed, "not an address: " + child.text());
    jids.push_back(*jid);
  }
  std::ranges::sort(jids);
  const auto twice = std::ranges::unique(jids);
  jids.erase(twice.begin(), twice.end());
  return jids;
}

std::expected<Preferences, StanzaError> read_preferences(const xml::Element& prefs) {
  const auto place = std::ranges::find(kDefaults, prefs.attribute("default").value_or(""));
  if (place == kDefaults.end()) {
    return refuse(StanzaCondition::bad_request, "default is always, never or roster");
  }
  auto always = read_list(prefs, "always");
  if (!always) return std::unexpected(std::move(always.error()));
  auto never = read_list(prefs, "never");
  if (!never) return std::unexpected(std::move(never.error()));
  if (always->size() + never->size() > kMaxJids) {
    return refuse(StanzaCondition::policy_violation, "too many addresses");
  }
  return Preferences{static_cast<Default>(place - kDefaults.begin()), std::move(*always),
                     std::move(*never)};
}

std::string to_xml(const Preferences& preferences) {
  xml::Writer w;
  w.open("prefs", xmpp::ns::kArchive);
  w.attribute("default", kDefaults[static_cast<std::size_t>(preferences.otherwise)]);
  const auto write = [&w](std::string_view name, const std::vector<Jid>& jids) {
    w.open(name);
    for (const Jid& jid : jids) w.open("jid").text(jid.full()).close();
    w.close();
  };
  write("always", preferences.always);
  write("never", preferences.never);
  w.close();
  return std::move(w).take();
}

// Section 2.2. A full JID says more than a bare one, and in doubt nothing is kept.
bool archives(const LocalAccount& account, const Jid& peer) {
  const auto* preferences = account.slots.find<Preferences>();
  if (preferences == nullptr) return true;
  const Jid bare = peer.to_bare();
  for (const Jid& jid : {peer, bare}) {
    if (std::ranges::binary_search(preferences->never, jid)) return false;
    if (std::ranges::binary_search(preferences->always, jid)) return true;
  }
  if (preferences->otherwise != Default::roster) return preferences->otherwise == Default::always;
  const core::RosterItem* item = account.roster ? account.roster->find(bare) : nullptr;
  return item != nullptr && item->listed();
}

// Needed only to archive by roster.
Task<Result<std::shared_ptr<core::Roster>>> roster_for(const Preferences& preferences,
                                                       core::Worker& worker, Jid account) {
  if (preferences.otherwise != Default::roster) co_return nullptr;
  co_return co_await worker.roster(account);
}

void adopt(LocalAccount& account, Preferences preferences, std::shared_ptr<core::Roster> roster) {
  account.keeps_roster = roster != nullptr;
  if (!account.roster) account.roster = std::move(roster);
  if (preferences.usual()) {
    account.slots.erase<Preferences>();
  } else {
    account.slots.get<Preferences>() = std::move(preferences);
  }
}

std::optional<Preferences> decode(const std::string& text) {
  const auto document = xml::Document::parse(text);
  if (!document) return std::nullopt;
  auto preferences = read_preferences(document->root());
  if (!preferences) return std::nullopt;
  return std::move(*preferences);
}

Task<Result<>> load(core::Worker& worker, LocalAccount& account) {
  auto& maps = worker.server().store().maps();
  const auto stored = co_await maps.get(account.bare.str(), std::string(kMap), std::string(kKey));
  if (!stored) co_return std::unexpected(stored.error());
  if (!*stored) co_return Result<>{};
  auto preferences = decode(**stored);
  if (!preferences) {
    log::error("archive_preferences_damaged", {{"jid", account.bare.full()}});
    co_return Result<>{};
  }
  auto roster = co_await roster_for(*preferences, worker, account.bare);
  if (!roster) co_return std::unexpected(roster.error());
  adopt(account, std::move(*preferences), std::move(*roster));
  co_return Result<>{};
}

Task<IqReply> get(IqRequest request) {
  const LocalAccount* account = request.worker->directory().find(request.stanza.to().full());
  const auto* preferences = account == nullptr ? nullptr : account->slots.find<Preferences>();
  co_return to_xml(preferences == nullptr ? Preferences() : *preferences);
}

Task<IqReply> set(IqRequest request) {
  auto preferences = read_preferences(request.payload());
  if (!preferences) co_return std::unexpected(std::move(preferences.error()));
  const Jid account_jid = request.stanza.to();
  auto roster = co_await roster_for(*preferences, *request.worker, account_jid);
  if (!roster) co_return store_trouble(account_jid, roster.error());
  std::string text = to_xml(*preferences);
  std::vector<store::Change> changes(1);
  changes[0].map = kMap;
  changes[0].key = kKey;
  if (!preferences->usual()) changes[0].value = text;
  auto& maps = request.worker->server().store().maps();
  const auto done = co_await maps.apply(account_jid.str(), std::move(changes));
  if (!done) co_return store_trouble(account_jid, done.error());
  LocalAccount* account = request.worker->directory().find(account_jid.full());
  if (account != nullptr) adopt(*account, std::move(*preferences), std::move(*roster));
  co_return text;
}

void setup(core::Host& host) {
  host.on_load_account(load);
  host.decide_archiving(archives);
  host.on_own_iq(StanzaType::get, "prefs", xmpp::ns::kArchive, get);
  host.on_own_iq(StanzaType::set, "prefs", xmpp::ns::kArchive, set);
}

}  // namespace

extern const core::Module kMamPrefs;
const core::Module kMamPrefs{"archive_preferences", {441, "0.2.0"}, "Archiving preferences", setup};

}  // namespace starling::modules
