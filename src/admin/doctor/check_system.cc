#include <algorithm>
#include <array>
#include <cstdio>

#include "admin/doctor/checks.h"

namespace starling::admin::doctor {

namespace {

constexpr std::uint64_t kMiB = 1'048'576;
constexpr std::uint64_t kFewFiles = 16'384;          // as a limit: a node of this size is small
constexpr std::uint64_t kLittleDisk = 1'024 * kMiB;  // free
constexpr std::uint64_t kNoDisk = 64 * kMiB;         // free
constexpr std::uint64_t kFewInodes = 1'000;          // free
constexpr std::uint64_t kLargeWal = 256 * kMiB;
constexpr std::int64_t kClockJump = 60;  // seconds
constexpr int kStrictOvercommit = 2;     // vm.overcommit_memory

// In steps of 1024: 512 B, 3.5 GiB.
std::string size_of(std::uint64_t bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string percent_of(std::uint64_t part, std::uint64_t whole) {
  return std::to_string(whole == 0 ? 0 : part * 100 / whole) + " %";
}

}  // namespace

void check_ports(const std::vector<ListenerFacts>& listeners, Findings& findings) {
  Report report(findings, "port");
  for (const auto& listener : listeners) {
    const std::string name = std::to_string(listener.port) + " on " + listener.ip +
                             (listener.tls ? " (direct TLS)" : " (STARTTLS)") +
                             (listener.proxied ? " (PROXY)" : "");
    if (listener.closed_to_node) {
      report.ok(name + ": only its proxies may connect, so it was not tried");
    } else if (listener.trouble.empty()) {
      report.ok(name + " answers");
    } else {
      report.error(name + " does not answer the node itself: " + listener.trouble,
                   "look into the log for what happened at this time: too many files or "
                   "connections, a worker that hangs, a firewall on the loopback interface");
    }
  }
}

void check_files(const FileFacts& files, Findings& findings) {
  Report report(findings, "files");
  const std::string use =
      std::to_string(files.in_use) + " of " + std::to_string(files.soft_limit) + " files are open";
  const std::string advice =
      "LimitNOFILE=1048576 for the service (`systemctl edit starling`), or "
      "`ulimit -n` where it is started";
  if (files.in_use + files.reserved >= files.soft_limit) {
    report.error(use + ": new connections wait", advice);
  } else if (files.in_use >= files.soft_limit / 10 * 8) {
    report.warning(use + ": connections will have to wait soon", advice);
  } else if (files.soft_limit < kFewFiles) {
    report.warning(use + ": that is the most connections there can be", advice);
  } else {
    report.ok(use);
  }
}

void check_clock(const ClockFacts& clock, Findings& findings) {
  Report report(findings, "clock");
  if (clock.behind_store_s > kClockJump) {
    report.error("the clock is " + std::to_string(clock.behind_store_s) +
                     " seconds behind the newest archived message: it was set back",
                 "set it right; until then new messages are archived as of that time");
  }
  if (!clock.asked) {
    report.warning("the system does not tell whether the clock is synchronised",
                   "`timedatectl` tells");
  } else if (!clock.synchronised) {
    report.warning(
        "the clock is not synchronised: times of messages and the validity of "
        "certificates depend on it",
        "run systemd-timesyncd, chrony or another NTP client");
  } else {
    report.ok("synchronised");
  }
}

void check_disk(const DiskFacts& disk, Findings& findings) {
  Report report(findings, "disk");
  if (!disk.error.empty()) {
    report.error(disk.folder + ": " + disk.error,
                 "give the folder to the node's user, on a file system that can be written");
    return;
  }
  const std::string room =
      disk.folder + ": " + size_of(disk.free_bytes) + " of " + size_of(disk.total_bytes) + " free";
  const std::string advice =
      "make room, let archives expire sooner (modules.archive), or move data_dir";
  const bool out_of_inodes = disk.total_inodes != 0 && disk.free_inodes < kFewInodes;
  if (disk.free_bytes < kNoDisk) {
    report.error(room + ": messages can soon not be stored", advice);
  } else if (disk.free_bytes < kLittleDisk ||
             disk.free_bytes < disk.database_bytes + disk.wal_bytes) {
    report.warning(room + ": not enough for a backup, or for long", advice);
  } else {
    // None of our own if it is PostgreSQL's.
    report.ok(disk.database_bytes == 0
                  ? room
                  : room + ", the database has " + size_of(disk.database_bytes));
  }
  if (out_of_inodes) {
    report.error(disk.folder + ": " + std::to_string(disk.free_inodes) + " inodes free",
                 "remove small files from this file system");
  }
  if (disk.wal_bytes > kLargeWal) {
    report.warning("the write-ahead log has " + size_of(disk.wal_bytes) +
                       ": something reads an old state of the database for long",
                   "nothing to do during a backup; else see who else has starling.db open (fuser)");
  }
  if (disk.failed_writes > 0) {
    report.error(std::to_string(disk.failed_writes) + " writes have failed since the node started",
                 "see store_unwritable in the log; check disk and file system, then "
                 "`starlingctl backup`, which checks the whole database");
  }
}

void check_memory(const MemoryFacts& memory, Findings& findings) {
  Report report(findings, "memory");
  const std::string use = size_of(memory.in_use_bytes) + " in use, max_memory is " +
                          size_of(memory.budget_bytes) + " of " + size_of(memory.system_bytes);
  if (memory.in_use_bytes > memory.budget_bytes) {
    report.error(use + ": nobody new gets in, and sessions are ended",
                 "a larger max_memory, more memory for the machine, or fewer sessions");
  } else if (memory.budget_bytes >= memory.system_bytes) {
    report.error(use + ": the kernel would end the node before it sheds load",
                 "set max_memory below what there is, or leave it out");
  } else if (memory.in_use_bytes >= memory.budget_bytes / 10 * 9) {
    report.warning(use + ": " + percent_of(memory.in_use_bytes, memory.budget_bytes) +
                       " of the budget; new sessions are refused near its end",
                   "give the machine more memory, or fewer sessions");
  } else {
    report.ok(use);
  }
  if (memory.overcommit == kStrictOvercommit) {
    report.warning("vm.overcommit_memory is 2: memory may be refused long before it is used up",
                   "sysctl vm.overcommit_memory=0");
  }
}

Findings examine(const Facts& facts) {
  Findings findings;
  check_certificates(facts, findings);
  check_dns(facts, findings);
  check_ports(facts.listeners, findings);
  check_files(facts.files, findings);
  check_clock(facts.clock, findings);
  check_disk(facts.disk, findings);
  check_memory(facts.memory, findings);
  check_cluster(facts.cluster, findings);
  Report(findings, "version").ok(facts.versions);
  return findings;
}

}  // namespace starling::admin::doctor
