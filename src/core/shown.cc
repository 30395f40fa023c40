#include "core/shown.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "base/log.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using xmpp::Jid;

namespace {

constexpr std::string_view kMap = Offline::kMap;
constexpr std::string_view kPrefix = "shown ";  // and the resource; the value is its home's node

std::string key_of(const Jid& full) {
  return std::string(kPrefix) + std::string(full.resource());
}

std::vector<store::Change> change(const Jid& full, std::optional<std::string> value) {
  std::vector<store::Change> changes(1);
  changes[0].map = kMap;
  changes[0].key = key_of(full);
  changes[0].value = std::move(value);
  return changes;
}

cluster::NodeId node_of(std::string_view value) {
  cluster::NodeId node = 0;
  std::from_chars(value.data(), value.data() + value.size(), node);
  return node;
}

// It is here, or waits to be resumed.
bool is_back(const LocalAccount& account, const Jid& full) {
  if (account.find(full.resource()) != nullptr) return true;
  return account.parked &&
         std::ranges::find(*account.parked, full, &ParkedSession::jid) != account.parked->end();
}

}  // namespace

void Shown::began(const Jid& full) {
  const cluster::Cluster* cluster = worker_.server().cluster();
  if (cluster != nullptr) write(full, std::to_string(cluster->self()));
}

void Shown::ended(const Jid& full) {
  if (worker_.server().cluster() != nullptr) write(full, std::nullopt);
}

void Shown::write(const Jid& full, std::optional<std::string> value) {
  if (worker_.remote().lapsed()) return;  // it is another's business
  const auto run = [](Worker* worker, std::string account,
                      std::vector<store::Change> changes) -> Task<void> {
    static_cast<void>(
        co_await worker->server().store().maps().apply(std::move(account), std::move(changes)));
  };
  worker_.gate().spawn(run(&worker_, std::string(full.bare()), change(full, std::move(value))));
}

void Shown::load(const LocalAccount& account, const std::vector<store::Entry>& entries) {
  const cluster::Cluster* cluster = worker_.server().cluster();
  if (cluster == nullptr) return;
  for (const store::Entry& entry : entries) {
    if (!entry.key.starts_with(kPrefix)) continue;
    const cluster::NodeId node = node_of(entry.value);
    if (!cluster->is_gone(node)) {
      if (node != cluster->self()) shown_elsewhere_[node].insert(account.bare.str());
      continue;
    }
    auto full = Jid::parse(account.bare.str() + "/" + entry.key.substr(kPrefix.size()));
    if (!full) continue;
    worker_.turns().run(account.bare.full(), [this, full = std::move(*full), by = entry.value] {
      return end(full, by);
    });
  }
}

std::vector<std::string> Shown::orphans_of(std::uint64_t node) {
  auto found = shown_elsewhere_.extract(node);
  if (found.empty()) return {};
  return {found.mapped().begin(), found.mapped().end()};
}

Task<void> Shown::end(Jid full, std::string by) {
  const std::string owner(full.bare());
  if (!worker_.remote().homes().is_here(owner)) co_return;
  auto& maps = worker_.server().store().maps();
  const auto entry = co_await maps.get(owner, std::string(kMap), key_of(full));
  const LocalAccount* account = worker_.directory().find(full.bare());
  if (!entry || *entry != by || account == nullptr || is_back(*account, full)) co_return;
  if (!co_await maps.apply(owner, change(full, std::nullopt))) co_return;
  log::info("session_died_with_its_node", {{"jid", full.full()}, {"node", by}});
  Session gone;
  gone.jid = full;
  gone.presence = std::make_unique<const xmpp::Stanza>(
      xmpp::make_presence(xmpp::StanzaType::available, full, Jid()));
  const auto roster = co_await worker_.roster(full.to_bare());
  worker_.presence().session_ended(gone, roster ? *roster : nullptr);
}

}  // namespace starling::core
