// For tests: an Outbox that leads nowhere, and binding a session without waiting for the store.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/manual_loop.h"
#include "core/worker.h"

namespace starling::core {

class TestOutbox : public Outbox {
 public:
  bool deliver(const xmpp::Stanza& /*stanza*/) override { return false; }
  std::vector<xmpp::Stanza> take_unacknowledged() override { return {}; }
  [[nodiscard]] bool congested() const override { return false; }
  void end(xmpp::StreamCondition /*condition*/, std::string_view /*text*/) override {}
  void leave(Leaving /*why*/) override {}
  [[nodiscard]] std::string remote() const override { return "test"; }
};

// As if the account had been loaded before. For workers on a ManualLoop, on its thread.
inline Session& bind_at_once(Worker& worker, const xmpp::Jid& full, Outbox& outbox) {
  if (worker.directory().find(full.bare()) == nullptr) {
    auto account = std::make_unique<LocalAccount>();
    account->bare = full.to_bare();
    worker.directory().add_account(std::move(account));
  }
  struct Run {
    static Task<void> bind(Worker* worker, xmpp::Jid full, Outbox* outbox, Session** bound) {
      *bound = *co_await worker->bind(full, *outbox);
    }
  };
  Session* bound = nullptr;
  auto& loop = static_cast<ManualLoop&>(worker.loop());
  loop.inside([&] { worker.gate().spawn(Run::bind(&worker, full, &outbox, &bound)); });
  while (bound == nullptr) loop.run();
  return *bound;
}

}  // namespace starling::core
