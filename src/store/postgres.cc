#include "store/postgres.h"

#include <memory>
#include <mutex>
#include <utility>

#include "base/random.h"
#include "store/postgres_connection.h"
#include "store/postgres_engine.h"
#include "store/postgres_members.h"
#include "store/postgres_schema.h"
#include "store/postgres_shapes.h"

namespace starling::store {

namespace postgres {
namespace {

class PostgresStore final : public Store {
 public:
  PostgresStore(std::string conninfo, std::string name, const PostgresOptions& options)
      : conninfo_(std::move(conninfo)),
        name_(std::move(name)),
        options_(options),
        engine_({.conninfo = conninfo_,
                 .connect_patience = options_.patience,
                 .fence = static_cast<std::int64_t>(random_u64())},
                name_, options_) {}

  Accounts& accounts() override { return accounts_; }
  Maps& maps() override { return maps_; }
  Logs& logs() override { return logs_; }
  // Made when first asked for: a node that is alone needs no connection more.
  Members* members() override {
    std::call_once(members_made_, [this] {
      members_ = std::make_unique<PostgresMembers>(conninfo_, name_, options_);
    });
    return members_.get();
  }
  Task<Result<Backup>> backup(std::string /*path*/) override {
    co_return fail(Errc::invalid, "the database is PostgreSQL's: pg_dump makes a backup of it");
  }
  [[nodiscard]] Stats stats() const override { return engine_.stats(); }
  [[nodiscard]] StoreMemory memory() const override { return {0, engine_.waiting_bytes()}; }
  [[nodiscard]] bool crowded() const override { return engine_.crowded(); }
  std::chrono::nanoseconds take_lag() override { return engine_.take_lag(); }

 private:
  const std::string conninfo_;
  const std::string name_;
  const PostgresOptions options_;
  Engine engine_;
  PostgresAccounts accounts_{engine_};
  PostgresMaps maps_{engine_};
  PostgresLogs logs_{engine_};
  std::once_flag members_made_;
  std::unique_ptr<PostgresMembers> members_;
};

}  // namespace
}  // namespace postgres

Result<std::unique_ptr<Store>> open_postgres(const std::string& url,
                                             const PostgresOptions& options) {
  using namespace postgres;  // NOLINT(google-build-using-namespace): all of it
  const auto settings = conninfo(url);
  if (!settings) return std::unexpected(settings.error());
  auto connection = Connection::open(*settings);
  if (!connection) return std::unexpected(connection.error());
  std::string name = connection->name();
  for (const auto& step : {migrate(*connection), check_complete(*connection)}) {
    if (!step) return fail(step.error().code, name + ": " + step.error().message);
  }
  return std::make_unique<PostgresStore>(*settings, std::move(name), options);
}

Result<std::string> address_towards_postgres(const std::string& url) {
  const auto settings = postgres::conninfo(url);
  if (!settings) return std::unexpected(settings.error());
  const auto connection = postgres::Connection::open(*settings);
  if (!connection) return std::unexpected(connection.error());
  return connection->local_address();
}

}  // namespace starling::store
