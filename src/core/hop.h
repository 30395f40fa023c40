// hop: does something on another worker and comes back with the result, whatever becomes of that
// worker meanwhile: nobody may wait for a gate that is closed already.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "base/event_loop.h"
#include "base/task.h"
#include "core/worker.h"

namespace starling::core {

// `work` runs in the worker's gate; the caller resumes on its own loop. nullopt: the server stops.
template <class T>
Task<std::optional<T>> hop(Worker& worker, std::move_only_function<Task<T>()> work) {
  using Done = std::move_only_function<void(std::optional<T>)>;
  const auto run = [](std::move_only_function<Task<T>()> step, Done done) -> Task<void> {
    done(co_await step());
  };
  EventLoop* const caller = EventLoop::current();
  Completion<std::optional<T>> finished([&](auto resume) {
    Done done = [caller, resume = std::move(resume)](std::optional<T> result) mutable {
      caller->post([resume = std::move(resume), result = std::move(result)]() mutable {
        resume(std::move(result));
      });
    };
    worker.loop().post([&worker, run, work = std::move(work), done = std::move(done)]() mutable {
      if (worker.gate().closed()) return done(std::nullopt);
      worker.gate().spawn(run(std::move(work), std::move(done)));
    });
  });
  co_return co_await finished;
}

}  // namespace starling::core
