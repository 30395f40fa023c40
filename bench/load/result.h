// Result: what is printed, one line of JSON; and Meter, which reads what it is made of.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "latency.h"
#include "loop.h"
#include "options.h"
#include "process.h"

namespace load {

class Result {
 public:
  void add(std::string_view name, double value) {
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), "%.3f", value);
    if (!fields_.empty()) fields_.append(", ");
    fields_.append("\"").append(name).append("\": ").append(text.data());
  }
  void add(const Latencies& latencies) {
    add("p50_us", latencies.quantile_us(0.5));
    add("p99_us", latencies.quantile_us(0.99));
    add("max_us", latencies.max_us());
  }
  void print() const { std::printf("{%s}\n", fields_.c_str()); }

 private:
  std::string fields_;
};

// From its making on: time and CPU.
class Meter {
 public:
  explicit Meter(const Options& options)
      : options_(&options),
        began_ns_(now_ns()),
        server_us_(cpu_us(options.processes)),
        database_us_(cpu_us({&options.database, 1})),
        own_us_(own_cpu_us()) {}

  // Adds what `count` of `what` took.
  void report(Result& result, std::string_view what, std::uint64_t count) const {
    const double seconds = static_cast<double>(now_ns() - began_ns_) / 1e9;
    const auto n = static_cast<double>(std::max<std::uint64_t>(count, 1));
    const auto server_us = static_cast<double>(cpu_us(options_->processes) - server_us_);
    result.add(what, static_cast<double>(count));
    result.add("seconds", seconds);
    result.add("per_s", static_cast<double>(count) / seconds);
    result.add("server_us", server_us / n);
    result.add("server_cores", server_us / 1e6 / seconds);
    if (options_->database != 0) {
      const std::int64_t spent = cpu_us({&options_->database, 1}) - database_us_;
      result.add("database_us", static_cast<double>(spent) / n);
    }
    result.add("load_us", static_cast<double>(own_cpu_us() - own_us_) / n);
  }

 private:
  const Options* options_;
  std::int64_t began_ns_;
  std::int64_t server_us_;
  std::int64_t database_us_;
  std::int64_t own_us_;
};

}  // namespace load
