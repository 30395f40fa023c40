// The store's shapes on PostgreSQL: each call is one statement of postgres_sql.h.
#pragma once

#include "store/postgres_engine.h"
#include "store/store.h"

namespace starling::store::postgres {

class PostgresAccounts final : public Accounts {
 public:
  explicit PostgresAccounts(Engine& engine) : engine_(engine) {}

  Task<Result<>> create(Account account) override;
  Task<Result<Account>> find(std::string host, std::string username) override;
  Task<Result<>> set_credentials(std::string host, std::string username,
                                 std::vector<Credential> credentials) override;
  Task<Result<>> erase(std::string host, std::string username) override;
  Task<Result<std::vector<std::string>>> list(std::string host, std::string after,
                                              std::uint32_t limit) override;
  Task<Result<std::uint64_t>> count(std::string host) override;

 private:
  Engine& engine_;
};

class PostgresMaps final : public Maps {
 public:
  explicit PostgresMaps(Engine& engine) : engine_(engine) {}

  Task<Result<std::optional<std::string>>> get(std::string owner, std::string map,
                                               std::string key) override;
  Task<Result<std::vector<Entry>>> scan(std::string owner, std::string map) override;
  Task<Result<>> apply(std::string owner, std::vector<Change> changes,
                       std::optional<Fence> fence) override;

 private:
  Engine& engine_;
};

class PostgresLogs final : public Logs {
 public:
  explicit PostgresLogs(Engine& engine) : engine_(engine) {}

  Task<Result<>> append(std::string owner, std::string log, LogEntry entry) override;
  Task<Result<LogPage>> read(std::string owner, std::string log, LogFilter filter,
                             std::uint32_t limit, bool newest) override;
  Task<Result<std::uint64_t>> count(std::string owner, std::string log, LogFilter filter,
                                    std::uint64_t limit) override;
  Task<Result<std::uint64_t>> trim(std::string owner, std::string log, LogFilter filter) override;

 private:
  Engine& engine_;
};

}  // namespace starling::store::postgres
