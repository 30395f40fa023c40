#include "net/dns_lookup.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/deadline.h"

namespace starling::net {

namespace {

// How long c-ares waits for one server before it asks the next, or asks again.
constexpr int kTryMilliseconds = 1'000;
constexpr int kTries = 2;

struct ChannelFree {
  void operator()(ares_channel channel) const { ares_destroy(channel); }
};
using Channel = std::unique_ptr<std::remove_pointer_t<ares_channel>, ChannelFree>;

struct Waiting {
  DnsType type = DnsType::a;
  DnsAnswer answer;
  bool done = false;
};

int type_number(DnsType type) {
  switch (type) {
    case DnsType::a:
      return ns_t_a;
    case DnsType::aaaa:
      return ns_t_aaaa;
    case DnsType::srv:
      return ns_t_srv;
  }
  return ns_t_a;
}

int read_services(const unsigned char* bytes, int length, std::vector<SrvRecord>& services) {
  ares_srv_reply* first = nullptr;
  const int status = ares_parse_srv_reply(bytes, length, &first);
  for (const auto* reply = first; reply != nullptr; reply = reply->next) {
    services.push_back({.priority = reply->priority,
                        .weight = reply->weight,
                        .port = reply->port,
                        .target = reply->host});
  }
  ares_free_data(first);
  std::ranges::sort(services, {}, &SrvRecord::priority);
  return status;
}

int read_addresses(DnsType type, const unsigned char* bytes, int length,
                   std::vector<std::string>& addresses) {
  hostent* host = nullptr;
  const int status = type == DnsType::a
                         ? ares_parse_a_reply(bytes, length, &host, nullptr, nullptr)
                         : ares_parse_aaaa_reply(bytes, length, &host, nullptr, nullptr);
  if (status != ARES_SUCCESS) return status;
  for (char** address = host->h_addr_list; *address != nullptr; ++address) {
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(host->h_addrtype, *address, text, sizeof text);
    addresses.emplace_back(text);
  }
  ares_free_hostent(host);
  return status;
}

void on_answer(void* context, int status, int /*timeouts*/, unsigned char* bytes, int length) {
  auto& waiting = *static_cast<Waiting*>(context);
  waiting.done = true;
  if (status == ARES_SUCCESS) {
    status = waiting.type == DnsType::srv
                 ? read_services(bytes, length, waiting.answer.services)
                 : read_addresses(waiting.type, bytes, length, waiting.answer.addresses);
  }
  const bool known = status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA;
  const bool late = status == ARES_ECANCELLED || status == ARES_ETIMEOUT;
  if (!known) waiting.answer.error = late ? "no name server answers" : ares_strerror(status);
}

// Waits for the channel's sockets once, at most until the deadline.
void turn(ares_channel channel, const Deadline& deadline) {
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
  const auto wanted = static_cast<unsigned>(ares_getsock(channel, sockets.data(), sockets.size()));
  std::vector<pollfd> polled;
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const bool reads = ARES_GETSOCK_READABLE(wanted, i) != 0;
    const bool writes = ARES_GETSOCK_WRITABLE(wanted, i) != 0;
    const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
    if (events != 0) polled.push_back({.fd = sockets[i], .events = static_cast<short>(events)});
  }
  timeval next{};
  timeval most{.tv_sec = deadline.left_ms() / 1'000, .tv_usec = deadline.left_ms() % 1'000 * 1'000};
  const timeval* wait = ares_timeout(channel, &most, &next);
  ::poll(polled.data(), polled.size(),
         static_cast<int>(wait->tv_sec * 1'000 + wait->tv_usec / 1'000 + 1));
  for (const auto& socket : polled) {
    ares_process_fd(channel, (socket.revents & ~POLLOUT) != 0 ? socket.fd : ARES_SOCKET_BAD,
                    (socket.revents & POLLOUT) != 0 ? socket.fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what has timed out
}

Result<Channel> open_channel(const std::vector<std::string>& servers) {
  static const int kLibrary = ares_library_init(ARES_LIB_INIT_ALL);
  if (kLibrary != ARES_SUCCESS) return fail(Errc::unavailable, ares_strerror(kLibrary));
  ares_options options{};
  options.timeout = kTryMilliseconds;
  options.tries = kTries;
  ares_channel made = nullptr;
  int status = ares_init_options(&made, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
  if (status != ARES_SUCCESS) return fail(Errc::unavailable, ares_strerror(status));
  Channel channel(made);
  if (servers.empty()) return channel;
  std::string list;
  for (const auto& server : servers) list += (list.empty() ? "" : ",") + server;
  status = ares_set_servers_ports_csv(channel.get(), list.c_str());
  if (status != ARES_SUCCESS) {
    return fail(Errc::invalid, "dns_servers: " + list + ": " + ares_strerror(status));
  }
  return channel;
}

}  // namespace

Result<std::vector<DnsAnswer>> ask_dns(const std::vector<std::string>& servers,
                                       const std::vector<DnsQuestion>& questions,
                                       std::chrono::milliseconds bound) {
  const Deadline deadline(bound);
  // Before the channel: what is under way when the channel ends is still answered.
  std::vector<Waiting> waiting(questions.size());
  auto channel = open_channel(servers);
  if (!channel) return std::unexpected(channel.error());
  for (std::size_t i = 0; i < questions.size(); ++i) {
    waiting[i].type = questions[i].type;
    ares_query(channel->get(), questions[i].name.c_str(), ns_c_in, type_number(questions[i].type),
               on_answer, &waiting[i]);
  }
  while (!deadline.passed() && !std::ranges::all_of(waiting, &Waiting::done)) {
    turn(channel->get(), deadline);
  }
  ares_cancel(channel->get());
  std::vector<DnsAnswer> answers;
  for (auto& one : waiting) answers.push_back(std::move(one.answer));
  return answers;
}

}  // namespace starling::net
