#include "web/bosh_session.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "web/elements.h"
#include "xml/writer.h"

namespace starling::web {

namespace {

constexpr std::uint32_t kMaxWait = 60;
constexpr std::uint32_t kMaxHold = 2;
// How long a session that was closed waits for a request to tell that to.
constexpr std::chrono::seconds kCloseGrace{5};
constexpr std::size_t kMaxAnswer = 262'144;  // bytes; one element may be longer

constexpr std::string_view kNotFound = "item-not-found";

}  // namespace

BoshTerms BoshTerms::of(const BoshRequest& request) {
  BoshTerms terms;
  terms.wait = std::chrono::seconds(std::min(request.wait.value_or(kMaxWait), kMaxWait));
  terms.hold = std::min(request.hold.value_or(1), kMaxHold);
  return terms;
}

BoshSession::BoshSession(EventLoop& loop, std::string sid, BoshTerms terms,
                         std::string remote_address, bool secure, Callback gone)
    : loop_(&loop),
      sid_(std::move(sid)),
      terms_(terms),
      remote_address_(std::move(remote_address)),
      secure_(secure),
      gone_(std::move(gone)),
      here_(std::make_shared<Here>(this)),
      idle_since_(loop.now()),
      patience_(terms.inactivity) {}

BoshSession::~BoshSession() = default;

void BoshSession::take(BoshRequest request, Answer answer) {
  EventLoop* const loop = loop_;
  if (loop == EventLoop::current()) return take_here(std::move(request), std::move(answer));
  loop->post([self = shared_from_this(), request = std::move(request),
              answer = std::move(answer)]() mutable {
    self->take(std::move(request), std::move(answer));
  });
}

void BoshSession::take_here(BoshRequest request, Answer answer) {
  if (state_ == State::dead) return answer(terminate_body(kNotFound));
  const std::uint64_t rid = request.rid;
  if (next_rid_ == 0) {
    next_rid_ = rid;
    first_ = request;
    first_.payload.clear();
    request.restart = true;  // so it begins
  }
  // Section 14.3: a request that is repeated is answered as it was.
  for (const auto& [number, body] : answered_) {
    if (number == rid) return answer(body);
  }
  const auto held = std::ranges::find(held_, rid, &Held::rid);
  const auto early = early_.find(rid);
  if (held != held_.end() || early != early_.end()) {
    Answer& waiting = held != held_.end() ? held->answer : early->second.answer;
    std::exchange(waiting,
                  std::move(answer))("<body xmlns='" + std::string(kHttpBind) + "' type='error'/>");
    return;
  }
  if (rid < next_rid_ || rid >= next_rid_ + terms_.requests()) {
    return refuse(std::move(answer), kNotFound);
  }
  if (too_often(request)) return refuse(std::move(answer), "policy-violation");
  early_.emplace(rid, Early{std::move(request), std::move(answer)});
  plan_work();
}

// Section 12.
bool BoshSession::too_often(const BoshRequest& request) {
  if (!terms_.polls()) return false;
  const TimePoint now = loop_.load()->now();
  const auto before =
      std::exchange(polled_, request.is_empty() ? std::optional(now) : std::nullopt);
  return before && request.is_empty() && ready_.empty() && now - *before < terms_.polling;
}

// The session ends by it.
void BoshSession::refuse(Answer answer, std::string_view condition) {
  answer(terminate_body(condition));
  die(net::CloseReason::connection_error, condition);
}

void BoshSession::plan_work() {
  if (moving_ || std::exchange(work_planned_, true)) return;
  loop_.load()->at_turn_end([weak = std::weak_ptr<Here>(here_)] {
    if (const auto here = weak.lock()) (*here)->work_planned();
  });
}

void BoshSession::work_planned() {
  const auto alive = shared_from_this();
  work_planned_ = false;
  work();
}

void BoshSession::work() {
  if (state_ == State::dead) return;
  cut_output();
  take_requests();
  cut_output();
  answer_requests();
  set_timer();
}

void BoshSession::take_requests() {
  const auto may = [this] { return state_ == State::closing || (is_open() && reading_); };
  while (may() && !early_.empty() && early_.begin()->first == next_rid_) {
    auto [request, answer] = std::move(early_.extract(early_.begin()).mapped());
    held_.push_back({next_rid_++, std::move(answer), loop_.load()->now() + terms_.wait});
    patience_ = terms_.inactivity;
    if (request.pause) {
      patience_ = std::min(std::chrono::seconds(*request.pause), terms_.max_pause);
      while (!held_.empty()) answer_oldest();  // section 10
    }
    if (request.restart) {
      hand_up(stream_header(request.to.empty() ? first_.to : request.to, first_.from,
                            request.version.empty() ? first_.version : request.version,
                            request.lang.empty() ? first_.lang : request.lang));
    }
    if (!request.payload.empty()) hand_up(request.payload);
    if (request.terminate) hand_up("</stream:stream>");
  }
}

void BoshSession::hand_up(std::string_view bytes) {
  if (state_ == State::open && handler_ != nullptr) handler_->on_data(bytes);
}

std::string& BoshSession::output() {
  if (state_ != State::open) {
    static thread_local std::string nowhere;
    nowhere.clear();
    return nowhere;
  }
  plan_work();
  return out_;
}

void BoshSession::cut_output() {
  const std::string bytes = std::exchange(out_, {});
  std::string_view rest = bytes;
  for (;;) {
    const Piece piece = next_piece(rest);
    switch (piece.kind) {
      case Piece::Kind::incomplete:
        return;
      case Piece::Kind::header:
        header_ = piece.text;
        break;
      case Piece::Kind::end:
        ended_ = true;
        break;
      case Piece::Kind::element:
        if (tag_name(piece.text) == "stream:error") failed_ = true;
        ready_.push_back(standing_alone(piece.text));
        ready_bytes_ += ready_.back().size();
        break;
    }
  }
}

void BoshSession::answer_requests() {
  while (!held_.empty() && (!ready_.empty() || ended_)) {
    answer_oldest();
    if (ended_ && ready_.empty()) return die(net::CloseReason::closed_by_us, "");
  }
  const TimePoint now = loop_.load()->now();
  while (!held_.empty() && (held_.size() > terms_.hold || held_.front().until <= now)) {
    answer_oldest();
  }
}

void BoshSession::answer_oldest() {
  std::string body = "<body xmlns='" + std::string(kHttpBind) + '\'';
  if (!header_.empty()) write_terms(body);
  std::string content;
  while (!ready_.empty() && (content.empty() || content.size() < kMaxAnswer)) {
    content += ready_.front();
    ready_bytes_ -= ready_.front().size();
    ready_.pop_front();
  }
  if (ended_ && ready_.empty()) {
    body += " type='terminate'";
    if (failed_) body += " condition='remote-stream-error'";
  }
  body += content.empty() ? "/>" : ">" + content + "</body>";
  Held held = std::move(held_.front());
  held_.pop_front();
  idle_since_ = loop_.load()->now();
  answered_.emplace_back(held.rid, body);
  if (answered_.size() > terms_.requests()) answered_.pop_front();
  held.answer(std::move(body));
}

// Sections 7.2 and, with the first header, of XEP-0206 section 3.
void BoshSession::write_terms(std::string& body) {
  const auto add = [&](std::string_view name, std::string_view value) {
    body += ' ';
    body += name;
    body += "='";
    body += value;
    body += '\'';
  };
  const auto seconds = [](std::chrono::seconds value) { return std::to_string(value.count()); };
  const std::string header = std::exchange(header_, {});
  if (std::exchange(terms_told_, true)) return;
  add("sid", sid_);
  add("wait", seconds(terms_.wait));
  add("hold", std::to_string(terms_.hold));
  add("requests", std::to_string(terms_.requests()));
  add("inactivity", seconds(terms_.inactivity));
  add("polling", seconds(terms_.polling));
  add("maxpause", seconds(terms_.max_pause));
  add("ver", "1.11");
  if (const auto from = raw_attribute(header, "from"); !from.empty()) add("from", from);
  add("authid", raw_attribute(header, "id"));
  add("xmlns:xmpp", "urn:xmpp:xbosh");
  add("xmpp:version", raw_attribute(header, "version"));
  add("xmpp:restartlogic", "true");
  add("xmlns:stream", "http://etherx.jabber.org/streams");
}

// For the request that is held longest; without one, for a client that does not come back.
void BoshSession::set_timer() {
  EventLoop& loop = *loop_.load();
  if (timer_ != 0) loop.cancel(std::exchange(timer_, 0));
  if (state_ == State::dead || moving_) return;
  const auto after = [&](Duration delay, auto fn) {
    timer_ = loop.run_after(delay, [weak = std::weak_ptr<Here>(here_), fn] {
      const auto here = weak.lock();
      if (!here) return;
      const auto self = (*here)->shared_from_this();
      self->timer_ = 0;
      fn(*self);
    });
  };
  if (state_ == State::closing) {
    return after(kCloseGrace,
                 [](BoshSession& self) { self.die(net::CloseReason::closed_by_us, ""); });
  }
  if (!held_.empty()) {
    return after(held_.front().until - loop.now(), [](BoshSession& self) { self.work(); });
  }
  if (!reading_ && !early_.empty()) return;  // it is not the client who waits
  after(idle_since_ + patience_ - loop.now(), [](BoshSession& self) {
    self.die(net::CloseReason::connection_error, "no request within the time allowed");
  });
}

void BoshSession::start_tls(std::shared_ptr<net::TlsContext> /*tls*/, std::string /*server_name*/) {
  assert(false && "STARTTLS is not offered over BOSH");
}

void BoshSession::close() {
  if (state_ != State::open) return;
  state_ = State::closing;
  plan_work();
  cut_output();
  ended_ = true;
}

void BoshSession::resume_reading() {
  reading_ = true;
  if (!early_.empty()) plan_work();
}

void BoshSession::die(net::CloseReason reason, std::string_view detail) {
  if (state_ == State::dead) return;
  if (moving_) {  // its stream is at no worker: when it has arrived
    doomed_ = true;
    return;
  }
  state_ = State::dead;
  set_timer();
  here_.reset();
  const std::string last = terminate_body(ended_ ? "" : kNotFound);
  for (Held& held : held_) held.answer(last);
  for (auto& [rid, early] : early_) early.answer(last);
  held_.clear();
  early_.clear();
  ready_.clear();
  answered_.clear();
  ready_bytes_ = 0;
  out_ = {};
  loop_.load()->post([self = shared_from_this(), reason, text = std::string(detail)] {
    if (self->handler_ != nullptr) {
      std::exchange(self->handler_, nullptr)->on_disconnected(reason, text);
    }
    self->gone_();
  });
}

void BoshSession::move_to(EventLoop& target, Callback arrived) {
  assert(state_ == State::open && !moving_);
  reading_ = false;
  moving_ = true;
  cut_output();
  set_timer();
  // What is planned here would run beside us on the other loop.
  here_.reset();
  work_planned_ = false;
  loop_.load()->at_turn_end(
      [self = shared_from_this(), &target, arrived = std::move(arrived)]() mutable {
        BoshSession& session = *self;
        auto arrive = [self = std::move(self), arrived = std::move(arrived)]() mutable {
          self->moving_ = false;
          self->here_ = std::make_shared<Here>(self.get());
          arrived();
          if (self->doomed_) {
            self->die(net::CloseReason::connection_error, "a request out of its order");
          } else {
            self->plan_work();
          }
        };
        // From here on requests go there; one that comes before us is only kept.
        session.loop_ = &target;
        target.post(std::move(arrive));
      });
}

}  // namespace starling::web
