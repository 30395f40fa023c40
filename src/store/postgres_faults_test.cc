// Group commit, and what remains of acknowledged writes when the database restarts, crashes, or the
// connection to it breaks at any byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <thread>

#include "store/postgres.h"
#include "store/test_broken_line.h"
#include "store/test_postgres.h"
#include "store/test_support.h"

namespace starling::store {
namespace {

using namespace std::chrono_literals;

constexpr const char* kOwner = "alice@example.org";

class PostgresFaults : public ::testing::Test {
 protected:
  template <class T>
  T wait(Task<T> task) {
    return store::wait(loop_, std::move(task));
  }
  static Task<Result<>> append(Store& store, std::uint64_t id, std::string peer = "bob@x") {
    return store.logs().append(kOwner, "mam", {id, std::move(peer), "", "value"});
  }
  static Task<Result<>> put(Store& store, std::string key) {
    return store.maps().apply(kOwner, {{"map", std::move(key), "value"}});
  }
  std::uint64_t entries(Store& store) {
    return wait(store.logs().count(kOwner, "mam", {}, LogFilter::kNoLimit)).value();
  }

  TestPostgres& server_ = TestPostgres::get();
  std::string url_ = server_.new_database();
  ManualLoop loop_;
};

// Keeps the first write waiting, which is one to this table, so that what is queued meanwhile
// becomes one batch. One table: a connection that prepares its statements locks all of them, in an
// order of its own.
class TableLock {
 public:
  TableLock(const std::string& url, const std::string& table) : session_(url) {
    session_.run("BEGIN; LOCK TABLE starling." + table + " IN EXCLUSIVE MODE");
  }
  void let_go() { session_.run("COMMIT"); }

 private:
  PostgresSession session_;
};

TEST_F(PostgresFaults, GroupCommit_ManyWritesFewCommits) {
  auto store = open_postgres(url_).value();
  std::vector<std::optional<Result<>>> done(500);
  Gate gate;
  TableLock lock(url_, "map_entry");
  for (std::size_t i = 0; i < done.size(); ++i) {
    gate.spawn(collect(i % 3 == 0 ? put(*store, std::to_string(i)) : append(*store, i), done[i]));
  }
  lock.let_go();
  pump_until_empty(loop_, gate);
  for (const auto& result : done) EXPECT_TRUE(result->has_value());
  EXPECT_EQ(store->stats().writes, done.size());
  // The first may have been taken before the others came; those then share one commit.
  EXPECT_LE(store->stats().commits, 2U);
}

TEST_F(PostgresFaults, GroupCommit_WhatFailsFailsAlone) {
  auto store = open_postgres(url_).value();
  std::array<std::optional<Result<>>, 7> done;
  Gate gate;
  TableLock lock(url_, "log_entry");
  gate.spawn(collect(append(*store, 1), done[0]));
  gate.spawn(collect(append(*store, 2), done[1]));
  gate.spawn(collect(append(*store, 3, "not \xff UTF-8"), done[2]));
  gate.spawn(collect(append(*store, 2), done[3]));
  gate.spawn(collect(put(*store, "not \xff either"), done[4]));
  gate.spawn(collect(append(*store, 4), done[5]));
  gate.spawn(collect(put(*store, "key"), done[6]));
  lock.let_go();
  pump_until_empty(loop_, gate);
  for (const std::size_t good : {0U, 1U, 5U, 6U}) EXPECT_TRUE(done[good]->has_value()) << good;
  EXPECT_EQ(done[2]->error().code, Errc::invalid);
  EXPECT_EQ(done[3]->error().code, Errc::exists);
  EXPECT_EQ(done[4]->error().code, Errc::invalid);
  EXPECT_EQ(entries(*store), 3U);
}

// Two nodes that write the same keys in opposite orders stand in each other's way.
TEST_F(PostgresFaults, Deadlock_BothAreMadeInTheEnd) {
  auto one = open_postgres(url_).value();
  auto other = open_postgres(url_).value();
  std::vector<std::optional<Result<>>> done(400);
  Gate gate;
  TableLock lock(url_, "map_entry");  // so that each makes one batch of them
  for (std::size_t i = 0; i < done.size(); i += 2) {
    gate.spawn(collect(put(*one, std::to_string(i)), done[i]));
    gate.spawn(collect(put(*other, std::to_string(done.size() - i)), done[i + 1]));
  }
  lock.let_go();
  pump_until_empty(loop_, gate);
  for (const auto& result : done) EXPECT_TRUE(result->has_value());
}

TEST_F(PostgresFaults, TooManyWait_TheRestIsRefusedAtOnce) {
  PostgresOptions options;
  options.max_queued = 32;
  auto store = open_postgres(url_, options).value();
  std::vector<std::optional<Result<>>> done(40);
  Gate gate;
  TableLock lock(url_, "log_entry");
  EXPECT_FALSE(store->crowded());
  for (std::size_t i = 0; i < done.size(); ++i) gate.spawn(collect(append(*store, i + 1), done[i]));
  EXPECT_TRUE(store->crowded());
  for (std::size_t i = 32; i < done.size(); ++i) {
    ASSERT_TRUE(done[i].has_value());
    EXPECT_EQ((*done[i]).error().code, Errc::unavailable);
  }
  lock.let_go();
  pump_until_empty(loop_, gate);
  EXPECT_EQ(entries(*store), 32U);
  EXPECT_FALSE(store->crowded());
}

TEST_F(PostgresFaults, HowLateItIs_IsToldOfWhatWaits_AndOnceOfWhatWasMade) {
  auto store = open_postgres(url_).value();
  std::optional<Result<>> done;
  Gate gate;
  gate.spawn(collect(append(*store, 0), done));  // so that it is connected
  pump_until_empty(loop_, gate);
  while (store->take_lag() > 0ns) std::this_thread::yield();
  TableLock lock(url_, "log_entry");
  gate.spawn(collect(append(*store, 1), done));
  while (store->take_lag() == 0ns) std::this_thread::yield();
  lock.let_go();
  pump_until_empty(loop_, gate);
  EXPECT_TRUE(done->has_value());
  EXPECT_GT(store->take_lag(), 0ns);
  while (store->take_lag() > 0ns) std::this_thread::yield();  // until its thread rests
}

// Restarted, or killed, while writes come without pause: every one is made, none twice.
class PostgresRestart : public PostgresFaults, public ::testing::WithParamInterface<int> {};

TEST_P(PostgresRestart, UnderLoad_EveryWriteIsMadeInTheEnd) {
  PostgresOptions options;
  options.patience = 60s;
  auto store = open_postgres(url_, options).value();
  constexpr std::uint64_t kAtATime = 50;
  std::atomic<bool> over = false;
  std::thread restarts([&] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(100ms);  // lint: allow(sleep) because it is load's time
      server_.stop(GetParam());
      server_.start();
    }
    over = true;
  });
  std::uint64_t id = 0;
  std::uint64_t failed = 0;
  while (!over) {
    std::array<std::optional<Result<>>, kAtATime> done;
    Gate gate;
    for (auto& one : done) gate.spawn(collect(append(*store, ++id), one));
    pump_until_empty(loop_, gate);
    for (const auto& one : done) failed += one->has_value() ? 0 : 1;
  }
  restarts.join();
  EXPECT_EQ(failed, 0U);
  EXPECT_EQ(entries(*store), id);
}

INSTANTIATE_TEST_SUITE_P(Signals, PostgresRestart, ::testing::Values(SIGINT, SIGQUIT));

TEST_F(PostgresFaults, Unreachable_CallsFailAfterTheirTime_AndServiceComesBackByItself) {
  PostgresOptions options;
  options.patience = 300ms;
  auto store = open_postgres(url_, options).value();
  ASSERT_TRUE(wait(append(*store, 1)));
  server_.stop();
  store->take_lag();
  EXPECT_EQ(wait(append(*store, 2)).error().code, Errc::unavailable);
  EXPECT_EQ(wait(store->logs().count(kOwner, "mam", {}, 10)).error().code, Errc::unavailable);
  EXPECT_EQ(store->take_lag(), 0ns) << "it is away, not busy";
  EXPECT_GE(store->stats().unavailable, 1U);
  server_.start();
  std::uint64_t id = 3;
  while (!wait(append(*store, id))) ++id;
  while (!wait(store->logs().count(kOwner, "mam", {}, 10))) {
  }
  EXPECT_GE(entries(*store), 2U);
}

TEST_F(PostgresFaults, Closed_FinishesWhatWasQueued) {
  std::vector<std::optional<Result<>>> done(200);
  Gate gate;
  {
    auto store = open_postgres(url_).value();
    for (std::size_t i = 0; i < done.size(); ++i) {
      gate.spawn(collect(append(*store, i + 1), done[i]));
    }
  }
  pump_until_empty(loop_, gate);
  for (const auto& one : done) EXPECT_TRUE(one->has_value());
}

// Whatever is told done is there afterwards, whatever is told not done may be repeated, and what
// was not asked for is not there; wherever the connection breaks.
TEST_F(PostgresFaults, ConnectionBreaksAtAnyByte_NothingAcknowledgedIsLost) {
  BrokenLine line(server_.folder());
  const std::string database = url_.substr(url_.rfind('=') + 1);
  PostgresOptions options;
  options.readers = 1;
  auto store =
      open_postgres("host=" + line.host() + " user=postgres dbname=" + database, options).value();
  auto witness = open_postgres(url_).value();
  // Where nothing breaks, how many bytes is this?
  const auto round = [&](std::uint64_t number) {
    std::array<std::optional<Result<>>, 4> done;
    const std::string user = "user" + std::to_string(number);
    Gate gate;
    gate.spawn(collect(append(*store, 2 * number), done[0]));
    gate.spawn(collect(append(*store, 2 * number + 1), done[1]));
    gate.spawn(collect(put(*store, user), done[2]));
    pump_until_empty(loop_, gate);
    gate.spawn(collect(store->accounts().create({user, "example.org", 1}), done[3]));
    pump_until_empty(loop_, gate);
    const LogFilter mine{2 * number - 1, 2 * number + 2, {}, {}};
    EXPECT_TRUE(done[0]->has_value() && done[1]->has_value() && done[2]->has_value());
    EXPECT_EQ(wait(witness->logs().count(kOwner, "mam", mine, 10)).value(), 2U);
    EXPECT_TRUE(wait(witness->maps().get(kOwner, "map", user)).value().has_value());
    // It cannot be made twice: then it may fail and yet be there.
    if (done[3]->has_value()) {
      EXPECT_TRUE(wait(witness->accounts().find("example.org", user)));
    } else {
      EXPECT_EQ((*done[3]).error().code, Errc::unavailable);
    }
    EXPECT_EQ(wait(store->logs().count(kOwner, "mam", mine, 10)).value(), 2U);
  };
  std::uint64_t number = 1;
  round(number);
  bool broke = true;
  for (std::int64_t bytes = 1; broke; bytes += bytes < 40 ? 3 : 61) {
    line.break_after(bytes);
    round(++number);
    broke = line.broken();
    if (bytes > 8'000) break;  // connecting again takes its share of them
  }
  EXPECT_GT(number, 20U);
}

}  // namespace
}  // namespace starling::store
