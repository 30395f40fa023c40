// The questions of gather.h one by one. All of them block: for its thread only.
#pragma once

#include <string>
#include <vector>

#include "admin/doctor/facts.h"
#include "config/config.h"

namespace starling::admin::doctor {

std::vector<CertificateFile> ask_certificates(const config::Config& config);
// Fills in `trouble`: connects to the listener and opens a stream to the host.
void ask_port(ListenerFacts& listener, const std::string& host);
DnsFacts ask_records(const config::Config& config);
FileFacts ask_files(const config::Config& config);
ClockFacts ask_clock();
DiskFacts ask_disk(const config::Config& config);
MemoryFacts ask_memory(std::uint64_t max_memory);
std::string ask_versions();

}  // namespace starling::admin::doctor
