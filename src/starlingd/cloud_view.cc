#include "starlingd/cloud_view.h"

#include "cluster/cluster.h"

namespace starling::starlingd {

std::optional<std::uint64_t> CloudView::utilisation() {
  const bool serves = server_.cluster() == nullptr || server_.cluster()->serving();
  if (!serves || server_.drain().begun()) return std::nullopt;
  return meter_.utilisation().percent;
}

std::optional<std::vector<cloud::NodeLoad>> CloudView::to_choose_from() {
  if (!chooses_ || cluster_ == nullptr) return std::nullopt;
  return cluster_->present_nodes();
}

void CloudView::lease_held(const store::Lease& /*lease*/) {
  chooses_ = true;
}

// A call to the provider may be under way, and is not waited for: were two to choose for a moment,
// the next round of the one that stays mends it.
void CloudView::lease_ends(std::move_only_function<void()> done) {
  chooses_ = false;
  done();
}

}  // namespace starling::starlingd
