// Link: one connection to PostgreSQL in pipeline mode, driven by whoever polls its socket.
//
// What is sent together is a Segment: its statements run in one transaction that is committed at
// its end. Many may be under way; their answers come in order. The link connects by itself, again
// and again with growing pauses, and prepares its statements; until then, and while it is lost,
// ready() is false. Blocks for nothing but look-ups of names. Used on one thread.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/postgres_connection.h"
#include "store/postgres_sql.h"
#include "store/postgres_values.h"

namespace starling::store::postgres {

using Clock = std::chrono::steady_clock;

struct Query {
  const Statement* statement = nullptr;
  Values values;
};

// Why a segment has not happened.
struct Failure {
  std::size_t query = 0;  // the one that failed; those before it were good
  std::string sqlstate;   // "": the connection was lost, and nobody knows whether it happened
  std::string message;
};

// Of a segment: the rows of each query, all durable; or why none of it happened.
struct Outcome {
  std::vector<Rows> rows;
  std::optional<Failure> failure;
};

struct LinkOptions {
  std::string conninfo;                                        // with all that libpq is to know
  std::span<const Statement* const> statements = kStatements;  // that it can be sent
  // An answer that takes longer is given up.
  std::chrono::milliseconds patience{10'000};
  // So is a connection: it takes its time where the first of several hosts does not answer.
  std::chrono::milliseconds connect_patience{10'000};
  std::chrono::milliseconds least_pause{100};  // before connecting again; doubles
  std::chrono::milliseconds most_pause{1'000};
  // A lock that only one session of the database can hold, and holds until it has ended: a link
  // that has it knows that what the one before it had under way is over, whatever became of that.
  std::optional<std::int64_t> fence;
  // What it LISTENs to, if anything; `notified` is called from step().
  std::string channel;
  std::function<void()> notified;
};

class Link {
 public:
  using Done = std::move_only_function<void(Outcome)>;

  explicit Link(LinkOptions options);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  [[nodiscard]] bool ready() const { return state_ == State::ready; }
  [[nodiscard]] std::size_t under_way() const { return segments_.size(); }
  // Why it is not ready, for the log; "" if it never failed.
  [[nodiscard]] const std::string& error() const { return error_; }

  // While ready. `done` is called from step(), never from here.
  void send(const std::vector<const Query*>& queries, Done done);

  // What to poll for: -1 or a socket, with POLLIN and POLLOUT; and when to call step() at the
  // latest.
  [[nodiscard]] int socket() const;
  [[nodiscard]] short wanted() const;
  [[nodiscard]] Clock::time_point next_step() const;
  // After polling, or when it is time.
  void step(Clock::time_point now);

 private:
  enum class State : std::uint8_t { waiting, connecting, preparing, ready };
  struct Segment {
    std::size_t queries;
    Done done;
    Clock::time_point sent;
    Outcome outcome;
  };

  [[nodiscard]] Clock::time_point answer_until() const;
  void connect(Clock::time_point now);
  void go_on_connecting(Clock::time_point now);
  void begin(Clock::time_point now);
  void prepare(Clock::time_point now);
  void exchange(Clock::time_point now);
  bool take_results();
  bool take(PGresult* raw);
  void take_notifications();
  bool flush();
  void lose(const std::string& why, Clock::time_point now);

  const LinkOptions options_;
  ConnectionPtr connection_;
  State state_ = State::waiting;
  PostgresPollingStatusType polling_ = PGRES_POLLING_WRITING;
  bool unsent_ = false;
  bool broken_ = false;  // libpq did not take what was to be sent: the next step says so
  std::deque<Segment> segments_;
  std::string error_;
  Clock::time_point began_{};  // to connect
  Clock::time_point again_{};  // when waiting is over
  std::chrono::milliseconds pause_;
};

}  // namespace starling::store::postgres
