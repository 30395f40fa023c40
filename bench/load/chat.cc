#include <cmath>
#include <string>
#include <vector>

#include "crowd.h"
#include "stamp.h"
#include "workloads.h"
#include "xml.h"

namespace load {

namespace {

constexpr std::int64_t kRestingUs = 10'000;  // in 0.3 s; the kernel counts in such steps

// What one client says again and again; only the stamp in it changes.
struct Phrase {
  Phrase(const Options& options, unsigned number) {
    const auto jid = [&](unsigned who) {
      return options.user_prefix + std::to_string(options.first + who) + "@localhost";
    };
    text = "<message type='chat' to='" + jid(number ^ 1) + "' id='";
    id = text.size();
    text.append(kStampSize, '0').append("'");
    // A server adds this; the relay's messages shall be as long.
    if (options.relay) text.append(" from='" + jid(number) + "/load'");
    text.append("><body>t=");
    stamp = text.size();
    const std::size_t said = kStampSize + 2;
    text.append(std::max<std::size_t>(options.bytes, said) - 2, 'x').append("</body>");
    if (options.no_store) text.append("<no-store xmlns='urn:xmpp:hints'/>");
    text.append("</message>");
  }

  std::string text;
  std::size_t id = 0, stamp = 0;
};

class Chat : public Audience {
 public:
  explicit Chat(const Options& options)
      : options_(options), crowd_(options, *this, 2), count_(2 * options.pairs) {
    for (unsigned i = 0; i < count_; ++i) phrases_.emplace_back(options, i);
  }

  void run(Result& result) {
    crowd_.log_in(count_);
    crowd_.run_for(options_.settle_s);
    Meter meter(options_);
    std::uint64_t before = 0;
    begin();
    if (options_.messages > 0) {
      wait_for(options_.messages);
    } else {
      go_on(options_.warmup_s);
      if (options_.drain) drain();
      before = received_;
      latencies_ = {};
      meter = Meter(options_);
      if (options_.drain) begin();
      go_on(options_.seconds);
    }
    if (options_.drain) drain();
    meter.report(result, "messages", received_ - before);
    result.add(latencies_);
  }

  void on_stanza(Client& client, std::string_view name, std::string_view text) override {
    if (name != "message") return;
    const auto stamp = find_stamp(text);
    if (!stamp || attribute(text, "type") == "error") die("chat: " + std::string(text));
    latencies_.add(now_ns() - stamp->sent_ns);
    ++received_;
    if (options_.rate == 0) say(client);
  }

 private:
  void begin() {
    is_silent_ = false;
    began_ns_ = now_ns();
    if (options_.rate > 0) return;
    for (unsigned i = 0; i < count_; i += 2) {
      for (unsigned n = 0; n < options_.window; ++n) say(crowd_[i]);
    }
  }

  void go_on(double seconds) {
    const std::uint64_t before = received_;
    if (options_.rate == 0) {
      crowd_.run_for(seconds);
    } else {
      crowd_.run_for(seconds, [this] { catch_up(); });
    }
    // A slow server has the time it needs for one.
    wait_for(before + 1);
  }

  void wait_for(std::uint64_t count) {
    crowd_.run_until([&] { return received_ >= count; }, [this] { return received_; });
  }

  // Nobody says more, until all has arrived and the server rests: what it put off is its cost, too.
  void drain() {
    is_silent_ = true;
    wait_for(sent_);
    std::int64_t before = 0;
    do {
      before = cpu_us(options_.processes);
      crowd_.run_for(0.3);
    } while (cpu_us(options_.processes) - before > kRestingUs);
  }

  // Says what is due by now at the given rate, each pair in its turn.
  void catch_up() {
    const auto due =
        static_cast<std::uint64_t>(static_cast<double>(now_ns() - began_ns_) / 1e9 * options_.rate);
    while (sent_ < due) say(crowd_[static_cast<unsigned>(sent_ * 2 % count_)]);
  }

  void say(Client& client) {
    if (is_silent_ || (options_.messages > 0 && sent_ >= options_.messages)) return;
    ++sent_;
    Phrase& phrase = phrases_[client.number()];
    const Stamp stamp{now_ns(), client.number()};
    write_stamp(phrase.text.data() + phrase.id, stamp);
    write_stamp(phrase.text.data() + phrase.stamp, stamp);
    client.send(phrase.text);
  }

  const Options& options_;
  Crowd crowd_;
  unsigned count_;
  std::vector<Phrase> phrases_;
  Latencies latencies_;
  bool is_silent_ = false;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::int64_t began_ns_ = 0;
};

}  // namespace

void chat(const Options& options, Result& result) {
  Chat(options).run(result);
}

}  // namespace load
