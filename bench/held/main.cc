// How many sessions a node can hold: the server's own streams, sessions and routing, from the first
// byte of the negotiation on, over connections in memory, so that neither the kernel's sockets nor
// a limit of open files are in the way. See docs/performance.md for what that leaves out.
//
//   held_sessions --sessions 2000000 --messages 200000
//
// Every session logs in by SCRAM, binds, asks for its roster and becomes available. Then messages
// go between random pairs of the first thousand, and between random pairs of all. One line of JSON
// on standard output.

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/memory.h"
#include "node.h"

namespace starling::bench {
namespace {

struct Options {
  std::size_t sessions = 10'000;
  std::size_t messages = 100'000;
};

[[noreturn]] void stop(const std::string& why) {
  std::cerr << "held_sessions: " << why << "\n";
  std::exit(1);
}

Options read(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view text = argv[i + 1];
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) stop("a number is needed");
    if (name == "--sessions" && value > 1) {
      options.sessions = value;
    } else if (name == "--messages") {
      options.messages = value;
    } else {
      stop("--sessions N --messages N");
    }
  }
  return options;
}

// Bytes that are this process's alone.
std::size_t private_bytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::size_t kib = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Private_"))
      kib += std::strtoul(line.c_str() + line.find(':') + 1, {}, 10);
  }
  return kib * 1024;
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// CPU microseconds for a message from one random session of the first `among` to another.
double message_cost(Node& node, std::size_t among, std::size_t messages) {
  std::mt19937_64 random(1);  // the same at every run
  std::uniform_int_distribution<std::size_t> any(0, among - 1);
  const std::string head = "<message type='chat' id='m1' to='";
  const std::string tail =
      "'><body>" + std::string(100, 'x') + "</body><no-store xmlns='urn:xmpp:hints'/></message>";
  const std::size_t before = node.received();
  const double start = cpu_seconds();
  std::string message;
  for (std::size_t i = 0; i < messages; ++i) {
    const std::size_t from = any(random);
    message.assign(head).append(Node::full_jid(any(random))).append(tail);
    node.say(from, message);
  }
  const double spent = cpu_seconds() - start;
  if (node.received() - before < messages * message.size()) stop("messages were lost");
  return spent / static_cast<double>(messages) * 1e6;
}

int run(const Options& options) {
  log::set_level(log::Level::warning);
  Node node;
  node.log_in(1'000 < options.sessions ? 1'000 : options.sessions);
  const double few = message_cost(node, node.sessions(), options.messages);
  return_free_memory();
  const std::size_t base = private_bytes();
  const std::size_t base_sessions = node.sessions();
  const double start = cpu_seconds();
  node.log_in(options.sessions);
  const double spent = cpu_seconds() - start;
  node.pass(std::chrono::seconds(30));
  return_free_memory();
  const auto added = static_cast<double>(node.sessions() - base_sessions);
  const double bytes = added > 0 ? static_cast<double>(private_bytes() - base) / added : 0;
  const double many = message_cost(node, node.sessions(), options.messages);
  std::printf(
      "{\"sessions\": %zu, \"available\": %zu, \"bytes_per_session\": %.0f, "
      "\"login_us\": %.1f, \"message_us_1000\": %.3f, \"message_us\": %.3f, "
      "\"private_mib\": %.0f}\n",
      options.sessions, node.available(), bytes, added > 0 ? spent / added * 1e6 : 0, few, many,
      static_cast<double>(private_bytes()) / (1024 * 1024));
  std::fflush(stdout);
  std::_Exit(node.available() == options.sessions ? 0 : 1);  // not two million destructors
}

}  // namespace
}  // namespace starling::bench

int main(int argc, char** argv) {
  return starling::bench::run(starling::bench::read(argc, argv));
}
