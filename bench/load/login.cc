#include <deque>

#include "crowd.h"
#include "workloads.h"

namespace load {

namespace {

class Login : public Audience {
 public:
  explicit Login(const Options& options) : options_(options), crowd_(options, *this, 1) {}

  void run(Result& result) {
    // Once each before anything counts: a server's caches know them, and they have TLS sessions.
    crowd_.log_in(options_.sessions);
    crowd_.run_until([this] { return waiting_.size() == crowd_.size(); },
                     [this] { return waiting_.size(); });
    storming_ = true;
    for (unsigned i = 0; i < options_.in_flight; ++i) connect_next();
    crowd_.run_for(options_.warmup_s);
    const std::uint64_t before = resumed_;
    const std::uint64_t logins = crowd_.measure(result, "logins", done_, latencies_);
    result.add("resumed_share",
               static_cast<double>(resumed_ - before) / static_cast<double>(logins));
  }

  void on_ready(Client& client) override {
    if (storming_) latencies_.add(now_ns() - began_ns_[client.number()]);
    resumed_ += client.was_resumed() ? 1 : 0;
    client.close();
  }

  void on_closed(Client& client) override {
    waiting_.push_back(&client);
    ++done_;
    if (storming_) connect_next();
  }

 private:
  void connect_next() {
    Client& client = *waiting_.front();
    waiting_.pop_front();
    began_ns_.resize(crowd_.size());
    began_ns_[client.number()] = now_ns();
    client.connect();
  }

  const Options& options_;
  Crowd crowd_;
  bool storming_ = false;
  std::deque<Client*> waiting_;
  std::vector<std::int64_t> began_ns_;
  Latencies latencies_;
  std::uint64_t done_ = 0;
  std::uint64_t resumed_ = 0;
};

}  // namespace

void login(const Options& options, Result& result) {
  if (options.sessions <= options.in_flight) die("login: more --sessions than --in-flight");
  Login(options).run(result);
}

}  // namespace load
