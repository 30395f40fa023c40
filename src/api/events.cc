#include "api/events.h"

#include <atomic>
#include <memory>
#include <utility>

#include "api/operations.h"
#include "base/event_loop.h"

namespace starling::api {

namespace {

constexpr std::size_t kMaxWaiting = 1'048'576;  // bytes; what is more is left out
constexpr std::chrono::seconds kBeat{15};
constexpr std::chrono::milliseconds kTryAgain{100};

std::string event(std::string_view name, const Json& data) {
  std::string text = name.empty() ? "" : "event: " + std::string(name) + "\n";
  return text + "data: " + to_text(data) + "\n\n";
}

// Between worker 0, where the command runs, and the loop of the connection.
class Events : public std::enable_shared_from_this<Events> {
 public:
  Events(core::Worker& worker, admin::Admin& admin, admin::Caller caller,
         std::function<Task<bool>()> may_go_on)
      : worker_(worker),
        admin_(admin),
        caller_(std::move(caller)),
        may_go_on_(std::move(may_go_on)) {}

  // On the connection's loop.
  void begin(std::shared_ptr<http::Stream> stream, std::string command,
             std::vector<std::string> arguments) {
    home_ = EventLoop::current();
    stream_ = std::move(stream);
    stream_->when_gone([self = shared_from_this()] { self->gone(); });
    worker_.loop().post([self = shared_from_this(), command = std::move(command),
                         arguments = std::move(arguments)]() mutable {
      if (!self->worker_.gate().spawn(run(self, std::move(command), std::move(arguments)))) {
        self->finish(event("error", Json::parse(http::problem(503, "the node stops").body)));
      }
    });
  }

 private:
  // --- on worker 0 ---

  static Task<void> run(std::shared_ptr<Events> self, std::string command,
                        std::vector<std::string> arguments) {
    self->audience_ = std::make_shared<admin::Audience>(
        [self](const Json& line) { return self->queue(event("", line)); });
    const auto audience = self->audience_;
    self->beat_after();
    const auto result = co_await self->admin_.run(std::move(command), std::move(arguments),
                                                  audience, self->caller_);
    self->worker_.loop().cancel(std::exchange(self->timer_, 0));
    self->audience_ = nullptr;
    audience->leave();
    self->finish(result ? event("end", *result)
                        : event("error", Json::parse(refusal(result.error()).body)));
  }

  void beat_after() {
    timer_ = worker_.loop().run_after(kBeat, [self = shared_from_this()] {
      self->timer_ = 0;
      self->worker_.gate().spawn(beat(self));
    });
  }

  // A sign of life, as proxies end what is silent; and a look at whether it may go on.
  static Task<void> beat(std::shared_ptr<Events> self) {
    const bool may = co_await self->may_go_on_();
    if (!self->audience_) co_return;
    if (!may) {
      self->audience_->leave();
      co_return;
    }
    self->queue(": \n\n");
    self->beat_after();
  }

  bool queue(std::string text) {
    if (waiting_.load() + text.size() > kMaxWaiting) return false;
    waiting_ += text.size();
    home_->post([self = shared_from_this(), text = std::move(text)] { self->send(text); });
    return true;
  }

  void finish(std::string text) {
    home_->post([self = shared_from_this(), text = std::move(text)] {
      self->finished_ = true;
      self->send(text);
    });
  }

  // --- on the connection's loop ---

  void send(const std::string& text) {
    unsent_ += text;
    flush();
  }
  void flush() {
    if (!stream_) return;
    if (!stream_->send(unsent_)) {
      if (std::exchange(trying_, true)) return;
      home_->run_after(kTryAgain, [self = shared_from_this()] {
        self->trying_ = false;
        self->flush();
      });
      return;
    }
    waiting_ -= std::min(waiting_.load(), unsent_.size());
    unsent_.clear();
    if (finished_) std::exchange(stream_, nullptr)->end();
  }
  void gone() {
    stream_ = nullptr;
    worker_.loop().post([self = shared_from_this()] {
      if (self->audience_) self->audience_->leave();
    });
  }

  core::Worker& worker_;
  admin::Admin& admin_;
  const admin::Caller caller_;
  const std::function<Task<bool>()> may_go_on_;
  std::shared_ptr<admin::Audience> audience_;  // as long as the command runs
  TimerId timer_ = 0;
  std::atomic<std::size_t> waiting_{0};  // bytes that were queued and not sent yet

  EventLoop* home_ = nullptr;
  std::shared_ptr<http::Stream> stream_;  // nullptr: the client is gone, or all is said
  std::string unsent_;
  bool trying_ = false;
  bool finished_ = false;
};

}  // namespace

http::Response events(core::Worker& worker, admin::Admin& admin, std::string command,
                      std::vector<std::string> arguments, admin::Caller caller,
                      std::function<Task<bool>()> may_go_on) {
  http::Response response{.content_type = "text/event-stream"};
  response.fields.add("X-Accel-Buffering", "no");  // nginx: hand each event on at once
  response.stream =
      [on = std::make_shared<Events>(worker, admin, std::move(caller), std::move(may_go_on)),
       command = std::move(command),
       arguments = std::move(arguments)](std::shared_ptr<http::Stream> stream) mutable {
        on->begin(std::move(stream), std::move(command), std::move(arguments));
      };
  return response;
}

}  // namespace starling::api
