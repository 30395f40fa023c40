#include "bus/nats_bus.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/thread_pool.h"
#include "bus/frame_inbox.h"
#include "bus/frame_metrics.h"

namespace starling::bus {

namespace {

// After libnats has given a connection up, or could make none.
constexpr std::chrono::seconds kRetry{1};

struct Outgoing {
  std::optional<NodeId> to;  // nullopt: all
  std::string frame;
};

metrics::Gauge& connected_gauge() {
  static metrics::Gauge& gauge =
      metrics::gauge("starling_bus_connected", "1 while the node is connected to the bus");
  return gauge;
}

}  // namespace

// The thread that calls libnats, and what waits for it.
class NatsBus::Sender {
 public:
  Sender(NodeId self, NatsBusOptions options, std::shared_ptr<FrameInbox> inbox)
      : options_(std::move(options)),
        to_all_(options_.prefix + ".all"),
        to_one_(options_.prefix + ".n."),
        subjects_{to_one_ + std::to_string(self), to_all_},
        inbox_(std::move(inbox)),
        urls_(options_.urls),
        queued_("starling_bus_queued_bytes", "Bytes of frames that wait to be given to the bus",
                metrics::Labels(), [this] { return static_cast<double>(queued_bytes_.load()); }) {
    thread_.submit([this] { run(); });
  }
  ~Sender() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  [[nodiscard]] bool connected() const { return connected_.load(std::memory_order_relaxed); }
  void push(std::optional<NodeId> to, std::string_view frame);
  void dial_anew(std::optional<std::vector<std::string>> urls);

 private:
  void run();
  void dial();
  void send(const std::vector<Outgoing>& batch);
  void set_connected(bool connected, std::string_view error);

  const NatsBusOptions options_;
  const std::string to_all_;
  const std::string to_one_;  // before the node's number
  const std::vector<std::string> subjects_;
  const std::shared_ptr<FrameInbox> inbox_;

  std::atomic<bool> connected_{false};
  std::atomic<bool> stopping_{false};  // written under mutex_
  std::atomic<bool> closing_{false};   // the connection is closed on purpose: nothing to report
  std::atomic<std::size_t> queued_bytes_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Outgoing> queue_;  // guarded by mutex_, as are these
  std::vector<std::string> urls_;
  bool dial_ = true;
  bool given_up_ = false;

  std::unique_ptr<NatsConnection> connection_;  // of the thread alone

  const metrics::Observed queued_;
  ThreadPool thread_{1, "bus-send"};  // last: it stops before what it uses goes
};

void NatsBus::Sender::push(std::optional<NodeId> to, std::string_view frame) {
  if (frame.size() > kMaxFrame) return frames_lost(Loss::too_large).add();
  // What waits for a connection would come late, all of it at once.
  if (!connected()) return frames_lost(Loss::not_connected).add();
  const std::size_t bytes = queued_bytes_.fetch_add(frame.size()) + frame.size();
  if (bytes > options_.max_queued_bytes) {
    queued_bytes_ -= frame.size();
    return frames_lost(Loss::queue_full).add();
  }
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = queue_.empty();
    queue_.emplace_back(to, std::string(frame));
  }
  if (first) wake_.notify_one();
}

void NatsBus::Sender::dial_anew(std::optional<std::vector<std::string>> urls) {
  {
    const std::lock_guard lock(mutex_);
    if (urls) urls_ = std::move(*urls);
    dial_ = true;
  }
  wake_.notify_one();
}

void NatsBus::Sender::run() {
  std::vector<Outgoing> batch;
  for (;;) {
    bool dial_now = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || dial_ || given_up_ || !queue_.empty(); });
      if (!stopping_ && !dial_ && given_up_) {
        wake_.wait_for(lock, kRetry, [this] { return stopping_ || dial_; });
      }
      if (stopping_) break;
      dial_now = std::exchange(dial_, false) || given_up_;
      batch.swap(queue_);
    }
    if (dial_now) dial();
    send(batch);
    batch.clear();
  }
  closing_ = true;
  connection_.reset();
  connected_gauge().set(0);
}

void NatsBus::Sender::dial() {
  std::vector<std::string> urls;
  {
    const std::lock_guard lock(mutex_);
    urls = urls_;
  }
  closing_ = true;
  connection_.reset();
  set_connected(false, {});
  closing_ = false;
  {
    const std::lock_guard lock(mutex_);
    given_up_ = false;  // of the old one
  }
  auto opened = NatsConnection::open(
      urls, options_.user, options_.password, subjects_,
      {.message = [this](Message message) { inbox_->push(std::move(message)); },
       .connected = [this] { set_connected(true, {}); },
       .disconnected = [this](const std::string& error) { set_connected(false, error); },
       .closed =
           [this](const std::string& error) {
             if (closing_) return;
             log::error("bus_refused", {{"error", error}});
             {
               const std::lock_guard lock(mutex_);
               given_up_ = true;
             }
             wake_.notify_one();
           },
       .failed = [](const std::string& error) { log::warning("bus_error", {{"error", error}}); }});
  if (opened) {
    connection_ = std::move(*opened);
    return;
  }
  log::error("bus_refused", {{"error", opened.error().message}});
  const std::lock_guard lock(mutex_);
  given_up_ = true;
}

void NatsBus::Sender::send(const std::vector<Outgoing>& batch) {
  std::size_t sent = 0;
  for (const Outgoing& out : batch) {
    if (stopping_) break;
    queued_bytes_ -= out.frame.size();
    const bool good =
        connection_ != nullptr &&
        connection_->publish(out.to ? to_one_ + std::to_string(*out.to) : to_all_, out.frame);
    if (good) {
      ++sent;
    } else {
      frames_lost(Loss::write_failed).add();
    }
  }
  frames_sent().add(sent);
}

void NatsBus::Sender::set_connected(bool connected, std::string_view error) {
  const bool was = connected_.exchange(connected);
  connected_gauge().set(connected ? 1 : 0);
  if (connected == was || closing_) return;
  if (connected) {
    log::info("bus_connected");
  } else {
    log::warning("bus_connection_lost", {{"error", error}});
  }
}

NatsBus::NatsBus(EventLoop& loop, NodeId self, NatsBusOptions options)
    : redial_(options.redial),
      inbox_(std::make_shared<FrameInbox>(loop)),
      sender_(std::make_unique<Sender>(self, std::move(options), inbox_)) {}

NatsBus::~NatsBus() {
  sender_.reset();
  inbox_->close();
}

void NatsBus::send(NodeId to, std::string_view frame) {
  sender_->push(to, frame);
}

void NatsBus::broadcast(std::string_view frame) {
  sender_->push(std::nullopt, frame);
}

void NatsBus::on_frame(std::function<void(std::string_view)> handler) {
  inbox_->on_frame(std::move(handler));
}

bool NatsBus::connected() const {
  return sender_->connected();
}

void NatsBus::redial() {
  if (redial_) return redial_();
  sender_->dial_anew(std::nullopt);
}

void NatsBus::move_to(std::vector<std::string> urls) {
  sender_->dial_anew(std::move(urls));
}

}  // namespace starling::bus
