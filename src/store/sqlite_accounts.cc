#include <utility>

#include "store/account_rules.h"
#include "store/sqlite_shapes.h"

namespace starling::store::sqlite {

namespace {

Result<> insert_credentials(Connection& db, const std::string& host, const std::string& username,
                            const std::vector<Credential>& credentials) {
  for (const auto& c : credentials) {
    auto done = db.exec(
        "INSERT INTO credential (host, username, mechanism, salt, iterations, stored_key,"
        " server_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        host, username, c.mechanism, Blob{c.salt}, c.iterations, Blob{c.stored_key},
        Blob{c.server_key});
    if (!done) return done;
  }
  return {};
}

Result<> delete_credentials(Connection& db, const std::string& host, const std::string& username) {
  return db.exec("DELETE FROM credential WHERE host = ?1 AND username = ?2", host, username);
}

Result<> create_account(Connection& db, const Account& account) {
  auto done = db.exec(
      "INSERT INTO account (host, username, created_at_us) VALUES (?1, ?2, ?3)"
      " ON CONFLICT DO NOTHING",
      account.host, account.username, account.created_at_us);
  if (!done) return done;
  if (db.changes() == 0) {
    return std::unexpected(account_exists(account));
  }
  return insert_credentials(db, account.host, account.username, account.credentials);
}

// One statement, so that account and credentials are of the same moment.
Result<Account> find_account(Connection& db, const std::string& host, const std::string& username) {
  Query rows(db,
             "SELECT a.created_at_us, c.mechanism, c.salt, c.iterations, c.stored_key, c.server_key"
             " FROM account a LEFT JOIN credential c USING (host, username)"
             " WHERE a.host = ?1 AND a.username = ?2 ORDER BY c.mechanism",
             host, username);
  bool found = false;
  Account account{username, host};
  while (rows.next()) {
    found = true;
    account.created_at_us = rows.integer(0);
    if (rows.is_null(1)) break;
    account.credentials.push_back({rows.text(1), rows.text(2),
                                   static_cast<std::uint32_t>(rows.integer(3)), rows.text(4),
                                   rows.text(5)});
  }
  if (auto done = rows.result(); !done) return std::unexpected(done.error());
  if (!found) return std::unexpected(no_account(host, username));
  return account;
}

Result<> set_account_credentials(Connection& db, const std::string& host,
                                 const std::string& username,
                                 const std::vector<Credential>& credentials) {
  {
    Query row(db, "SELECT 1 FROM account WHERE host = ?1 AND username = ?2", host, username);
    const bool found = row.next();
    if (auto done = row.result(); !done) return done;
    if (!found) return std::unexpected(no_account(host, username));
  }
  if (auto done = delete_credentials(db, host, username); !done) return done;
  return insert_credentials(db, host, username, credentials);
}

Result<> erase_account(Connection& db, const std::string& host, const std::string& username) {
  auto done = db.exec("DELETE FROM account WHERE host = ?1 AND username = ?2", host, username);
  if (!done) return done;
  if (db.changes() == 0) return std::unexpected(no_account(host, username));
  if (done = delete_credentials(db, host, username); !done) return done;
  const std::string owner = username + "@" + host;
  if (done = db.exec("DELETE FROM map_entry WHERE owner = ?1", owner); !done) return done;
  return db.exec("DELETE FROM log_entry WHERE owner = ?1", owner);
}

Result<std::vector<std::string>> list_accounts(Connection& db, const std::string& host,
                                               const std::string& after, std::uint32_t limit) {
  Query rows(db,
             "SELECT username FROM account WHERE host = ?1 AND username > ?2"
             " ORDER BY username LIMIT ?3",
             host, after, limit);
  std::vector<std::string> names;
  while (rows.next()) names.push_back(rows.text(0));
  if (auto done = rows.result(); !done) return std::unexpected(done.error());
  return names;
}

Result<std::uint64_t> count_accounts(Connection& db, const std::string& host) {
  Query row(db, "SELECT count(*) FROM account WHERE host = ?1", host);
  const std::int64_t count = row.next() ? row.integer(0) : 0;
  if (auto done = row.result(); !done) return std::unexpected(done.error());
  return static_cast<std::uint64_t>(count);
}

}  // namespace

Task<Result<>> SqliteAccounts::create(Account account) {
  if (auto sorted = sort_credentials(account.credentials); !sorted) co_return sorted;
  auto job = [account = std::move(account)](Connection& db) { return create_account(db, account); };
  co_return co_await writer_.write(std::move(job));
}

Task<Result<Account>> SqliteAccounts::find(std::string host, std::string username) {
  return readers_.read([host = std::move(host), username = std::move(username)](Connection& db) {
    return find_account(db, host, username);
  });
}

Task<Result<>> SqliteAccounts::set_credentials(std::string host, std::string username,
                                               std::vector<Credential> credentials) {
  if (auto sorted = sort_credentials(credentials); !sorted) co_return sorted;
  auto job = [host = std::move(host), username = std::move(username),
              credentials = std::move(credentials)](Connection& db) {
    return set_account_credentials(db, host, username, credentials);
  };
  co_return co_await writer_.write(std::move(job));
}

Task<Result<>> SqliteAccounts::erase(std::string host, std::string username) {
  return writer_.write([host = std::move(host), username = std::move(username)](Connection& db) {
    return erase_account(db, host, username);
  });
}

Task<Result<std::vector<std::string>>> SqliteAccounts::list(std::string host, std::string after,
                                                            std::uint32_t limit) {
  return readers_.read([host = std::move(host), after = std::move(after), limit](Connection& db) {
    return list_accounts(db, host, after, limit);
  });
}

Task<Result<std::uint64_t>> SqliteAccounts::count(std::string host) {
  return readers_.read(
      [host = std::move(host)](Connection& db) { return count_accounts(db, host); });
}

}  // namespace starling::store::sqlite
