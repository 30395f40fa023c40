// What an archive costs on SQLite: appends as routed messages cause them, and reads of pages.
//
//   cmake --preset bench && ninja -C build/bench store_bench && build/bench/bench/store_bench
//
// STARLING_BENCH_ENTRIES (default 100000: less than a minute) is the size of the large archive, and
// of the 10,000 small ones together; try 1000000. STARLING_BENCH_FOLDER (default: the system's
// temporary folder) names the disk to measure.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "net/io_loop.h"
#include "store/sqlite.h"

namespace {

using namespace starling;
using store::LogEntry;
using store::LogFilter;

constexpr std::uint64_t kOwners = 10'000;
constexpr std::uint64_t kPeers = 50;  // that one owner talks to
constexpr std::uint32_t kPage = 50;
constexpr std::size_t kValueBytes = 400;

std::string from_environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

std::uint64_t size() {
  return std::stoull(from_environment("STARLING_BENCH_ENTRIES", "100000"));
}

std::string user(std::uint64_t number) {
  return "user" + std::to_string(number) + "@example.org";
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// One database for all benchmarks of the process, filled at first use.
class Database {
 public:
  static Database& instance() {
    static Database database;
    return database;
  }
  ~Database() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] store::Store& store() { return *store_; }
  // Rises; the first ids are those of the large archive.
  std::uint64_t next_id() { return ++last_id_; }

  // Runs `count` Tasks made by `make`, `at_once` of them at any time.
  template <class Make>
  void run(std::uint64_t count, std::uint64_t at_once, Make make) {
    Gate gate;
    net::IoLoop loop;
    left_ = count;
    loop.post([this, &loop, &gate, &make, at_once] {
      for (std::uint64_t i = 0; i < at_once; ++i) gate.spawn(work(make));
      gate.close([&loop] { loop.stop(); });
    });
    loop.run();
  }

  Task<void> append(std::uint64_t owner, std::uint64_t peer) {
    LogEntry entry{next_id(), user(peer), "phone", value_};
    const auto done = co_await store_->logs().append(user(owner), "archive", std::move(entry));
    if (!done) stop_with(done.error());
  }

 private:
  Database() {
    std::string name =
        from_environment("STARLING_BENCH_FOLDER", std::filesystem::temp_directory_path().string()) +
        "/store_bench_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    auto opened = store::open_sqlite(name + "/starling.db");
    if (!opened) stop_with(opened.error());
    store_ = std::move(*opened);
    const double start = cpu_seconds();
    run(size(), 10'000, [this] { return append(0, 1 + last_id_ % kPeers); });
    run(size(), 10'000, [this] { return append(1 + last_id_ % kOwners, last_id_ % kPeers); });
    std::cout << "filled with 2 x " << size() << " entries, "
              << (cpu_seconds() - start) * 1e6 / 2 / static_cast<double>(size())
              << " us of CPU each; the file has "
              << std::filesystem::file_size(name + "/starling.db") / 1'000'000 << " MB\n";
  }

  template <class Make>
  Task<void> work(Make& make) {
    while (left_ > 0) {
      --left_;
      Task<void> task = make();
      co_await std::move(task);
    }
  }
  [[noreturn]] static void stop_with(const Error& error) {
    std::cerr << "store_bench: " << error.message << '\n';
    std::exit(1);
  }

  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
  const std::string value_ = std::string(kValueBytes, 'x');
  std::uint64_t last_id_ = 0;
  std::uint64_t left_ = 0;
};

// Messages between any two of many users, `range(0)` of them under way at any time: each is
// archived for its sender and for its recipient.
void archive_message(benchmark::State& state) {
  Database& database = Database::instance();
  std::mt19937_64 random(1);
  const auto message = [&database, &random]() -> Task<void> {
    const std::uint64_t from = 1 + random() % kOwners;
    const std::uint64_t to = 1 + random() % kOwners;
    Gate second;
    second.spawn(database.append(to, from));
    co_await database.append(from, to);
    // Both are of one batch, nearly always; the second one was asked for first.
    Completion<bool> both([&second](auto resume) {
      second.close([resume = std::move(resume)]() mutable { resume(true); });
    });
    co_await both;
  };
  const auto at_once = static_cast<std::uint64_t>(state.range(0));
  const std::uint64_t batch = std::max<std::uint64_t>(at_once * 20, 200);
  std::uint64_t messages = 0;
  const auto before = database.store().stats();
  const double cpu = cpu_seconds();
  for (auto _ : state) {
    database.run(batch, at_once, message);
    messages += batch;
  }
  const auto after = database.store().stats();
  const auto appends = static_cast<double>(2 * messages);
  state.counters["appends/s"] = benchmark::Counter(appends, benchmark::Counter::kIsRate);
  state.counters["cpu_us/append"] = (cpu_seconds() - cpu) * 1e6 / appends;
  state.counters["commits/append"] = static_cast<double>(after.commits - before.commits) / appends;
}
BENCHMARK(archive_message)->Arg(1)->Arg(10)->Arg(100)->Arg(1000)->UseRealTime()->MinTime(1.0);

struct Page {
  std::uint64_t owner = 0;
  LogFilter filter;
  bool newest = true;
};

// Pages of 50 entries, eight asked for at any time.
template <class Choose>
void read_pages(benchmark::State& state, Choose choose) {
  Database& database = Database::instance();
  std::uint64_t entries = 0;
  std::uint64_t pages = 0;
  const auto read = [&]() -> Task<void> {
    Page page = choose();
    auto answer = co_await database.store().logs().read(user(page.owner), "archive",
                                                        std::move(page.filter), kPage, page.newest);
    entries += answer ? answer->entries.size() : 0;
    ++pages;
  };
  const double cpu = cpu_seconds();
  for (auto _ : state) database.run(1000, 8, read);
  const auto read_count = static_cast<double>(pages);
  state.counters["pages/s"] = benchmark::Counter(read_count, benchmark::Counter::kIsRate);
  state.counters["cpu_us/page"] = (cpu_seconds() - cpu) * 1e6 / read_count;
  state.counters["entries/page"] = static_cast<double>(entries) / read_count;
}

void read_large(benchmark::State& state, Page page) {
  read_pages(state, [&page] { return page; });
}
BENCHMARK_CAPTURE(read_large, newest, Page{})->UseRealTime()->MinTime(1.0);
BENCHMARK_CAPTURE(read_large, oldest, Page{.newest = false})->UseRealTime()->MinTime(1.0);
BENCHMARK_CAPTURE(read_large, middle, Page{.filter = {.after = size() / 2}, .newest = false})
    ->UseRealTime()
    ->MinTime(1.0);
BENCHMARK_CAPTURE(read_large, by_peer, Page{.filter = {.peer = user(7)}})
    ->UseRealTime()
    ->MinTime(1.0);
BENCHMARK_CAPTURE(read_large, by_peer_and_detail,
                  Page{.filter = {.peer = user(7), .detail = "phone"}})
    ->UseRealTime()
    ->MinTime(1.0);
BENCHMARK_CAPTURE(read_large, by_rare_detail,
                  Page{.filter = {.peer = user(7), .detail = "never used"}})
    ->UseRealTime()
    ->MinTime(1.0);

void read_any_owner(benchmark::State& state) {
  std::mt19937_64 random(1);
  read_pages(state, [&random] { return Page{.owner = 1 + random() % kOwners}; });
}
BENCHMARK(read_any_owner)->UseRealTime()->MinTime(1.0);

}  // namespace
