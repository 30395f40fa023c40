// in_turn: does something in an account's turn, on its home worker, and comes back with the result.
#pragma once

#include <functional>
#include <utility>

#include "base/result.h"
#include "base/task.h"
#include "core/node_calls.h"
#include "core/server.h"
#include "core/worker.h"
#include "xmpp/jid.h"

namespace starling::core {

// The caller may be on any worker and resumes on its own loop; it must not be in this turn itself.
// Errors: unavailable (the server is stopping; the account is at another node of the cluster), and
// what `work` says.
template <class T>
Task<Result<T>> in_turn(Server& server, xmpp::Jid account,
                        std::move_only_function<Task<Result<T>>(Worker& home)> work) {
  if (other_place(server, account) != 0) {
    co_return fail(Errc::unavailable, "the account is at another node");
  }
  using Done = std::move_only_function<void(Result<T>)>;
  using Work = std::move_only_function<Task<Result<T>>(Worker&)>;
  const auto run = [](Worker* home, Work step, Done done) -> Task<void> {
    done(co_await step(*home));
  };
  Worker& home = server.worker(server.home_of(account.bare()));
  EventLoop* const caller = EventLoop::current();
  Completion<Result<T>> finished([&](auto resume) {
    Done done = [caller, resume = std::move(resume)](Result<T> result) mutable {
      caller->post([resume = std::move(resume), result = std::move(result)]() mutable {
        resume(std::move(result));
      });
    };
    home.loop().post([&home, bare = account.to_bare(), run, work = std::move(work),
                      done = std::move(done)]() mutable {
      if (home.gate().closed() && !home.turns().busy(bare.full())) {
        return done(fail(Errc::unavailable, "the server is stopping"));
      }
      home.turns().run(bare.full(),
                       [&home, run, work = std::move(work), done = std::move(done)]() mutable {
                         return run(&home, std::move(work), std::move(done));
                       });
    });
  });
  co_return co_await finished;
}

}  // namespace starling::core
