#include "web/bosh.h"

#include <boost/asio/ip/address.hpp>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"

namespace starling::web {

namespace {

constexpr std::size_t kSidCharacters = 26;  // more than 128 bits

// XEP-0124 section 19: pages of any origin may log in; no cookie stands for a log-in here.
http::Response reply(std::string body, unsigned status = 200) {
  return {.status = status,
          .content_type = body.empty() ? "" : "text/xml; charset=utf-8",
          .body = std::move(body),
          .fields = {{"Access-Control-Allow-Origin", "*"},
                     {"Access-Control-Allow-Methods", "POST, OPTIONS"},
                     {"Access-Control-Allow-Headers", "Content-Type"},
                     {"Access-Control-Max-Age", "86400"},
                     {"Cross-Origin-Resource-Policy", "cross-origin"}}};
}

// One <body/> has several stanzas; each is held to its limits by the stream.
xml::Limits body_limits(const xml::Limits& stanza, std::size_t bytes) {
  xml::Limits limits = stanza;
  limits.max_stanza_bytes = static_cast<std::uint32_t>(bytes);
  limits.max_depth += 1;
  limits.max_elements *= 4;
  return limits;
}

std::nullptr_t refuse(const http::Request& request, const char* limit) {
  metrics::counter("starling_bosh_sessions_refused_total",
                   "BOSH sessions that were not begun since there were too many, by the limit",
                   {{"reason", limit}})
      .add();
  log::info("bosh_session_refused", {{"remote", request.remote}, {"reason", limit}});
  return nullptr;
}

}  // namespace

std::shared_ptr<BoshSession> Bosh::find(const std::string& sid) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(sid);
  return found == sessions_.end() ? nullptr : found->second;
}

// Counted like a connection: a client could make them without end on a single one.
std::shared_ptr<BoshSession> Bosh::create(const http::Request& request, const BoshRequest& first,
                                          const Listener& listener, stream::C2sService& here) {
  net::ConnectionBudget::Ticket ticket;
  if (listener.bosh_sessions != nullptr) {
    auto taken = listener.bosh_sessions->take();
    if (!taken) return refuse(request, "max_connections");
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(request.remote, error);
    if (!error && !taken->count_for(address)) {
      return refuse(request, "max_connections_per_address");
    }
    ticket = std::move(*taken);
  }
  const std::string sid = random_token(kSidCharacters);
  auto session =
      std::make_shared<BoshSession>(here.worker().loop(), sid, BoshTerms::of(first), request.remote,
                                    request.is_private(), [weak = weak_from_this(), sid] {
                                      const auto self = weak.lock();
                                      if (!self) return;
                                      std::shared_ptr<BoshSession> gone;  // not under the lock
                                      const std::lock_guard lock(self->mutex_);
                                      gone = std::move(self->sessions_.extract(sid).mapped());
                                    });
  {
    const std::lock_guard lock(mutex_);
    sessions_.emplace(sid, session);
  }
  session->keep(std::move(ticket));
  here.accept(session, listener.streams);
  return session;
}

Task<http::Response> Bosh::answer(http::Request request, Listener listener,
                                  stream::C2sService& here) {
  if (request.method == "OPTIONS") co_return reply("", 204);
  auto parsed = parse_bosh_request(request.body,
                                   body_limits(listener.streams->limits, request.body.size() + 1));
  if (!parsed) co_return reply(terminate_body("bad-request"));
  const bool is_new = parsed->sid.empty();
  const auto session = is_new ? create(request, *parsed, listener, here) : find(parsed->sid);
  if (!session) {
    co_return reply(terminate_body(is_new ? "policy-violation" : "item-not-found"));
  }
  EventLoop& loop = here.worker().loop();
  Completion<std::string> body([&](auto resume) {
    session->take(std::move(*parsed),
                  [&loop, resume = std::move(resume)](std::string text) mutable {
                    loop.post([resume = std::move(resume), text = std::move(text)]() mutable {
                      resume(std::move(text));
                    });
                  });
  });
  co_return reply(co_await body);
}

}  // namespace starling::web
