// A whole server without sockets, for tests and fuzzing of streams: loops driven by hand, the
// memory store, one account "alice" with the password "pencil" and one iteration of PBKDF2, so
// that SCRAM needs no thread pool.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/manual_loop.h"
#include "base/thread_pool.h"
#include "core/server.h"
#include "store/memory.h"
#include "stream/c2s_options.h"
#include "stream/c2s_service.h"
#include "xmpp/sasl/scram.h"

namespace starling::stream::test {

inline constexpr std::string_view kHost = "example.org";
inline constexpr std::string_view kPassword = "pencil";
inline constexpr std::string_view kSalt = "salt of sixteen.";

class TestNode {
 public:
  TestNode(ThreadPool& pool, std::size_t workers, std::span<const core::Module* const> modules,
           config::HostOptions options = {}) {
    std::vector<EventLoop*> plain;
    for (std::size_t i = 0; i < workers; ++i) {
      loops_.push_back(std::make_unique<ManualLoop>());
      plain.push_back(loops_.back().get());
    }
    const std::vector<std::string> hosts{std::string(kHost), "other.example"};
    server_.emplace(*store_, pool, hosts, modules, plain, std::move(options));
    for (std::size_t i = 0; i < workers; ++i) {
      services_.push_back(std::make_unique<C2sService>(server_->worker(i), services_));
      loops_[i]->inside([&] { services_[i]->start(); });
    }
    spawn(prepare(&*server_));
    add_account("alice");
  }

  [[nodiscard]] core::Server& server() { return *server_; }
  [[nodiscard]] store::Store& store() { return *store_; }
  [[nodiscard]] ManualLoop& loop(std::size_t worker = 0) { return *loops_[worker]; }
  [[nodiscard]] C2sService& service(std::size_t worker = 0) { return *services_[worker]; }
  [[nodiscard]] core::Worker& home_of(std::string_view bare) {
    return server_->worker(server_->home_of(bare));
  }

  void add_account(std::string_view username) {
    // Derived once: they are the same for all.
    static const std::vector<store::Credential> kCredentials = [] {
      std::vector<store::Credential> credentials;
      for (const auto hash : xmpp::sasl::kScramHashes) {
        auto keys = xmpp::sasl::derive_scram_keys(hash, kPassword, kSalt, 1);
        credentials.push_back({std::string(xmpp::sasl::scram_name(hash)), std::move(keys.salt),
                               keys.iterations, std::move(keys.stored_key),
                               std::move(keys.server_key)});
      }
      return credentials;
    }();
    store::Account account;
    account.username = username;
    account.host = kHost;
    account.credentials = kCredentials;
    spawn(create(store_.get(), std::move(account)));
  }

  // Runs everything until nothing is left to do now, the thread pool's work included.
  void settle() {
    for (;;) {
      int ran = 0;
      int waiting = 0;
      for (std::size_t i = 0; i < loops_.size(); ++i) {
        ran += loops_[i]->run();
        waiting += server_->worker(i).gate().count();
      }
      if (ran == 0 && waiting == 0) return;
      if (ran == 0) std::this_thread::yield();
    }
  }
  // Settles, then lets time pass on all loops.
  void advance(Duration by) {
    settle();
    for (const auto& loop : loops_) loop->advance(by);
    settle();
  }

 private:
  static Task<void> prepare(core::Server* server) { static_cast<void>(co_await server->prepare()); }
  static Task<void> create(store::Store* store, store::Account account) {
    static_cast<void>(co_await store->accounts().create(std::move(account)));
  }
  void spawn(Task<void> task) {
    loops_[0]->inside([&] { server_->worker(0).gate().spawn(std::move(task)); });
    settle();
  }

  std::vector<std::unique_ptr<ManualLoop>> loops_;
  std::unique_ptr<store::Store> store_ = store::open_memory();
  std::optional<core::Server> server_;
  std::vector<std::unique_ptr<C2sService>> services_;
};

}  // namespace starling::stream::test
