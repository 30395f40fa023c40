#include "net/readiness.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace starling::net {

namespace {
int make_epoll() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}
}  // namespace

Readiness::Readiness(boost::asio::io_context& context) : epoll_(context, make_epoll()) {
  wait();
}

Readiness::~Readiness() = default;

bool Readiness::add(int fd, std::shared_ptr<Watched> watched) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = watched.get();
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) return false;
  watched->place_ = static_cast<std::uint32_t>(watched_.size());
  watched_.push_back(std::move(watched));
  return true;
}

void Readiness::remove(int fd, Watched& watched) {
  ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
  for (std::size_t i = next_; i < count_; ++i) {
    if (events_[i].data.ptr == &watched) events_[i].data.ptr = nullptr;
  }
  auto& place = watched_[watched.place_];
  removed_.push_back(std::move(place));
  place = std::move(watched_.back());
  watched_.pop_back();
  if (watched.place_ < watched_.size()) watched_[watched.place_]->place_ = watched.place_;
}

bool Readiness::run_one() {
  if (next_ == count_ && again_due_ == 0) fetch();
  if (next_ < count_) {
    const epoll_event event = events_[next_++];
    if (event.data.ptr != nullptr) static_cast<Watched*>(event.data.ptr)->on_ready(event.events);
    return true;
  }
  if (again_due_ == 0) return false;
  --again_due_;
  const std::shared_ptr<Watched> watched = std::move(again_.front());
  again_.pop_front();
  watched->on_ready(0);
  return true;
}

// A round: who is ready now, then those who have asked for another go so far.
void Readiness::fetch() {
  again_due_ = again_.size();
  if (!signalled_) return;
  const int fetched =
      ::epoll_wait(epoll_.native_handle(), events_.data(), static_cast<int>(kMaxEvents), 0);
  next_ = 0;
  count_ = fetched > 0 ? static_cast<std::size_t>(fetched) : 0;
  if (count_ == kMaxEvents) return;
  signalled_ = false;
  wait();  // tells at once if more has become ready meanwhile
}

void Readiness::wait() {
  epoll_.async_wait(Epoll::wait_read, [this](const boost::system::error_code& error) {
    if (!error) signalled_ = true;
  });
}

}  // namespace starling::net
