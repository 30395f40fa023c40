// Slots: what modules keep with an account or a session while it is in memory, one object a type.
//
// Empty slots cost one pointer. Not thread-safe: they belong to the account's home worker.
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace starling::core {

class Slots {
 public:
  template <class T>
  [[nodiscard]] T* find() const {
    if (!slots_) return nullptr;
    for (const auto& slot : *slots_) {
      if (slot.first == key<T>()) return static_cast<T*>(slot.second.get());
    }
    return nullptr;
  }
  // The object, made by its default constructor if there is none yet.
  template <class T>
  T& get() {
    if (T* found = find<T>()) return *found;
    if (!slots_) slots_ = std::make_unique<List>();
    auto made = std::make_shared<T>();
    T& object = *made;
    slots_->emplace_back(key<T>(), std::move(made));
    return object;
  }
  template <class T>
  void erase() {
    if (!slots_) return;
    std::erase_if(*slots_, [](const auto& slot) { return slot.first == key<T>(); });
    if (slots_->empty()) slots_.reset();
  }

 private:
  using List = std::vector<std::pair<const void*, std::shared_ptr<void>>>;
  template <class T>
  static const void* key() {
    static constexpr char kKey = 0;
    return &kKey;
  }
  std::unique_ptr<List> slots_;
};

}  // namespace starling::core
