#include "store/postgres_engine.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>

namespace starling::store::postgres {

namespace {

// What one transaction takes: so that it is over soon, and so is the next one.
constexpr std::size_t kMaxCalls = 1'000;
constexpr std::size_t kMaxBytes = 4 * 1024 * 1024;
// Reads under way on one link at a time.
constexpr std::size_t kMaxReads = 64;
constexpr std::chrono::milliseconds kPause{100};

std::size_t size_of(const std::variant<Query, Append>& what) {
  if (const auto* query = std::get_if<Query>(&what)) return query->values.size();
  const auto& append = std::get<Append>(what);
  return append.owner.size() + append.entry.value.size();
}

Query append_query(const auto& appends) {
  std::vector<std::string_view> owners;
  std::vector<std::string_view> logs;
  std::vector<std::int64_t> ids;
  std::vector<std::string_view> peers;
  std::vector<std::string_view> details;
  std::vector<std::string_view> values;
  for (const Append* append : appends) {
    owners.emplace_back(append->owner);
    logs.emplace_back(append->log);
    ids.push_back(static_cast<std::int64_t>(append->entry.id));
    peers.emplace_back(append->entry.peer);
    details.emplace_back(append->entry.detail);
    values.emplace_back(append->entry.value);
  }
  Query query{&kAppendEntries, {}};
  query.values.texts(owners).texts(logs).bigints(ids).texts(peers).texts(details).byteas(values);
  return query;
}

// The database is in trouble that passes by itself, and nothing has happened: a deadlock, no
// memory, no disk, a shutdown, a lock that another holds.
bool will_pass(std::string_view sqlstate) {
  constexpr std::string_view kDeadlock = "40P01";
  constexpr std::string_view kSerialization = "40001";
  constexpr std::string_view kLockNotAvailable = "55P03";
  return sqlstate == kDeadlock || sqlstate == kSerialization || sqlstate == kLockNotAvailable ||
         sqlstate.starts_with("53") || sqlstate.starts_with("57") || sqlstate.starts_with("58");
}

Error error_of(const Failure& failure) {
  constexpr std::string_view kUniqueViolation = "23505";
  // What was asked for: bytes that are no text, more than a key may have.
  const bool data = failure.sqlstate.starts_with("22") || failure.sqlstate.starts_with("54");
  return {failure.sqlstate == kUniqueViolation ? Errc::exists
          : data                               ? Errc::invalid
                                               : Errc::unavailable,
          failure.message};
}

int make_wake_fd() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

}  // namespace

Engine::Engine(LinkOptions link, std::string name, const PostgresOptions& options)
    : options_(options),
      name_(std::move(name)),
      failures_("database", name_),
      unreachable_("database", name_),
      wake_(make_wake_fd()),
      waiting_metric_(waiting_writes([this] { return waiting_writes_.load(); })) {
  link.patience = options_.patience;
  links_.push_back(std::make_unique<Link>(link));
  link.fence.reset();
  link.channel.clear();
  for (std::size_t i = 0; i < options_.readers; ++i) {
    links_.push_back(std::make_unique<Link>(link));
  }
  thread_.submit([this] { run(); });
}

Engine::~Engine() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
}

Task<Result<Rows>> Engine::write(Query query, Repeat repeat) {
  Write what{std::move(query), repeat == Repeat::yes};
  return call(std::move(what), &Engine::new_writes_, waiting_writes_);
}

Task<Result<Rows>> Engine::append(Append append) {
  Write what{std::move(append)};
  return call(std::move(what), &Engine::new_writes_, waiting_writes_);
}

Task<Result<Rows>> Engine::read(Query query) {
  Write what{std::move(query)};
  return call(std::move(what), &Engine::new_reads_, waiting_reads_);
}

Task<Engine::Answer> Engine::call(Write what, Calls Engine::* inbox,
                                  std::atomic<std::size_t>& waiting) {
  EventLoop* loop = EventLoop::current();
  assert(loop != nullptr && "the store is called from event loops");
  if (waiting.load() >= options_.max_queued) {
    co_return fail(Errc::unavailable, "too many calls wait for " + name_);
  }
  ++waiting;
  const std::size_t bytes =
      &waiting == &waiting_writes_ ? sizeof(Call) + size_of(what.what) : std::size_t{0};
  waiting_bytes_ += bytes;
  const auto asked = Clock::now();
  const auto until = asked + options_.patience;
  Completion<Answer> done([this, loop, inbox, asked, until, bytes, &what](auto resume) {
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      first = new_writes_.empty() && new_reads_.empty();
      (this->*inbox)
          .push_back({std::move(what), loop, std::move(resume), asked, until, false, bytes});
    }
    if (first) wake();
  });
  co_return co_await done;
}

Stats Engine::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

Duration Engine::take_lag() {
  const Duration slowest = slowest_.take();
  const Clock::time_point oldest = oldest_write_;
  return oldest == kNone ? slowest : std::max(slowest, Clock::now() - oldest);
}

void Engine::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_.get(), &one, sizeof one));
}

void Engine::run() {
  while (collect()) {
    watch_links();
    const auto now = Clock::now();
    expire(writes_, now);
    expire(reads_, now);
    send_writes(now);
    send_reads();
    tell_oldest(now);
    wait(now);
    step_links();
  }
}

// What came. False: all is done, and no more will come.
bool Engine::collect() {
  std::lock_guard lock(mutex_);
  std::ranges::move(std::exchange(new_writes_, {}), std::back_inserter(writes_));
  if (!lost_reads_.empty()) {
    std::ranges::move(reads_, std::back_inserter(lost_reads_));
    reads_ = std::exchange(lost_reads_, {});
  }
  std::ranges::move(std::exchange(new_reads_, {}), std::back_inserter(reads_));
  return !stopping_ || waiting_writes_ > 0 || waiting_reads_ > 0;
}

// Those under way are the link's to give up.
void Engine::expire(Calls& calls, Clock::time_point now) {
  auto& waiting = &calls == &writes_ ? waiting_writes_ : waiting_reads_;
  while (!calls.empty() && calls.front().until <= now) {
    Call call = std::move(calls.front());
    calls.pop_front();
    if (careful_ > 0 && &calls == &writes_) --careful_;
    const std::string& why = links_[0]->error();
    answer(call, fail(Errc::unavailable, name_ + " cannot be reached: " + why), waiting);
  }
}

void Engine::send_writes(Clock::time_point now) {
  Link& link = *links_[0];
  if (writes_.empty() || !link.ready() || link.under_way() > 0 || now < not_before_) return;
  auto batch = std::make_unique<Batch>();
  const std::size_t most = careful_ > 0 ? 1 : kMaxCalls;
  for (std::size_t bytes = 0;
       batch->calls.size() < most && !writes_.empty() && bytes < kMaxBytes;) {
    bytes += size_of(writes_.front().what.what);
    batch->calls.push_back(std::move(writes_.front()));
    writes_.pop_front();
  }
  if (careful_ > 0) --careful_;
  batch_asked_ = batch->calls.front().asked;

  std::deque<Query> appends;
  std::vector<const Query*> queries;
  for (auto call = batch->calls.begin(); call != batch->calls.end();) {
    if (const auto* query = std::get_if<Query>(&call->what.what)) {
      queries.push_back(query);
      batch->sizes.push_back(1);
      ++call;
      continue;
    }
    std::vector<const Append*> together;
    for (; call != batch->calls.end(); ++call) {
      const auto* append = std::get_if<Append>(&call->what.what);
      if (append == nullptr) break;
      together.push_back(append);
    }
    queries.push_back(&appends.emplace_back(append_query(together)));
    batch->sizes.push_back(together.size());
  }
  link.send(queries, [this, batch = std::move(batch)](Outcome outcome) {
    written(*batch, std::move(outcome));
  });
}

// A write is late from when it could have been made.
void Engine::tell_oldest(Clock::time_point now) {
  const Link& link = *links_[0];
  if (!link.ready()) cut_off_ = now;
  if (!link.ready() || (link.under_way() == 0 && writes_.empty())) {
    oldest_write_ = kNone;
  } else {
    const auto asked = link.under_way() > 0 ? batch_asked_ : writes_.front().asked;
    oldest_write_ = std::max(asked, cut_off_);
  }
}

// Each to the link that has least to do.
void Engine::send_reads() {
  while (!reads_.empty()) {
    Link* least = nullptr;
    for (std::size_t i = 1; i < links_.size(); ++i) {
      Link& link = *links_[i];
      if (!link.ready() || link.under_way() >= kMaxReads) continue;
      if (least == nullptr || link.under_way() < least->under_way()) least = &link;
    }
    if (least == nullptr) return;
    auto call = std::make_unique<Call>(std::move(reads_.front()));
    reads_.pop_front();
    const Query& query = std::get<Query>(call->what.what);
    least->send({&query}, [this, call = std::move(call)](Outcome outcome) {
      read_done(*call, std::move(outcome));
    });
  }
}

void Engine::read_done(Call& call, Outcome outcome) {
  if (!outcome.failure) return answer(call, std::move(outcome.rows.at(0)), waiting_reads_);
  if (outcome.failure->sqlstate.empty()) {  // lost: to ask again harms nobody
    lost_reads_.push_back(std::move(call));
    return;
  }
  const Error error = error_of(*outcome.failure);
  failures_.failed("store_read_failed", 1, error);
  answer(call, std::unexpected(error), waiting_reads_);
}

void Engine::written(Batch& batch, Outcome outcome) {
  if (const auto& failure = outcome.failure) {
    if (failure->sqlstate.empty()) return made_perhaps(batch, *failure);
    if (will_pass(failure->sqlstate)) {
      failures_.failed("store_write_failed", batch.calls.size(), error_of(*failure));
      not_before_ = Clock::now() + kPause;
      return make_again(batch, batch.calls.size() + careful_);
    }
    return failed_at(batch, *failure);
  }
  {
    std::lock_guard lock(mutex_);
    stats_.writes += batch.calls.size();
    ++stats_.commits;
  }
  failures_.recovered("store_recovered");
  std::size_t first = 0;
  for (std::size_t i = 0; i < batch.sizes.size(); first += batch.sizes[i++]) {
    Call& call = batch.calls[first];
    if (std::holds_alternative<Append>(call.what.what)) {
      append_answers(batch, first, batch.sizes[i], outcome.rows[i]);
    } else {
      answer(call, std::move(outcome.rows[i]), waiting_writes_);
    }
  }
}

void Engine::append_answers(Batch& batch, std::size_t first, std::size_t size, const Rows& added) {
  std::unordered_set<std::size_t> places;
  for (int row = 0; row < added.count(); ++row) {
    places.insert(static_cast<std::size_t>(added.number(row, 0)) - 1);
  }
  for (std::size_t i = 0; i < size; ++i) {
    Call& call = batch.calls[first + i];
    // One that is there although it was not added may be from the first time.
    if (places.contains(i) || call.made_before) {
      answer(call, Rows(nullptr), waiting_writes_);
      continue;
    }
    const auto& append = std::get<Append>(call.what.what);
    answer(call,
           fail(Errc::exists, "log " + append.log + " of " + append.owner + " has an entry " +
                                  std::to_string(append.entry.id) + " already"),
           waiting_writes_);
  }
}

// In the same order, before all that came since.
void Engine::make_again(Batch& batch, std::size_t careful) {
  careful_ = careful;
  while (!batch.calls.empty()) {
    writes_.push_front(std::move(batch.calls.back()));
    batch.calls.pop_back();
  }
}

void Engine::made_perhaps(Batch& batch, const Failure& failure) {
  // Those before one that is not made again are not either, or they would come after it.
  std::size_t failing = 0;
  for (std::size_t i = 0; i < batch.calls.size(); ++i) {
    if (!batch.calls[i].what.repeatable) failing = i + 1;
  }
  Batch again;
  for (std::size_t i = 0; i < batch.calls.size(); ++i) {
    Call& call = batch.calls[i];
    if (i < failing) {
      const Error error{Errc::unavailable,
                        "the connection to " + name_ + " was lost meanwhile: " + failure.message};
      answer(call, std::unexpected(error), waiting_writes_);
      continue;
    }
    call.made_before = true;
    again.calls.push_back(std::move(call));
  }
  make_again(again, careful_);
}

// Whichever of the statement it was fails alone; the others are made again.
void Engine::failed_at(Batch& batch, const Failure& failure) {
  // At the commit itself: any of them.
  if (failure.query >= batch.sizes.size() && batch.calls.size() > 1) {
    return make_again(batch, batch.calls.size());
  }
  const std::size_t query = std::min(failure.query, batch.sizes.size() - 1);
  std::size_t first = 0;
  for (std::size_t i = 0; i < query; ++i) first += batch.sizes[i];
  const std::size_t size = batch.sizes[query];
  if (size > 1) return make_again(batch, first + size);
  const Error error = error_of(failure);
  if (error.code == Errc::unavailable) failures_.failed("store_write_failed", 1, error);
  answer(batch.calls[first], std::unexpected(error), waiting_writes_);
  batch.calls.erase(batch.calls.begin() + static_cast<std::ptrdiff_t>(first));
  make_again(batch, careful_);
}

void Engine::wait(Clock::time_point now) {
  auto until = Clock::time_point::max();
  polled_.assign(1, {wake_.get(), POLLIN, 0});
  for (const auto& link : links_) {
    polled_.push_back({link->socket(), link->wanted(), 0});
    until = std::min(until, link->next_step());
  }
  for (const Calls* calls : {&writes_, &reads_}) {
    if (!calls->empty()) until = std::min(until, calls->front().until);
  }
  if (!writes_.empty() && not_before_ > now) until = std::min(until, not_before_);
  using std::chrono::milliseconds;
  constexpr milliseconds kLongest{60'000};
  const auto left = until <= now             ? milliseconds(0)
                    : until - now > kLongest ? kLongest
                                             : std::chrono::ceil<milliseconds>(until - now);
  ::poll(polled_.data(), polled_.size(), static_cast<int>(left.count()));
  std::uint64_t count = 0;
  if (polled_[0].revents != 0) static_cast<void>(::read(wake_.get(), &count, sizeof count));
}

void Engine::step_links() {
  const auto now = Clock::now();
  for (std::size_t i = 0; i < links_.size(); ++i) {
    if (polled_[i + 1].revents != 0 || now >= links_[i]->next_step()) links_[i]->step(now);
  }
}

// The links' troubles are the operator's affair.
void Engine::watch_links() {
  for (const auto& link : links_) {
    if (link->error().empty()) continue;
    return unreachable_.failed("store_unreachable", 0, {Errc::unavailable, link->error()});
  }
  unreachable_.recovered("store_reachable");
}

void Engine::answer(Call& call, Answer answer, std::atomic<std::size_t>& waiting) {
  --waiting;
  if (&waiting == &waiting_writes_) {
    waiting_bytes_ -= call.bytes;
    const auto now = Clock::now();
    commit_seconds().observe(now - call.asked);
    if (answer || answer.error().code != Errc::unavailable) {
      slowest_.note(now - std::max(call.asked, cut_off_));
    } else {
      std::lock_guard lock(mutex_);
      ++stats_.unavailable;
    }
  }
  call.loop->post([resume = std::move(call.resume), answer = std::move(answer)]() mutable {
    resume(std::move(answer));
  });
}

}  // namespace starling::store::postgres
