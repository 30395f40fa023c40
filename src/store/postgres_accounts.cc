#include <utility>

#include "store/account_rules.h"
#include "store/postgres_shapes.h"

namespace starling::store::postgres {

namespace {

// By column, as the statements take them.
void add(Values& values, const std::vector<Credential>& credentials) {
  std::vector<std::string_view> mechanisms;
  std::vector<std::string_view> salts;
  std::vector<std::int32_t> iterations;
  std::vector<std::string_view> stored_keys;
  std::vector<std::string_view> server_keys;
  for (const Credential& c : credentials) {
    mechanisms.emplace_back(c.mechanism);
    salts.emplace_back(c.salt);
    iterations.push_back(static_cast<std::int32_t>(c.iterations));
    stored_keys.emplace_back(c.stored_key);
    server_keys.emplace_back(c.server_key);
  }
  values.texts(mechanisms)
      .byteas(salts)
      .integers(iterations)
      .byteas(stored_keys)
      .byteas(server_keys);
}

}  // namespace

Task<Result<>> PostgresAccounts::create(Account account) {
  if (auto sorted = sort_credentials(account.credentials); !sorted) co_return sorted;
  Query query{&kCreateAccount, {}};
  query.values.text(account.host).text(account.username).bigint(account.created_at_us);
  add(query.values, account.credentials);
  const auto rows = co_await engine_.write(std::move(query), Engine::Repeat::no);
  if (!rows) co_return std::unexpected(rows.error());
  if (rows->number(0, 0) == 1) co_return Result<>();
  co_return std::unexpected(account_exists(account));
}

Task<Result<Account>> PostgresAccounts::find(std::string host, std::string username) {
  Query query{&kFindAccount, {}};
  query.values.text(host).text(username);
  const auto rows = co_await engine_.read(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  if (rows->count() == 0) co_return std::unexpected(no_account(host, username));
  Account account{std::move(username), std::move(host), rows->number(0, 0), {}};
  for (int row = 0; row < rows->count() && !rows->is_null(row, 1); ++row) {
    account.credentials.push_back({rows->text(row, 1), rows->text(row, 2),
                                   static_cast<std::uint32_t>(rows->number(row, 3)),
                                   rows->text(row, 4), rows->text(row, 5)});
  }
  co_return account;
}

Task<Result<>> PostgresAccounts::set_credentials(std::string host, std::string username,
                                                 std::vector<Credential> credentials) {
  if (auto sorted = sort_credentials(credentials); !sorted) co_return sorted;
  Query query{&kSetCredentials, {}};
  query.values.text(host).text(username);
  add(query.values, credentials);
  const auto rows = co_await engine_.write(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  if (rows->number(0, 0) == 0) co_return std::unexpected(no_account(host, username));
  co_return Result<>();
}

Task<Result<>> PostgresAccounts::erase(std::string host, std::string username) {
  Query query{&kEraseAccount, {}};
  query.values.text(host).text(username).text(username + "@" + host);
  const auto rows = co_await engine_.write(std::move(query), Engine::Repeat::no);
  if (!rows) co_return std::unexpected(rows.error());
  if (rows->number(0, 0) == 0) co_return std::unexpected(no_account(host, username));
  co_return Result<>();
}

Task<Result<std::vector<std::string>>> PostgresAccounts::list(std::string host, std::string after,
                                                              std::uint32_t limit) {
  Query query{&kListAccounts, {}};
  query.values.text(host).text(after).bigint(std::int64_t{limit});
  const auto rows = co_await engine_.read(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  std::vector<std::string> names;
  for (int row = 0; row < rows->count(); ++row) names.push_back(rows->text(row, 0));
  co_return names;
}

Task<Result<std::uint64_t>> PostgresAccounts::count(std::string host) {
  Query query{&kCountAccounts, {}};
  query.values.text(host);
  const auto rows = co_await engine_.read(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  co_return static_cast<std::uint64_t>(rows->number(0, 0));
}

}  // namespace starling::store::postgres
