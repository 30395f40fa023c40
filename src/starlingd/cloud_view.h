// CloudView: what the provider of the machine may know of the node.
//
// Which node of the cluster may go first, one of them says: who holds a lease.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "cloud/lifecycle.h"
#include "cluster/leases.h"
#include "core/server.h"
#include "starlingd/cluster_node.h"
#include "starlingd/load_meter.h"

namespace starling::starlingd {

class CloudView final : public cloud::NodeView, public cluster::LeaseHolder {
 public:
  static constexpr std::string_view kLease = "scale_in";

  // All outlive it; `cluster` is nullptr if the node is alone.
  CloudView(const core::Server& server, const LoadMeter& meter, ClusterNode* cluster)
      : server_(server), meter_(meter), cluster_(cluster) {}

  [[nodiscard]] std::optional<std::uint64_t> utilisation() override;
  [[nodiscard]] std::optional<std::vector<cloud::NodeLoad>> to_choose_from() override;

  void lease_held(const store::Lease& lease) override;
  void lease_ends(std::move_only_function<void()> done) override;

 private:
  const core::Server& server_;
  const LoadMeter& meter_;
  ClusterNode* cluster_;
  std::atomic<bool> chooses_ = false;
};

}  // namespace starling::starlingd
