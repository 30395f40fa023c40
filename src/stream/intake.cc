#include "stream/intake.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/histogram.h"

namespace starling::stream {

namespace {

using Clock = std::chrono::steady_clock;  // for metrics only

// Clocks are read for one of so many stanzas of a thread only, the first among them.
constexpr unsigned kMeasuredPart = 16;

// When the stanza that was read just now was read; TimePoint() if it is not to be measured.
TimePoint time_if_measured() {
  static thread_local unsigned stanzas = 0;
  return stanzas++ % kMeasuredPart == 0 ? Clock::now() : TimePoint();
}

void note_dealt_with(TimePoint read) {
  static metrics::Histogram& took = metrics::histogram(
      "starling_ack_seconds",
      "From reading a client's stanza until it may be acknowledged; of one stanza in 16");
  took.observe(Clock::now() - read);
}

// A stanza that has been dealt with.
struct Done {
  std::weak_ptr<Intake> intake;
  std::uint32_t number;
  std::size_t bytes;
  TimePoint read = time_if_measured();

  void tell() const {
    if (read != TimePoint()) note_dealt_with(read);
    if (const auto alive = intake.lock()) alive->dealt_with(number, bytes);
  }
};

// Those that this thread has dealt with for other loops. What one turn makes leaves at its end in
// one piece: one call across threads for many stanzas.
class Elsewhere {
 public:
  static void add(EventLoop& loop, Done done) {
    EventLoop* const here = EventLoop::current();
    if (here == nullptr) return loop.post([done = std::move(done)] { done.tell(); });
    static thread_local Elsewhere elsewhere;
    if (!std::exchange(elsewhere.planned_, true)) here->at_turn_end([] { elsewhere.send(); });
    auto& batches = elsewhere.batches_;
    auto batch = std::ranges::find(batches, &loop, &Batch::loop);
    if (batch == batches.end()) batch = batches.insert(batch, {&loop, {}});
    batch->done.push_back(std::move(done));
  }

 private:
  struct Batch {
    EventLoop* loop;
    std::vector<Done> done;
  };
  void send() {
    planned_ = false;
    for (Batch& batch : std::exchange(batches_, {})) {
      batch.loop->post([done = std::move(batch.done)] {
        for (const Done& one : done) one.tell();
      });
    }
  }

  std::vector<Batch> batches_;
  bool planned_ = false;
};

// Tells when it is destroyed.
class StanzaReceipt final : public xmpp::Receipt {
 public:
  StanzaReceipt(EventLoop& loop, Done done) : loop_(loop), done_(std::move(done)) {}
  std::string archiving(std::uint64_t id) override {
    const auto intake = intake_here();
    return intake ? intake->archiving(done_.number, id) : std::string();
  }
  void not_archived() override {
    if (const auto intake = intake_here()) intake->not_archived(done_.number);
  }
  ~StanzaReceipt() override {
    if (EventLoop::current() == &loop_) {
      done_.tell();
    } else if (!done_.intake.expired()) {
      Elsewhere::add(loop_, std::move(done_));
    }
  }
  [[nodiscard]] TimePoint read() const { return done_.read; }

 private:
  // An account's archive and its streams are on one loop.
  [[nodiscard]] std::shared_ptr<Intake> intake_here() const {
    return EventLoop::current() == &loop_ ? done_.intake.lock() : nullptr;
  }

  EventLoop& loop_;
  Done done_;
};

}  // namespace

xmpp::ReceiptPtr make_receipt(EventLoop& loop, std::weak_ptr<Intake> intake, std::uint32_t number,
                              std::size_t bytes) {
  return {new StanzaReceipt(loop, {std::move(intake), number, bytes})};
}

void note_routed(const xmpp::ReceiptPtr& receipt) {
  const auto* const own = dynamic_cast<const StanzaReceipt*>(receipt.get());
  if (own == nullptr || own->read() == TimePoint()) return;
  static metrics::Histogram& took = metrics::histogram(
      "starling_routing_seconds",
      "From reading a client's stanza to giving it to an addressee's session on the same node; of "
      "one stanza in 16");
  took.observe(Clock::now() - own->read());
}

}  // namespace starling::stream
