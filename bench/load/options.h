// What the command line says.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "socket.h"

namespace load {

enum class Encryption { none, starttls, direct };

struct Options {
  std::string workload;
  std::vector<Address> servers;  // clients connect to them in turn
  bool relay = false;            // the server is the relay: no XMPP but the stanzas themselves
  Encryption encryption = Encryption::none;
  bool resume = false;  // TLS sessions
  std::string user_prefix = "u";
  std::string password = "secret";
  std::vector<pid_t> processes;  // of the servers
  pid_t database = 0;            // theirs, if it is a process of its own

  unsigned sessions = 100;
  unsigned at_first = 0;    // leaving: so many of them log in at once; 0: all
  unsigned first = 0;       // its number; another process has those before it
  unsigned in_flight = 50;  // log-ins, pages or broadcasts at a time
  double settle_s = 1;
  double warmup_s = 1;
  double seconds = 5;

  unsigned pairs = 10;
  unsigned window = 1;
  unsigned bytes = 100;
  double rate = 0;             // messages a second; 0: whenever one arrives
  std::uint64_t messages = 0;  // end after so many; 0: after `seconds`
  bool no_store = false;
  bool drain = false;  // what the server has put off counts
  unsigned contacts = 50;
  double managed_share = 2.0 / 3;  // of the sessions, those with stream management

  TlsContext tls;
};

// Of "HOST:PORT,HOST:PORT".
std::vector<Address> addresses(std::string_view list);

}  // namespace load
