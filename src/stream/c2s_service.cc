#include "stream/c2s_service.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "base/log.h"
#include "cluster/cluster.h"
#include "core/server.h"
#include "stream/c2s_stream.h"

namespace starling::stream {

namespace {
// Every stream is looked at once in kSweeps intervals: a long list costs no long pause.
constexpr std::chrono::seconds kSweepInterval{1};
constexpr std::size_t kSweeps = 8;
constexpr std::size_t kLittle = 16'384;  // bytes that are not worth shedding a session for
}  // namespace

C2sService::C2sService(core::Worker& worker,
                       const std::vector<std::unique_ptr<C2sService>>& services)
    : worker_(worker), services_(services) {}

C2sService::~C2sService() = default;

void C2sService::start() {
  worker_.loop().run_after(kSweepInterval, [this] {
    sweep();
    start();
  });
}

std::uint32_t C2sService::now_s() const {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(worker_.loop().now().time_since_epoch())
          .count());
}

void C2sService::accept(std::shared_ptr<net::Connection> connection,
                        std::shared_ptr<const C2sOptions> options) {
  auto stream = std::make_shared<C2sStream>(*this, std::move(options), connection);
  connection->set_handler(stream.get());
  add(stream);
  if (!turn_away(*stream) && !stream->refuse_if_banned()) stream->refuse_if_short_of_memory();
}

void C2sService::add(std::shared_ptr<C2sStream> stream) {
  stream->service_ = this;
  stream->index_ = static_cast<std::uint32_t>(streams_.size());
  streams_.push_back(std::move(stream));
}

std::shared_ptr<C2sStream> C2sService::remove(C2sStream& stream) {
  const std::size_t index = stream.index_;
  std::shared_ptr<C2sStream> removed = std::move(streams_[index]);
  if (index + 1 != streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index_ = static_cast<std::uint32_t>(index);
  }
  streams_.pop_back();
  if (streams_.empty() && when_empty_) std::exchange(when_empty_, nullptr)();
  return removed;
}

bool C2sService::has(const C2sStream& stream) const {
  return stream.index_ < streams_.size() && streams_[stream.index_].get() == &stream;
}

void C2sService::not_resumable(const std::string& id, const C2sStream& stream, std::uint32_t h) {
  constexpr std::size_t kMaxExpired = 10'000;
  if (find_resumable(id) != &stream) return;
  resumable_.erase(id);
  expired_.emplace(id, h);
  expired_order_.push_back(id);
  if (expired_order_.size() <= kMaxExpired) return;
  expired_.erase(expired_order_.front());
  expired_order_.pop_front();
}

C2sStream* C2sService::find_resumable(const std::string& id) const {
  const auto found = resumable_.find(id);
  return found == resumable_.end() ? nullptr : found->second;
}

std::optional<std::uint32_t> C2sService::find_expired(const std::string& id) const {
  const auto found = expired_.find(id);
  return found == expired_.end() ? std::nullopt : std::optional(found->second);
}

bool C2sService::turn_away(C2sStream& stream) {
  const auto* cluster = worker_.server().cluster();
  if (shutting_down_) {
    stream.stream_error(xmpp::StreamCondition::system_shutdown, "the server is stopping");
  } else if (cluster != nullptr && !cluster->serving()) {
    stream.refuse(xmpp::StreamCondition::system_shutdown,
                  "this node is not in its cluster at the moment; try another");
  } else {
    return false;
  }
  return true;
}

void C2sService::sweep() {
  const std::uint32_t now = now_s();
  std::size_t count = streams_.size() / kSweeps + 1;
  while (count-- > 0) {
    if (sweep_at_ >= streams_.size()) {
      sweep_at_ = 0;
      held_.set(std::exchange(found_, {}));
    }
    if (streams_.empty()) return;
    const auto stream = streams_[sweep_at_++];
    stream->add_to(found_);
    stream->check(now);
  }
}

std::vector<C2sService::Load> C2sService::heaviest(std::size_t n) const {
  std::vector<Load> loads;
  for (const auto& stream : streams_) {
    const std::size_t bytes = stream->held_bytes();
    if (bytes >= kLittle) loads.push_back({bytes, stream});
  }
  const std::size_t kept = std::min(n, loads.size());
  std::ranges::partial_sort(loads, loads.begin() + static_cast<std::ptrdiff_t>(kept),
                            std::ranges::greater(), &Load::bytes);
  loads.resize(kept);
  return loads;
}

void C2sService::shed(const Load& load) {
  const auto stream = load.stream.lock();
  // It may have gone to another worker, or got rid of its load.
  if (stream && stream->service_ == this && stream->held_bytes() >= kLittle) stream->shed();
}

void C2sService::shut_down(Callback done) {
  shutting_down_ = true;
  const auto streams = streams_;
  for (const auto& stream : streams) turn_away(*stream);
  if (streams_.empty()) return done();
  when_empty_ = std::move(done);
}

}  // namespace starling::stream
