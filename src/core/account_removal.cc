#include "core/account_removal.h"

#include <utility>

#include "base/log.h"
#include "core/node_calls.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

namespace {

using Done = std::move_only_function<void(Result<>)>;

void set_closing(Worker& home, const xmpp::Jid& account, bool closing) {
  const LocalAccount* live = home.directory().find(account.full());
  if (live == nullptr) return;
  for (const auto& session : live->sessions) session->closing = closing;
}

// In the account's turn: what its sessions sent before is done.
Task<void> remove_in_turn(Worker& home, xmpp::Jid account, Done done) {
  co_await home.archive().written(account);  // they are not in its turn
  const auto roster = co_await home.peek_roster(account);
  Result<> erased;
  if (roster) {
    erased = co_await home.server().store().accounts().erase(std::string(account.domain()),
                                                             std::string(account.local()));
  } else {
    erased = std::unexpected(roster.error());
  }
  home.removing().erase(account);
  if (!erased) {
    set_closing(home, account, false);
    done(std::move(erased));
    co_return;
  }
  log::info("account_removed", {{"jid", account.full()}});
  done(Result<>{});
  home.end_sessions(account.full(), xmpp::StreamCondition::not_authorized,
                    "the account was removed");
  home.directory().remove_account(account.full());
  // Behind the unavailable presence of those sessions.
  home.turns().run(account.full(), [&home, account, contacts = *roster] {
    for (const auto& [contact, item] : contacts->items()) {
      home.subscriptions().end_both(account, item);
    }
    return completed();
  });
}

void start(Worker& home, const xmpp::Jid& account, Done done) {
  if (home.gate().closed() && !home.turns().busy(account.full())) {
    return done(fail(Errc::unavailable, "the server is stopping"));
  }
  if (!home.removing().insert(account).second) {
    return done(fail(Errc::exists, "the account is being removed already"));
  }
  set_closing(home, account, true);
  home.turns().run(account.full(), [&home, account, done = std::move(done)]() mutable {
    return remove_in_turn(home, account, std::move(done));
  });
}

}  // namespace

Task<Result<>> remove_account(Server& server, xmpp::Jid account) {
  if (const auto node = other_place(server, account); node != 0) {
    cluster::Encoder arguments;
    arguments.text(account.full());
    const auto removed =
        co_await call_node(server, node, "remove_account", std::move(arguments).take());
    if (!removed) co_return std::unexpected(removed.error());
    co_return Result<>{};
  }
  EventLoop* caller = EventLoop::current();
  Worker& home = server.worker(server.home_of(account.full()));
  Completion<Result<>> removed([caller, &home, account](auto resume) {
    Done done = [caller, &home, resume = std::move(resume)](Result<> result) mutable {
      if (caller == &home.loop()) return resume(std::move(result));
      caller->post([resume = std::move(resume), result = std::move(result)]() mutable {
        resume(std::move(result));
      });
    };
    home.loop().post([&home, account, done = std::move(done)]() mutable {
      start(home, account, std::move(done));
    });
  });
  co_return co_await removed;
}

}  // namespace starling::core
