#include "core/peers.h"

#include "base/metrics.h"
#include "core/remote.h"
#include "core/server.h"

namespace starling::core {

using cluster::Home;
using cluster::NodeId;

Peers::Peers(Server& server) : server_(server), batches_(server.worker_count()) {}

void Peers::joined(const store::Member& self) {
  server_.set_slot(self.slot);
}

void Peers::fenced(std::string_view /*why*/) {
  for (std::size_t i = 0; i < server_.worker_count(); ++i) {
    Worker& worker = server_.worker(i);
    worker.loop().post([&worker] { worker.remote().fenced(); });
  }
}

void Peers::parcel(NodeId from, std::string_view parcel) {
  cluster::Decoder decoder(parcel);
  const auto head = read_parcel_head(decoder);
  if (!head) {
    static metrics::Counter& bad = metrics::counter(
        "starling_bus_bad_parcels_total", "Parcels from other nodes that could not be read");
    return bad.add();
  }
  const std::size_t worker = is_for_account(head->kind)
                                 ? server_.home_of(head->account)
                                 : (head->number & 0xFFU) % server_.worker_count();
  batches_[worker].emplace_back(from, std::string(parcel));
}

void Peers::batch_end() {
  for (std::size_t i = 0; i < batches_.size(); ++i) {
    if (batches_[i].empty()) continue;
    Worker& worker = server_.worker(i);
    worker.loop().post([&worker, batch = std::exchange(batches_[i], {})] {
      for (const auto& [from, parcel] : batch) worker.remote().take(from, parcel);
    });
  }
}

void Peers::keepers_changed() {
  for (std::size_t i = 0; i < server_.worker_count(); ++i) {
    Worker& worker = server_.worker(i);
    worker.loop().post([&worker] { worker.remote().homes().members_changed(); });
  }
}

void Peers::peer_gone(NodeId peer, const std::vector<std::string>& accounts) {
  std::vector<std::vector<std::string>> orphans(server_.worker_count());
  for (const std::string& account : accounts) orphans[server_.home_of(account)].push_back(account);
  for (std::size_t i = 0; i < server_.worker_count(); ++i) {
    Worker& worker = server_.worker(i);
    worker.loop().post([&worker, peer, of_it = std::move(orphans[i])]() mutable {
      worker.remote().peer_gone(peer);
      worker.remote().homes().adopt(std::move(of_it));
      worker.remote().homes().adopt(worker.shown().orphans_of(peer));
    });
  }
}

void Peers::home_conflict(const std::string& account, Home mine, Home other) {
  const auto jid = xmpp::Jid::parse(account);
  if (!jid) return;
  Worker& worker = server_.worker(server_.home_of(account));
  worker.loop().post([&worker, jid = *jid, mine, other] {
    worker.remote().homes().home_conflict(jid, mine, other);
  });
}

void Peers::other_home(const std::string& account, Home other) {
  const auto jid = xmpp::Jid::parse(account);
  if (!jid) return;
  Worker& worker = server_.worker(server_.home_of(account));
  worker.loop().post(
      [&worker, jid = *jid, node = other.node] { worker.remote().homes().other_home(jid, node); });
}

}  // namespace starling::core
