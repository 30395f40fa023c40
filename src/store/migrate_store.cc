#include "store/migrate_store.h"

#include <filesystem>
#include <string_view>
#include <utility>

#include "store/migrate_tables.h"
#include "store/postgres_schema.h"
#include "store/sqlite_lock.h"
#include "store/sqlite_schema.h"

namespace starling::store {

namespace {

using migration::Digest;
using migration::Row;
using migration::Table;

class Migration {
 public:
  Migration(sqlite::Connection source, postgres::Connection target,
            const std::function<void(const MigrationProgress&)>& tell)
      : source_(std::move(source)), target_(std::move(target)), tell_(tell) {}

  Result<Backup> run() {
    if (auto begun = begin(); !begun) return std::unexpected(begun.error());
    Backup copied;
    for (const Table& table : migration::tables()) {
      const auto counted = source_.number(std::string("SELECT count(*) FROM ") + table.name);
      if (!counted) return std::unexpected(counted.error());
      const auto rows = static_cast<std::uint64_t>(*counted);
      if (auto done = copy(table, rows); !done) return std::unexpected(done.error());
      if (auto same = compare(table, rows); !same) return std::unexpected(same.error());
      const std::string_view name = table.name;
      if (name == "account") copied.accounts = rows;
      if (name == "map_entry") copied.map_entries = rows;
      if (name == "log_entry") copied.log_entries = rows;
    }
    if (auto ended = target_.script("DROP TABLE starling.migrating"); !ended) {
      return std::unexpected(ended.error());
    }
    return copied;
  }

 private:
  // The mark that keeps nodes from starting on a half-filled database. Only on an empty one, or on
  // one that has it already.
  Result<> begin() {
    return postgres::alone(target_, [&] { return mark(); });
  }
  Result<> mark() {
    const auto others = target_.script(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'starling' AND pid <> pg_backend_pid()");
    if (!others) return std::unexpected(others.error());
    if (others->text(0, 0) != "0") {
      return fail(Errc::exists, target_.name() + " is in use: a node is connected to it");
    }
    const auto marked = target_.script("SELECT to_regclass('starling.migrating') IS NOT NULL");
    if (!marked) return std::unexpected(marked.error());
    if (marked->text(0, 0) == "t") return {};
    for (const Table& table : migration::tables()) {
      const auto row = migration::last(target_, table);
      if (!row) return std::unexpected(row.error());
      if (row->empty()) continue;
      return fail(Errc::exists, target_.name() + " is in use: its table starling." + table.name +
                                    " is not empty; name an empty database");
    }
    auto made = target_.script("CREATE TABLE starling.migrating ()");
    if (!made) return std::unexpected(made.error());
    return {};
  }

  // What the target lacks of the table, which has so many rows.
  Result<> copy(const Table& table, std::uint64_t count) {
    auto after = migration::last(target_, table);
    if (!after) return std::unexpected(after.error());
    const auto there = target_.script(std::string("SELECT count(*) FROM starling.") + table.name);
    if (!there) return std::unexpected(there.error());
    MigrationProgress progress{std::string("copying ") + table.name, std::stoull(there->text(0, 0)),
                               count};
    for (;;) {
      tell_(progress);
      const auto rows = migration::read(source_, table, *after);
      if (!rows) return std::unexpected(rows.error());
      if (rows->empty()) return {};
      if (auto written = migration::write(target_, table, *rows); !written) return written;
      *after = rows->back();
      progress.done += rows->size();
    }
  }

  // exists: they are not the same.
  Result<> compare(const Table& table, std::uint64_t count) {
    Digest in_source;
    Digest in_target;
    MigrationProgress progress{std::string("comparing ") + table.name, 0, 2 * count};
    const auto read_all = [&](auto& connection, Digest& digest) -> Result<> {
      for (Row after;;) {
        const auto rows = migration::read(connection, table, after);
        if (!rows) return std::unexpected(rows.error());
        if (rows->empty()) return {};
        digest.add(*rows);
        after = rows->back();
        progress.done += rows->size();
        tell_(progress);
      }
    };
    if (auto read = read_all(source_, in_source); !read) return read;
    if (auto read = read_all(target_, in_target); !read) return read;
    if (in_source.rows() == in_target.rows() && in_source.sha256() == in_target.sha256()) {
      return {};
    }
    return fail(Errc::exists, "starling." + std::string(table.name) + " of " + target_.name() +
                                  " differs from the source (" + std::to_string(in_target.rows()) +
                                  " rows, " + std::to_string(in_source.rows()) +
                                  " there); empty the database and begin again");
  }

  sqlite::Connection source_;
  postgres::Connection target_;
  const std::function<void(const MigrationProgress&)>& tell_;
};

}  // namespace

Result<Backup> migrate_store(const std::string& given, const std::string& url,
                             const std::function<void(const MigrationProgress&)>& tell) {
  const std::string path = sqlite::resolved(given);
  if (std::error_code ignored; !std::filesystem::exists(path, ignored)) {
    return fail(Errc::unavailable, path + ": there is no such file");
  }
  const auto lock = sqlite::FileLock::acquire(path);
  if (!lock) return std::unexpected(lock.error());
  auto source = sqlite::Connection::open(path, {});
  if (!source) return std::unexpected(source.error());
  if (auto current = sqlite::migrate(*source); !current) return std::unexpected(current.error());

  const auto settings = postgres::conninfo(url);
  if (!settings) return std::unexpected(settings.error());
  auto target = postgres::Connection::open(*settings);
  if (!target) return std::unexpected(target.error());
  if (auto current = postgres::migrate(*target); !current) return std::unexpected(current.error());
  return Migration(std::move(*source), std::move(*target), tell).run();
}

}  // namespace starling::store
