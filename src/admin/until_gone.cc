#include "admin/until_gone.h"

#include <utility>

namespace starling::admin {

namespace {

struct Looking {
  core::Server& server;
  const Duration pause;
  const std::function<Task<void>()> look;
  bool over = false;
  bool busy = false;
  TimerId timer = 0;
  std::move_only_function<void(bool)> when_still;
};

Task<void> look(std::shared_ptr<Looking> looking) {
  looking->busy = true;
  co_await looking->look();
  looking->busy = false;
  if (looking->over) {
    if (looking->when_still) std::exchange(looking->when_still, nullptr)(true);
    co_return;
  }
  looking->timer = EventLoop::current()->run_after(looking->pause, [looking] {
    if (!looking->server.worker(0).gate().spawn(look(looking))) looking->over = true;
  });
}

}  // namespace

Task<void> until_gone(core::Server& server, std::shared_ptr<Audience> audience, Duration pause,
                      std::function<Task<void>()> what) {
  const auto looking = std::make_shared<Looking>(
      Looking{.server = server, .pause = pause, .look = std::move(what), .when_still = {}});
  server.worker(0).gate().spawn(look(looking));
  co_await audience->gone();
  looking->over = true;
  EventLoop::current()->cancel(looking->timer);
  if (looking->busy) {
    Completion<bool> still([looking](auto resume) { looking->when_still = std::move(resume); });
    co_await still;
  }
}

}  // namespace starling::admin
