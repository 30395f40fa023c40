// Pages of archives (XEP-0313) as clients read them: a whole server without sockets, from the query
// to the stanzas of the page, on a SQLite file.
//
//   cmake --preset bench && ninja -C build/bench mam_bench && build/bench/bench/mam_bench
//
// STARLING_BENCH_ENTRIES (default 100000) is the size of the large archive, and of the 10,000
// others together. STARLING_BENCH_FOLDER (default: the system's
// temporary folder) names the disk to measure. `small` has 1,000 messages: pages of `large` should
// cost the same.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "core/archive.h"
#include "core/server.h"
#include "modules/registry.h"
#include "net/io_loop.h"
#include "store/sqlite.h"
#include "xmpp/ns.h"

namespace {

using namespace starling;

constexpr std::uint64_t kUsers = 10'000;
constexpr std::uint64_t kSmall = 1'000;
constexpr std::uint64_t kPeers = 50;  // of one account
constexpr std::uint64_t kAtOnce = 8;  // queries under way, of one account each

std::string from_environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

std::uint64_t size() {
  return std::stoull(from_environment("STARLING_BENCH_ENTRIES", "100000"));
}

[[noreturn]] void stop_with(const std::string& message) {
  std::cerr << "mam_bench: " << message << '\n';
  std::exit(1);
}

// Accounts: "large", "small", and "user0" to "user9999". Message `i` of an archive is i seconds
// after the first.
std::int64_t time_us(std::uint64_t message) {
  constexpr std::int64_t kFirst = 1'600'000'000'000'000;
  return kFirst + static_cast<std::int64_t>(message) * 1'000'000;
}

std::string jid(const std::string& user) {
  return user + "@example.org";
}

// What a client does with its answers: it counts them.
class Client final : public core::Outbox {
 public:
  explicit Client(std::function<void()> answered) : answered_(std::move(answered)) {}
  bool deliver(const xmpp::Stanza& stanza) override {
    text_.clear();
    stanza.append_to(text_);
    bytes_ += text_.size();
    if (stanza.kind() == xmpp::StanzaKind::message) {
      ++messages_;
    } else {
      if (stanza.type() != xmpp::StanzaType::result) stop_with(text_);
      answered_();
    }
    return false;
  }
  std::vector<xmpp::Stanza> take_unacknowledged() override { return {}; }
  [[nodiscard]] bool congested() const override { return false; }
  void end(xmpp::StreamCondition /*condition*/, std::string_view /*text*/) override {}
  void leave(core::Leaving /*why*/) override {}
  [[nodiscard]] std::string remote() const override { return "bench"; }

  core::Session* session = nullptr;
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

 private:
  std::function<void()> answered_;
  std::string text_;
  std::uint64_t bytes_ = 0;
  std::uint64_t messages_ = 0;
};

class Bench {
 public:
  static Bench& instance() {
    static Bench bench;
    return bench;
  }
  ~Bench() {
    run([this] { server_->worker(0).gate().close([this] { release(); }); });
    loop_.stop();
    thread_.join();
    server_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // The session of an account, bound at first use.
  Client& client(const std::string& user) {
    auto& found = clients_[user];
    if (found) return *found;
    found = std::make_unique<Client>([this] { answered(); });
    run([this, &found, full = *xmpp::Jid::parse(jid(user) + "/bench")]() mutable {
      server_->worker(0).turns().run(
          full.bare(), [this, &found, full] { return bind(this, found.get(), full); });
    });
    return *found;
  }

  // Sends `count` queries, one after the other from each client that `next` names, and waits for
  // the answers. `next` gives the client and what is in its <query/>.
  template <class Next>
  void query(std::uint64_t count, std::uint64_t at_once, Next next) {
    left_ = count - at_once;
    open_ = at_once;
    send_next_ = [this, &next] {
      auto [client, content] = next();
      const std::string text =
          "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'>" + content + "</query></iq>";
      static_cast<void>(
          server_->worker(0).router().submit(*client->session, xmpp::Stanza::from_text(text)));
    };
    run([this, at_once] {
      for (std::uint64_t i = 0; i < at_once; ++i) send_next_();
    });
  }

  [[nodiscard]] std::string uid(std::uint64_t message) const {
    return server_->worker(0).archive().uid().encode(core::archive_id_at(time_us(message)));
  }

 private:
  Bench() {
    std::string name =
        from_environment("STARLING_BENCH_FOLDER", std::filesystem::temp_directory_path().string()) +
        "/mam_bench_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    auto opened = store::open_sqlite(name + "/starling.db");
    if (!opened) stop_with(opened.error().message);
    store_ = std::move(*opened);
    const std::vector<std::string> hosts{"example.org"};
    const std::vector<EventLoop*> loops{&loop_};
    server_ = std::make_unique<core::Server>(*store_, pool_, hosts, modules::all(), loops);
    fill({"large"}, size());
    fill({"small"}, kSmall);
    std::vector<std::string> users;
    for (std::uint64_t i = 0; i < kUsers; ++i) users.push_back("user" + std::to_string(i));
    fill(users, size() / kUsers);
  }

  // On the loop's thread; until done_.
  void run(std::move_only_function<void()> start) {
    done_ = std::promise<void>();
    const auto done = done_.get_future();
    loop_.post(std::move(start));
    done.wait();
  }
  // As soon as what runs now is over.
  void release() {
    loop_.post([this] { done_.set_value(); });
  }
  void answered() {
    if (left_ == 0) {
      if (--open_ == 0) release();
      return;
    }
    --left_;
    loop_.post([this] { send_next_(); });  // in a turn of its own, as from a socket
  }

  static Task<void> bind(Bench* bench, Client* client, xmpp::Jid full) {
    const auto session = co_await bench->server_->worker(0).bind(full, *client);
    if (!session) stop_with(session.error().message);
    client->session = *session;
    bench->release();
  }

  // Many appends at any time, so that they share commits.
  void fill(std::vector<std::string> users, std::uint64_t messages) {
    std::uint64_t next = 0;
    Gate gate;
    run([&] {
      constexpr std::uint64_t kWriters = 5'000;
      for (std::uint64_t i = 0; i < kWriters; ++i) {
        gate.spawn(write(this, &users, messages, &next));
      }
      gate.close([this] { release(); });
    });
  }
  static Task<void> write(Bench* bench, const std::vector<std::string>* users,
                          std::uint64_t messages, std::uint64_t* next) {
    while (*next < users->size() * (messages + 1)) {
      const std::uint64_t job = (*next)++;
      const std::string user = (*users)[job % users->size()];
      const std::uint64_t message = job / users->size();
      Result<> done;
      if (message == 0) {
        store::Account account;
        account.username = user;
        account.host = "example.org";
        done = co_await bench->store_->accounts().create(std::move(account));
      } else {
        store::LogEntry entry = entry_of(user, message);
        done = co_await bench->store_->logs().append(jid(user), std::string(core::kArchiveLog),
                                                     std::move(entry));
      }
      if (!done) stop_with(done.error().message);
    }
  }
  static store::LogEntry entry_of(const std::string& user, std::uint64_t message) {
    static const std::string body(150, 'x');
    store::LogEntry entry;
    entry.id = core::archive_id_at(time_us(message));
    entry.peer = jid("peer" + std::to_string(message % kPeers));
    entry.detail = "phone";
    entry.value = "<message from='" + entry.peer + "/phone' to='" + jid(user) +
                  "' type='chat' id='3f0d4f52-" + std::to_string(message) + "'><body>" + body +
                  "</body><active xmlns='http://jabber.org/protocol/chatstates'/>"
                  "<request xmlns='urn:xmpp:receipts'/></message>";
    return entry;
  }

  std::filesystem::path folder_;
  net::IoLoop loop_;
  std::thread thread_{[this] { loop_.run(); }};
  std::promise<void> done_;
  ThreadPool pool_{1, "bench"};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<core::Server> server_;
  std::map<std::string, std::unique_ptr<Client>> clients_;
  std::function<void()> send_next_;
  std::uint64_t left_ = 0;  // queries that are still to be sent
  std::uint64_t open_ = 0;  // clients that still have some to send or wait for an answer
};

std::string page(const std::string& content, int max = 50) {
  return "<set xmlns='http://jabber.org/protocol/rsm'><max>" + std::to_string(max) + "</max>" +
         content + "</set>";
}
std::string form(const std::string& var, const std::string& value) {
  return "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
         "<value>urn:xmpp:mam:2</value></field><field var='" +
         var + "'><value>" + value + "</value></field></x>";
}

template <class Next>
void measure(benchmark::State& state, std::uint64_t at_once, Next next) {
  constexpr std::uint64_t kBatch = 200;
  for (auto _ : state) Bench::instance().query(kBatch, at_once, next);
  const auto pages = static_cast<double>(state.iterations()) * kBatch;
  state.counters["pages/s"] = benchmark::Counter(pages, benchmark::Counter::kIsRate);
}

enum class Which { newest, middle, by_time, by_peer, count };

std::string content_of(Which which, std::uint64_t messages) {
  switch (which) {
    case Which::newest:
      return page("<before/>");
    case Which::middle:
      return page("<after>" + Bench::instance().uid(messages / 2) + "</after>");
    case Which::by_time:
      return form("start", xmpp_datetime_us(time_us(messages / 2))) + page("");
    case Which::by_peer:
      return form("with", jid("peer7")) + page("<before/>");
    case Which::count:
      return page("", 0);
  }
  std::abort();
}

// One client after the other pages through one archive.
void one_archive(benchmark::State& state, const std::string& user, std::uint64_t messages,
                 Which which) {
  Client& client = Bench::instance().client(user);
  const std::string content = content_of(which, messages);
  measure(state, 1, [&] { return std::pair(&client, content); });
}

// Of 10,000 users, any eight at a time want their newest page.
void any_archive(benchmark::State& state) {
  Bench& bench = Bench::instance();
  std::mt19937_64 random(1);
  const std::string content = content_of(Which::newest, 0);
  std::vector<Client*> clients;
  for (std::uint64_t i = 0; i < kUsers; ++i)
    clients.push_back(&bench.client("user" + std::to_string(i)));
  measure(state, kAtOnce, [&] { return std::pair(clients[random() % kUsers], content); });
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const auto add = [](const char* name, Which which) {
    benchmark::RegisterBenchmark((std::string("small/") + name).c_str(), one_archive, "small",
                                 kSmall, which)
        ->UseRealTime();
    benchmark::RegisterBenchmark((std::string("large/") + name).c_str(), one_archive, "large",
                                 size(), which)
        ->UseRealTime();
  };
  add("newest", Which::newest);
  add("middle", Which::middle);
  add("by_time", Which::by_time);
  add("by_peer", Which::by_peer);
  add("count", Which::count);
  benchmark::RegisterBenchmark("any_of_10000/newest", any_archive)->UseRealTime();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
