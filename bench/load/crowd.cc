#include "crowd.h"

#include <algorithm>

namespace load {

Crowd::Crowd(const Options& options, Audience& audience, unsigned group_size)
    : options_(options), audience_(audience), group_size_(group_size) {}

void Crowd::log_in(unsigned count) {
  std::vector<Client*> pending;
  const auto step = [&] {
    std::erase_if(pending, [](const Client* client) { return !client->is_logging_in(); });
    while (size() < count && pending.size() < options_.in_flight) {
      clients_.push_back(
          std::make_unique<Client>(loop_, options_, audience_, size(), size() / group_size_));
      clients_.back()->connect();
      pending.push_back(clients_.back().get());
    }
    return pending.empty();
  };
  run_until(step, [&] { return size() - pending.size(); });
}

void Crowd::log_out() {
  for (const auto& client : clients_) client->close();
  const auto open = [&] {
    return std::ranges::count_if(clients_, [](const auto& c) { return !c->is_closed(); });
  };
  run_until([&] { return open() == 0; }, open);
  clients_.clear();
}

void Crowd::run_for(double seconds, const std::function<void()>& tick) {
  for (const std::int64_t end = now_ns() + to_ns(seconds); now_ns() < end;) {
    loop_.turn(tick ? 1 : 10);
    if (tick) tick();
  }
}

void Crowd::run_until(const std::function<bool()>& done,
                      const std::function<std::uint64_t()>& progress) {
  std::uint64_t before = progress();
  std::int64_t since = now_ns();
  while (!done()) {
    loop_.turn(10);
    if (const std::uint64_t now = progress(); now != before) {
      before = now;
      since = now_ns();
    } else if (now_ns() - since > to_ns(30)) {
      die(options_.workload + ": nothing has happened for half a minute");
    }
  }
}

std::uint64_t Crowd::measure(Result& result, std::string_view what, const std::uint64_t& count,
                             Latencies& latencies) {
  const std::uint64_t before = count;
  latencies = {};
  const Meter meter(options_);
  run_for(options_.seconds);
  if (count == before) die(options_.workload + ": no " + std::string(what));
  meter.report(result, what, count - before);
  result.add(latencies);
  return count - before;
}

}  // namespace load
