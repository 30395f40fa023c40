// The in-memory backend: for tests and simulations. Nothing is durable.
#pragma once

#include <memory>

#include "store/store.h"

namespace starling::store {

// What several nodes share: each of its stores sees what the others do. Its clock, for members, is
// that of the loops it is called from.
class MemoryDatabase {
 public:
  MemoryDatabase();
  // One for each node; it may outlive this.
  [[nodiscard]] std::unique_ptr<Store> open();

 private:
  struct Shared;
  friend class MemoryStore;
  std::shared_ptr<Shared> shared_;
};

// The store of a database of its own.
std::unique_ptr<Store> open_memory();

}  // namespace starling::store
