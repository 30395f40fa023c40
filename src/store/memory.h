// The in-memory backend: for tests and simulations. Nothing is durable.
#pragma once

#include <memory>

#include "store/store.h"

namespace starling::store {

std::unique_ptr<Store> open_memory();

}  // namespace starling::store
