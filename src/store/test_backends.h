// The backends that every contract test of store.h runs over: a new one adds itself here.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "store/memory.h"
#include "store/postgres.h"
#include "store/sqlite.h"
#include "store/store.h"
#include "store/test_postgres.h"
#include "store/test_support.h"

namespace starling::store {

struct Backend {
  std::string name;
  std::function<std::unique_ptr<Store>(const TemporaryFolder&)> open;
};

inline auto backends() {
  return ::testing::Values(
      Backend{"Memory", [](const TemporaryFolder&) { return open_memory(); }},
      Backend{
          "Sqlite",
          [](const TemporaryFolder& folder) { return open_sqlite(folder / "store.db").value(); }},
      Backend{"Postgres", [](const TemporaryFolder&) {
                return open_postgres(TestPostgres::get().new_database()).value();
              }});
}

// A contract test: a fresh store of the backend in question, and a loop to call it from.
class ContractTest : public ::testing::TestWithParam<Backend> {
 protected:
  template <class T>
  T wait(Task<T> task) {
    return store::wait(loop_, std::move(task));
  }

  TemporaryFolder folder_;
  ManualLoop loop_;
  std::unique_ptr<Store> store_ = GetParam().open(folder_);
};

}  // namespace starling::store
