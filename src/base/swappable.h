// Swappable: a value that is read by many and replaced as a whole now and then, as on a reload.
//
// Who has asked for it keeps what it got; who asks later gets the new one. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace starling {

template <class T>
class Swappable {
 public:
  explicit Swappable(T value) { set(std::move(value)); }

  [[nodiscard]] std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void set(T value) { set(std::make_shared<const T>(std::move(value))); }
  void set(std::shared_ptr<const T> value) {
    const std::lock_guard lock(mutex_);
    value_.swap(value);  // the old one goes outside the lock
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace starling
