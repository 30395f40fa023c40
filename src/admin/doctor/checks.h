// The doctor's judgement: from facts to findings. Pure; any thread.
#pragma once

#include "admin/doctor/facts.h"
#include "admin/doctor/finding.h"

namespace starling::admin::doctor {

// All of those below, in their order.
[[nodiscard]] Findings examine(const Facts& facts);

void check_certificates(const Facts& facts, Findings& findings);
void check_dns(const Facts& facts, Findings& findings);
void check_ports(const std::vector<ListenerFacts>& listeners, Findings& findings);
void check_files(const FileFacts& files, Findings& findings);
void check_clock(const ClockFacts& clock, Findings& findings);
void check_disk(const DiskFacts& disk, Findings& findings);
void check_cluster(const ClusterFacts& cluster, Findings& findings);
void check_memory(const MemoryFacts& memory, Findings& findings);

}  // namespace starling::admin::doctor
