// Views: whom each client sees as available, among its contacts.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "result.h"
#include "survivor.h"
#include "xml.h"

namespace load {

class Views {
 public:
  // Clients in a row, in groups of `contacts` and one more, are each other's contacts.
  Views(unsigned count, unsigned contacts)
      : count_(count),
        size_(contacts + 1),
        sees_(std::size_t{count} * size_),
        told_(sees_.size()) {}

  // A new session sees nobody yet.
  void begin(unsigned client) {
    for (unsigned i = 0; i < size_; ++i) sees_[std::size_t{client} * size_ + i] = false;
  }

  // `managed` says who has stream management.
  void seen(unsigned client, std::string_view presence, const std::vector<bool>& managed,
            std::size_t prefix) {
    const std::string_view type = attribute(presence, "type");
    if (!type.empty() && type != "unavailable") return;
    unsigned other = 0;
    for (const char c : attribute(presence, "from").substr(prefix)) {
      if (c < '0' || c > '9') break;
      other = other * 10 + static_cast<unsigned>(c - '0');
    }
    if (other == client || other / size_ != client / size_) return;
    sees_[std::size_t{client} * size_ + other % size_] = type.empty();
    Told& told = told_[std::size_t{client} * size_ + other % size_];
    (type.empty() ? told.came_ns : told.went_ns) = now_ns();
    if (!type.empty()) ++(managed[other] ? unavailable_managed_ : unavailable_unmanaged_);
  }

  // When all are there.
  void report(Result& result) const {
    std::uint64_t blind = 0;
    for (unsigned client = 0; client < count_; ++client) {
      for (unsigned i = 0; i < size_; ++i) {
        const unsigned other = client / size_ * size_ + i;
        if (other == client || other >= count_) continue;
        if (sees_[std::size_t{client} * size_ + i]) continue;
        ++blind;
        const Told& told = told_[std::size_t{client} * size_ + i];
        std::fprintf(stderr, "client %u does not see %u: it came %.3f s ago, and went %.3f s ago\n",
                     client, other, seconds_since(told.came_ns), seconds_since(told.went_ns));
      }
    }
    result.add("unavailable_managed", static_cast<double>(unavailable_managed_));
    result.add("unavailable_unmanaged", static_cast<double>(unavailable_unmanaged_));
    result.add("not_seen_at_the_end", static_cast<double>(blind));
  }

 private:
  // When the client heard of it last.
  struct Told {
    std::int64_t came_ns = 0;
    std::int64_t went_ns = 0;
  };
  static double seconds_since(std::int64_t when) {
    return static_cast<double>(now_ns() - when) / 1e9;
  }

  unsigned count_;
  unsigned size_;
  std::vector<bool> sees_;
  std::vector<Told> told_;
  std::uint64_t unavailable_managed_ = 0;
  std::uint64_t unavailable_unmanaged_ = 0;
};

}  // namespace load
