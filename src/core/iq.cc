#include "core/iq.h"

#include <utility>

#include "core/worker.h"

namespace starling::core {

using xmpp::StanzaCondition;
using xmpp::StanzaType;

namespace {

Task<void> run_handler(const IqHandler* handler, IqRequest request) {
  Worker& worker = *request.worker;
  const xmpp::Stanza iq = request.stanza;
  const IqReply reply = co_await (*handler)(std::move(request));
  worker.router().route(reply ? xmpp::make_result(iq, *reply) : xmpp::make_error(iq, reply.error()));
}

}  // namespace

void answer_iq(Worker& worker, const Host& host, At at, xmpp::Stanza iq) {
  if (!iq.is_iq_request()) return;
  const bool own = iq.from().bare() == iq.to().bare();
  const auto found = host.find_handler(at, iq);
  if (found.handler == nullptr || (found.own_only && !own)) {
    return worker.router().bounce(iq, StanzaCondition::service_unavailable);
  }
  IqRequest request{std::move(iq), &worker, &host, {}};
  const Session* session = worker.directory().find_session(request.stanza.from());
  if (session != nullptr) request.session = {session->jid, session->id};

  // What changes an account waits its turn, so that nothing later overtakes it; a question does
  // not hold up the account while the store looks for the answer.
  if (at == At::account && request.stanza.type() == StanzaType::set) {
    const std::string bare(request.stanza.to().bare());
    worker.turns().run(bare, [handler = found.handler, request = std::move(request)]() mutable {
      return run_handler(handler, std::move(request));
    });
    return;
  }
  if (!worker.gate().spawn(run_handler(found.handler, std::move(request)))) return;
}

}  // namespace starling::core
