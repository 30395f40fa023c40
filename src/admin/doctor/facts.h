// What the doctor knows before it judges: plain values, gathered from the system (gather.h) or made
// up by a test.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "net/certificate_facts.h"
#include "net/dns_lookup.h"

namespace starling::admin::doctor {

// One file that the node serves certificates from.
struct CertificateFile {
  net::CertificateFacts facts;
  std::string error;               // why it cannot be served; "": it can
  std::vector<std::string> hosts;  // those it is for
};

struct ListenerFacts {
  std::string ip;
  std::uint16_t port = 0;
  bool tls = false;             // from the first byte
  bool proxied = false;         // the PROXY protocol comes first
  bool closed_to_node = false;  // only its proxies may connect, and the node itself is none
  std::string trouble;          // what a connection from the node itself met; "": it was answered
};

// Where a name leads.
struct Addresses {
  std::vector<std::string> own;      // of this machine
  std::vector<std::string> foreign;  // of others
  std::string error;                 // why it is not known
};

struct HostRecords {
  std::string host;
  std::string name;           // the host in DNS; "": it is none (an address, localhost)
  net::DnsAnswer starttls;    // SRV _xmpp-client._tcp (RFC 6120 section 3.2.1)
  net::DnsAnswer direct_tls;  // SRV _xmpps-client._tcp (XEP-0368)
};

struct DnsFacts {
  std::string error;  // why nothing could be asked
  std::vector<HostRecords> hosts;
  std::map<std::string, Addresses, std::less<>> addresses;  // of the hosts and the SRV targets
};

// Open files, sockets among them.
struct FileFacts {
  std::uint64_t soft_limit = 0;
  std::uint64_t hard_limit = 0;
  std::uint64_t in_use = 0;
  std::uint64_t reserved = 0;  // option reserved_files
};

struct ClockFacts {
  std::int64_t now_s = 0;  // since 1970
  bool asked = false;      // whether the system tells
  bool synchronised = false;
  std::int64_t behind_store_s = 0;  // how far the newest archived message is in the future
};

struct DiskFacts {
  std::string folder;
  std::string error;  // why it cannot be read or written
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;  // for this user
  std::uint64_t total_inodes = 0;
  std::uint64_t free_inodes = 0;
  std::uint64_t database_bytes = 0;
  std::uint64_t wal_bytes = 0;
  std::uint64_t failed_writes = 0;  // since the node started
};

struct MemoryFacts {
  std::uint64_t system_bytes = 0;  // what the machine has, or the node's cgroup may have
  std::uint64_t budget_bytes = 0;  // option max_memory, or what follows from its default
  std::uint64_t in_use_bytes = 0;  // by the node
  int overcommit = 0;              // vm.overcommit_memory
};

// Of one other node.
struct PeerFacts {
  std::string name;  // and address
  std::string version;
  bool hears_us = false;
  bool heard = false;
  bool knows_sessions = false;
  std::int64_t lease_ms_ago = 0;
};

struct ClusterFacts {
  bool member = false;  // of a cluster of several nodes, or one that could be
  bool serving = false;
  bool bus_connected = false;
  std::int64_t clock_offset_us = 0;  // the database's minus ours
  std::string version;
  std::vector<PeerFacts> peers;
};

struct Facts {
  std::vector<std::string> hosts;
  std::vector<CertificateFile> certificates;
  std::vector<ListenerFacts> listeners;
  DnsFacts dns;
  FileFacts files;
  ClockFacts clock;
  DiskFacts disk;
  MemoryFacts memory;
  ClusterFacts cluster;
  std::string versions;
};

}  // namespace starling::admin::doctor
