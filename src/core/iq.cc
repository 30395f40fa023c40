#include "core/iq.h"

#include <optional>
#include <utility>

#include "core/worker.h"

namespace starling::core {

using xmpp::StanzaCondition;
using xmpp::StanzaType;

namespace {

Task<void> run_handler(const IqHandler* handler, IqRequest request) {
  Worker& worker = *request.worker;
  const xmpp::Stanza iq = request.stanza;
  const SessionRef asker = request.session;
  const IqReply reply = co_await (*handler)(std::move(request));
  xmpp::Stanza answer = reply ? xmpp::make_result(iq, *reply) : xmpp::make_error(iq, reply.error());
  const Session* session = worker.directory().find(asker);
  // One that is about to end will not see the account's next turn.
  if (session != nullptr && session->closing) {
    session->outbox->deliver(answer);
  } else {
    worker.router().route(std::move(answer));
  }
}

struct Job {
  const IqHandler* handler;
  IqRequest request;
  // What changes an account, and what its own sessions ask, waits its turn, so that nothing later
  // overtakes it; the questions of others do not hold up the account while the store looks for the
  // answer.
  bool takes_turn;
};

// nullopt if there is nothing to run: refused, or no request.
std::optional<Job> find_job(Worker& worker, const Host& host, At at, xmpp::Stanza iq) {
  if (!iq.is_iq_request()) return std::nullopt;
  const bool own = iq.from().bare() == iq.to().bare();
  const auto found = host.find_handler(at, iq);
  if (found.handler == nullptr || (found.own_only && !own)) {
    worker.router().bounce(iq, StanzaCondition::service_unavailable);
    return std::nullopt;
  }
  const bool changes = iq.type() == StanzaType::set;
  Job job{found.handler, {std::move(iq), &worker, &host, {}}, false};
  job.takes_turn = at == At::account && !found.without_turn && (found.own_only || changes);
  const Session* session = worker.directory().find_session(job.request.stanza.from());
  if (session != nullptr) job.request.session = {session->jid, session->id};
  return job;
}

}  // namespace

void answer_iq(Worker& worker, const Host& host, At at, xmpp::Stanza iq) {
  auto job = find_job(worker, host, at, std::move(iq));
  if (!job) return;
  if (!job->takes_turn) {
    worker.gate().spawn(run_handler(job->handler, std::move(job->request)));
    return;
  }
  const std::string bare(job->request.stanza.to().bare());
  worker.turns().run(bare, [job = std::move(*job)]() mutable {
    return run_handler(job.handler, std::move(job.request));
  });
}

Task<void> answer_iq_in_turn(Worker& worker, const Host& host, xmpp::Stanza iq) {
  auto job = find_job(worker, host, At::account, std::move(iq));
  if (!job) return completed();
  if (job->takes_turn) return run_handler(job->handler, std::move(job->request));
  worker.gate().spawn(run_handler(job->handler, std::move(job->request)));
  return completed();
}

}  // namespace starling::core
