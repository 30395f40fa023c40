#include "store/postgres_link.h"

#include <poll.h>

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

namespace starling::store::postgres {

namespace {

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text != nullptr ? text : "";
}

// Every statement finds its rows by a primary key. But a plan is kept for as long as the table's
// statistics are: one that was made while the table was empty would go on reading all of it. And
// what reads few rows is over before it is compiled.
constexpr const char* kByIndex =
    "SELECT set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false)";

}  // namespace

Link::Link(LinkOptions options) : options_(std::move(options)), pause_(options_.least_pause) {}

Link::~Link() = default;

int Link::socket() const {
  return connection_ ? PQsocket(connection_.get()) : -1;
}

short Link::wanted() const {
  if (state_ == State::connecting) return polling_ == PGRES_POLLING_READING ? POLLIN : POLLOUT;
  return static_cast<short>(POLLIN | (unsent_ ? POLLOUT : 0));
}

Clock::time_point Link::next_step() const {
  switch (state_) {
    case State::waiting:
      return again_;
    case State::connecting:
      return began_ + options_.connect_patience;
    case State::preparing:
    case State::ready:
      break;
  }
  if (broken_) return Clock::time_point::min();
  return answer_until();
}

Clock::time_point Link::answer_until() const {
  if (segments_.empty()) return Clock::time_point::max();
  const bool ready = state_ == State::ready;
  return segments_.front().sent + (ready ? options_.patience : options_.connect_patience);
}

void Link::step(Clock::time_point now) {
  switch (state_) {
    case State::waiting:
      if (now >= again_) connect(now);
      return;
    case State::connecting:
      return go_on_connecting(now);
    case State::preparing:
    case State::ready:
      return exchange(now);
  }
}

void Link::connect(Clock::time_point now) {
  began_ = now;
  connection_.reset(PQconnectStart(options_.conninfo.c_str()));
  if (!connection_ || PQstatus(connection_.get()) == CONNECTION_BAD) {
    return lose(connection_ ? PQerrorMessage(connection_.get()) : "out of memory", now);
  }
  polling_ = PGRES_POLLING_WRITING;
  state_ = State::connecting;
}

void Link::go_on_connecting(Clock::time_point now) {
  pollfd ready{socket(), wanted(), 0};
  if (::poll(&ready, 1, 0) == 0) {
    if (now >= began_ + options_.connect_patience)
      lose("no connection within the time allowed", now);
    return;
  }
  polling_ = PQconnectPoll(connection_.get());
  if (polling_ == PGRES_POLLING_OK) return begin(now);
  if (polling_ == PGRES_POLLING_FAILED) lose(PQerrorMessage(connection_.get()), now);
}

void Link::begin(Clock::time_point now) {
  silence_notices(connection_.get());
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) != 1) {
    return lose(PQerrorMessage(connection_.get()), now);
  }
  state_ = State::preparing;
  prepare(now);
}

void Link::prepare(Clock::time_point now) {
  std::size_t queries = options_.statements.size() + 1;
  if (PQsendQueryParams(connection_.get(), kByIndex, 0, nullptr, nullptr, nullptr, nullptr, 1) !=
      1) {
    return lose(PQerrorMessage(connection_.get()), now);
  }
  if (options_.fence) {
    const auto key = Values().bigint(*options_.fence);
    const auto raw = key.raw();
    if (PQsendQueryParams(connection_.get(), "SELECT pg_advisory_lock($1::bigint)", 1, nullptr,
                          raw.values.data(), raw.lengths.data(), raw.formats.data(), 1) != 1) {
      return lose(PQerrorMessage(connection_.get()), now);
    }
    ++queries;
  }
  if (!options_.channel.empty()) {
    const std::string listen = "LISTEN " + options_.channel;
    if (PQsendQueryParams(connection_.get(), listen.c_str(), 0, nullptr, nullptr, nullptr, nullptr,
                          1) != 1) {
      return lose(PQerrorMessage(connection_.get()), now);
    }
    ++queries;
  }
  for (const Statement* statement : options_.statements) {
    if (PQsendPrepare(connection_.get(), statement->name, statement->sql, 0, nullptr) != 1) {
      return lose(PQerrorMessage(connection_.get()), now);
    }
  }
  if (PQpipelineSync(connection_.get()) != 1) return lose(PQerrorMessage(connection_.get()), now);
  segments_.push_back({queries,
                       [this](Outcome outcome) {
                         if (outcome.failure) {
                           error_ = outcome.failure->message;
                           return;
                         }
                         state_ = State::ready;
                         pause_ = options_.least_pause;
                         error_.clear();
                       },
                       now,
                       {}});
  unsent_ = true;
}

void Link::send(const std::vector<const Query*>& queries, Done done) {
  assert(ready());
  bool sent = true;
  for (const Query* query : queries) {
    const auto raw = query->values.raw();
    sent = sent &&
           PQsendQueryPrepared(connection_.get(), query->statement->name, query->values.count(),
                               raw.values.data(), raw.lengths.data(), raw.formats.data(), 1) == 1;
  }
  sent = sent && PQpipelineSync(connection_.get()) == 1;
  segments_.push_back({queries.size(), std::move(done), Clock::now(), {}});
  if (!sent || !flush()) broken_ = true;
}

// False if the connection is broken.
bool Link::flush() {
  const int left = PQflush(connection_.get());
  unsent_ = left == 1;
  return left >= 0;
}

void Link::exchange(Clock::time_point now) {
  if (broken_) return lose(PQerrorMessage(connection_.get()), now);
  // OpenSSL may hold more than libpq takes at once, and the socket does not say so then.
  const int times = PQsslInUse(connection_.get()) != 0 ? 2 : 1;
  for (int i = 0; i < times; ++i) {
    if (PQconsumeInput(connection_.get()) != 1 || !take_results()) {
      return lose(PQerrorMessage(connection_.get()), now);
    }
  }
  take_notifications();
  if (!flush()) return lose(PQerrorMessage(connection_.get()), now);
  if (state_ == State::preparing && segments_.empty()) return lose(error_, now);
  if (now >= answer_until()) lose("no answer within the time allowed", now);
}

// All that is there. False if the connection is not to be used any more.
bool Link::take_results() {
  while (!segments_.empty() && PQisBusy(connection_.get()) == 0) {
    PGresult* result = PQgetResult(connection_.get());
    if (result == nullptr) {
      // The end of one query's results; or there is no more, which a broken connection has as well.
      if (PQstatus(connection_.get()) == CONNECTION_BAD) return false;
      continue;
    }
    if (!take(result)) return false;
  }
  return true;
}

bool Link::take(PGresult* raw) {
  Rows rows(raw);
  Segment& segment = segments_.front();
  switch (PQresultStatus(raw)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
      segment.outcome.rows.push_back(std::move(rows));
      return true;
    case PGRES_PIPELINE_ABORTED:
      return true;  // follows one that failed
    case PGRES_PIPELINE_SYNC: {
      Segment over = std::move(segment);
      segments_.pop_front();
      // Those behind it have waited for it.
      if (!segments_.empty()) segments_.front().sent = Clock::now();
      assert(over.outcome.failure || over.outcome.rows.size() == over.queries);
      over.done(std::move(over.outcome));
      return true;
    }
    default:
      break;
  }
  const std::string sqlstate = field(raw, PG_DIAG_SQLSTATE);
  const bool fatal = field(raw, PG_DIAG_SEVERITY_NONLOCALIZED) != "ERROR";
  const std::string message = one_line(PQresultErrorMessage(raw));
  // The server says goodbye, or has become one that cannot be written to (a failover).
  if (fatal || sqlstate.empty() || sqlstate == "25006") {
    error_ = message;
    return false;
  }
  if (!segment.outcome.failure) {
    segment.outcome.failure = {segment.outcome.rows.size(), sqlstate, message};
  }
  return true;
}

void Link::take_notifications() {
  bool any = false;
  while (PGnotify* notification = PQnotifies(connection_.get())) {
    PQfreemem(notification);
    any = true;
  }
  if (any && options_.notified) options_.notified();
}

void Link::lose(const std::string& why, Clock::time_point now) {
  if (!why.empty() || error_.empty()) error_ = one_line(why);
  connection_.reset();
  state_ = State::waiting;
  unsent_ = false;
  broken_ = false;
  again_ = now + pause_;
  pause_ = std::min(2 * pause_, options_.most_pause);
  for (Segment& segment : std::exchange(segments_, {})) {
    segment.done({{}, Failure{0, "", error_}});
  }
}

}  // namespace starling::store::postgres
