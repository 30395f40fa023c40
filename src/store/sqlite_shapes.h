// The store's shapes on SQLite: each call is one job for the Writer or one query for the Readers.
#pragma once

#include "store/sqlite_readers.h"
#include "store/sqlite_writer.h"
#include "store/store.h"

namespace starling::store::sqlite {

class SqliteAccounts final : public Accounts {
 public:
  SqliteAccounts(Writer& writer, Readers& readers) : writer_(writer), readers_(readers) {}

  Task<Result<>> create(Account account) override;
  Task<Result<Account>> find(std::string host, std::string username) override;
  Task<Result<>> set_credentials(std::string host, std::string username,
                                 std::vector<Credential> credentials) override;
  Task<Result<>> erase(std::string host, std::string username) override;
  Task<Result<std::vector<std::string>>> list(std::string host, std::string after,
                                              std::uint32_t limit) override;
  Task<Result<std::uint64_t>> count(std::string host) override;

 private:
  Writer& writer_;
  Readers& readers_;
};

class SqliteMaps final : public Maps {
 public:
  SqliteMaps(Writer& writer, Readers& readers) : writer_(writer), readers_(readers) {}

  Task<Result<std::optional<std::string>>> get(std::string owner, std::string map,
                                               std::string key) override;
  Task<Result<std::vector<Entry>>> scan(std::string owner, std::string map) override;
  Task<Result<>> apply(std::string owner, std::vector<Change> changes,
                       std::optional<Fence> fence) override;

 private:
  Writer& writer_;
  Readers& readers_;
};

class SqliteLogs final : public Logs {
 public:
  SqliteLogs(Writer& writer, Readers& readers) : writer_(writer), readers_(readers) {}

  Task<Result<>> append(std::string owner, std::string log, LogEntry entry) override;
  Task<Result<LogPage>> read(std::string owner, std::string log, LogFilter filter,
                             std::uint32_t limit, bool newest) override;
  Task<Result<std::uint64_t>> count(std::string owner, std::string log, LogFilter filter,
                                    std::uint64_t limit) override;
  Task<Result<std::uint64_t>> trim(std::string owner, std::string log, LogFilter filter) override;

 private:
  Writer& writer_;
  Readers& readers_;
};

}  // namespace starling::store::sqlite
