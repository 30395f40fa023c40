// Metrics: counters and gauges by name and labels, for Prometheus.
//
//   static metrics::Counter& refused =
//       metrics::counter("starling_connections_refused_total", "Connections closed at once", {});
//   refused.add();
//
// Names are snake_case and begin with `starling_`; a counter's ends in `_total`, a unit (seconds,
// bytes) comes before that. A label's values are few and known beforehand: never an address, a JID
// or anything a client chooses. Thread-safe. What is counted once stays until the process ends.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace starling::metrics {

using Labels = std::map<std::string, std::string>;

// Only rises. Threads add to cells of their own: no cache line wanders between workers.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    cells_[cell_of_this_thread()].n.fetch_add(n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const;

 private:
  static constexpr std::size_t kCells = 8;
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> n{0};
  };
  static std::size_t cell_of_this_thread();

  std::array<Cell, kCells> cells_;
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t by) { value_.fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// The one of that name and those labels; made when it is first asked for. It lives until the
// process ends. `help` is one line and counts when the name is new. A name with very many different
// labels is a mistake: what is too much is counted together, with the labels' values "other".
Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});

// A gauge whose value is asked for when it is wanted, on whichever thread wants it. The value goes
// when this is destroyed. Several of one name and labels are added up.
class Observed {
 public:
  Observed(const std::string& name, const std::string& help, const Labels& labels,
           std::function<double()> value);
  ~Observed();
  Observed(const Observed&) = delete;
  Observed& operator=(const Observed&) = delete;

 private:
  std::string name_;
  Labels labels_;
};

// All of them in Prometheus' text format, by name.
[[nodiscard]] std::string text();

}  // namespace starling::metrics
