// TestStore: the in-memory store, which can be told to fail a call or to answer late.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "store/memory.h"
#include "store/store.h"

namespace starling::core {

class TestStore final : public store::Store,
                        private store::Accounts,
                        private store::Maps,
                        private store::Logs {
 public:
  store::Accounts& accounts() override { return *this; }
  store::Maps& maps() override { return *this; }
  store::Logs& logs() override { return *this; }

  // The n-th call from now on fails as unavailable, without effect; 1 is the next one.
  void fail_call(int n) { fail_in_ = n; }
  [[nodiscard]] bool failed() const { return fail_in_ <= 0; }
  // From now on calls take effect at once, but their answers wait for release().
  void hold() { holding_ = true; }
  [[nodiscard]] bool holds() const { return holding_; }
  void release() {
    holding_ = false;
    for (auto& held : std::exchange(held_, {})) {
      held.loop->post([resume = std::move(held.resume)]() mutable { resume(true); });
    }
  }
  // Answers the latest call only, as an engine may that reads on several threads.
  void release_newest() {
    Held newest = std::move(held_.back());
    held_.pop_back();
    newest.loop->post([resume = std::move(newest.resume)]() mutable { resume(true); });
  }
  [[nodiscard]] std::size_t held() const { return held_.size(); }

 private:
  struct Held {
    EventLoop* loop;
    Completion<bool>::Resume resume;
  };

  template <class T>
  Task<T> pass(Task<T> call) {
    if (fail_in_ > 0 && --fail_in_ == 0) co_return fail(Errc::unavailable, "made to fail");
    T result = co_await std::move(call);
    if (!holding_) co_return result;
    Completion<bool> released(
        [this](auto resume) { held_.push_back({EventLoop::current(), std::move(resume)}); });
    co_await released;
    co_return result;
  }

  Task<Result<>> create(store::Account account) override {
    return pass(inner_->accounts().create(std::move(account)));
  }
  Task<Result<store::Account>> find(std::string host, std::string username) override {
    return pass(inner_->accounts().find(std::move(host), std::move(username)));
  }
  Task<Result<>> set_credentials(std::string host, std::string username,
                                 std::vector<store::Credential> credentials) override {
    return pass(inner_->accounts().set_credentials(std::move(host), std::move(username),
                                                   std::move(credentials)));
  }
  Task<Result<>> erase(std::string host, std::string username) override {
    return pass(inner_->accounts().erase(std::move(host), std::move(username)));
  }
  Task<Result<std::vector<std::string>>> list(std::string host, std::string after,
                                              std::uint32_t limit) override {
    return pass(inner_->accounts().list(std::move(host), std::move(after), limit));
  }
  Task<Result<std::uint64_t>> count(std::string host) override {
    return pass(inner_->accounts().count(std::move(host)));
  }
  Task<Result<std::optional<std::string>>> get(std::string owner, std::string map,
                                               std::string key) override {
    return pass(inner_->maps().get(std::move(owner), std::move(map), std::move(key)));
  }
  Task<Result<std::vector<store::Entry>>> scan(std::string owner, std::string map) override {
    return pass(inner_->maps().scan(std::move(owner), std::move(map)));
  }
  Task<Result<>> apply(std::string owner, std::vector<store::Change> changes,
                       std::optional<store::Fence> fence) override {
    return pass(inner_->maps().apply(std::move(owner), std::move(changes), std::move(fence)));
  }
  Task<Result<>> append(std::string owner, std::string log, store::LogEntry entry) override {
    return pass(inner_->logs().append(std::move(owner), std::move(log), std::move(entry)));
  }
  Task<Result<store::LogPage>> read(std::string owner, std::string log, store::LogFilter filter,
                                    std::uint32_t limit, bool newest) override {
    return pass(
        inner_->logs().read(std::move(owner), std::move(log), std::move(filter), limit, newest));
  }
  Task<Result<std::uint64_t>> count(std::string owner, std::string log, store::LogFilter filter,
                                    std::uint64_t limit) override {
    return pass(inner_->logs().count(std::move(owner), std::move(log), std::move(filter), limit));
  }
  Task<Result<std::uint64_t>> trim(std::string owner, std::string log,
                                   store::LogFilter filter) override {
    return pass(inner_->logs().trim(std::move(owner), std::move(log), std::move(filter)));
  }

  std::unique_ptr<store::Store> inner_ = store::open_memory();
  int fail_in_ = -1;
  bool holding_ = false;
  std::vector<Held> held_;
};

}  // namespace starling::core
