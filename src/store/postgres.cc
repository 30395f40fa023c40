#include "store/postgres.h"

#include <memory>
#include <utility>

#include "store/postgres_connection.h"
#include "store/postgres_engine.h"
#include "store/postgres_schema.h"
#include "store/postgres_shapes.h"

namespace starling::store {

namespace postgres {
namespace {

class PostgresStore final : public Store {
 public:
  PostgresStore(const std::string& conninfo, std::string name, const PostgresOptions& options)
      : engine_(conninfo, std::move(name), options) {}

  Accounts& accounts() override { return accounts_; }
  Maps& maps() override { return maps_; }
  Logs& logs() override { return logs_; }
  Task<Result<Backup>> backup(std::string /*path*/) override {
    co_return fail(Errc::invalid, "the database is PostgreSQL's: pg_dump makes a backup of it");
  }
  [[nodiscard]] Stats stats() const override { return engine_.stats(); }
  [[nodiscard]] bool crowded() const override { return engine_.crowded(); }

 private:
  Engine engine_;
  PostgresAccounts accounts_{engine_};
  PostgresMaps maps_{engine_};
  PostgresLogs logs_{engine_};
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

}  // namespace starling::store
