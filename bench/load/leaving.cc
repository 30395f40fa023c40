// Sessions that talk while nodes come and go; whoever makes them come and go speaks to this process
// over its standard input, a word a line, and reads a line of JSON for each:
//
//     state               how many are there, and what has become of what they said
//     sessions N          so many of them are to be there: the others log out, or more log in
//     servers HOST:PORT,...  where to connect from now on
//     end                 everybody stops talking, and looks into the archive for what is missing;
//                         the result
//
// The first line is written when all who are to be there at first have logged in, and begin to
// talk.
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "ledger.h"
#include "views.h"
#include "workloads.h"

namespace load {

namespace {

constexpr int kTickMs = 5;
constexpr double kLastS = 3;      // without anything new, and it is over
constexpr double kLongestS = 90;  // for all to come to rest

double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(share * last)];
}

class Leaving : public Witness {
 public:
  explicit Leaving(const Options& options)
      : options_(options),
        servers_(options.servers),
        wanted_(options.at_first != 0 ? options.at_first : options.sessions),
        ledger_(options),
        views_(options.sessions, options.contacts),
        broke_ns_(options.sessions) {
    // By chance, but the same each time: not all of those at one node.
    is_managed_.resize(options.sessions);
    std::fill_n(is_managed_.begin(), std::lround(options.sessions * options.managed_share), true);
    std::shuffle(is_managed_.begin(), is_managed_.end(), random_);
    for (unsigned i = 0; i < options.sessions; ++i) {
      survivors_.push_back(
          std::make_unique<Survivor>(loop_, options_, servers_, *this, i, is_managed_[i]));
      survivors_.back()->leave();
    }
  }

  void run(Result& result) {
    log_in();
    run_for(options_.settle_s);
    begin();
    while (!ended_) turn();
    began_ns_ = 0;
    come_to_rest();
    look_into_archives();
    report(result);
  }

  void on_back(Survivor& survivor, bool resumed) override {
    const unsigned number = survivor.number();
    if (!resumed) views_.begin(number);
    if (broke_ns_[number] == 0) return;  // it logs in, after it was not to be there
    const double seconds = static_cast<double>(now_ns() - broke_ns_[number]) / 1e9;
    (resumed ? resumed_s_ : is_managed_[number] ? begun_anew_s_ : logged_in_s_).push_back(seconds);
    broke_ns_[number] = 0;
  }

  void on_lost(Survivor& survivor, bool was_back, std::string_view why) override {
    if (was_back) broke_ns_[survivor.number()] = now_ns();
    ++losses_[(was_back ? "lost: " : "no log-in: ") + std::string(why)];
  }

  void on_stanza(Survivor& survivor, std::string_view name, std::string_view text) override {
    if (name == "presence") {
      views_.seen(survivor.number(), text, is_managed_, options_.user_prefix.size());
    } else if (name == "iq") {
      on_page(survivor, text);
    } else if (text.find("<result ") != text.npos) {
      ledger_.found(survivor, text);
    } else if (text.find("<body") != text.npos) {
      ledger_.received(survivor, text);
    }
  }

  void on_acknowledged(std::uint64_t message) override { ledger_.acknowledged(message); }
  void on_sent_again(std::uint64_t message) override { ledger_.sent_again(message); }

 private:
  void log_in() {
    const std::int64_t deadline = now_ns() + to_ns(kLongestS);
    while (away() > 0) {
      turn();
      if (now_ns() > deadline) die("they cannot log in");
    }
  }

  // So many at a time.
  void let_come_and_go() {
    for (; told_ > wanted_; --told_) survivors_[told_ - 1]->leave();
    if (told_ == wanted_) return;
    const auto coming = std::ranges::count_if(std::span(survivors_).first(told_),
                                              [](const auto& s) { return !s->is_back(); });
    for (auto room = static_cast<std::size_t>(coming); told_ < wanted_ && room < options_.in_flight;
         ++room) {
      survivors_[told_++]->come();
    }
  }

  // A server that evens out its load may have moved some while they logged in: that is not ours.
  void begin() {
    come_back();
    resumed_s_.clear();
    if (!losses_.empty()) say_losses("before they began to talk");
    losses_.clear();
    say_state();
    began_ns_ = talked_ns_ = now_ns();
  }

  void turn() {
    loop_.turn(1);
    const std::int64_t now = now_ns();
    if (began_ns_ != 0) talk(now);
    if (now < next_tick_ns_) return;
    next_tick_ns_ = now + kTickMs * 1'000'000;
    let_come_and_go();
    for (const auto& survivor : survivors_) survivor->tick(now);
    listen();
  }

  void run_for(double seconds) {
    for (const std::int64_t end = now_ns() + to_ns(seconds); now_ns() < end;) turn();
  }

  // Says what is due by now, anybody who is to be there to anybody; who is away says nothing.
  void talk(std::int64_t now) {
    const double share = static_cast<double>(told_) / static_cast<double>(survivors_.size());
    due_ += static_cast<double>(now - talked_ns_) / 1e9 * options_.rate * share;
    talked_ns_ = now;
    for (; due_ >= 1; --due_) {
      Survivor& from = *survivors_[random_() % told_];
      const Survivor& to = *survivors_[random_() % told_];
      if (&from == &to || !from.is_back()) continue;
      std::uint64_t message = 0;
      std::string text = ledger_.write(from, to, message);
      from.say(message, std::move(text));
    }
  }

  void listen() {
    std::array<char, 256> buffer;
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count == 0) die("nobody is there any more to say when it ends");
    if (count > 0) heard_.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end = 0; (end = heard_.find('\n')) != heard_.npos; heard_.erase(0, end + 1)) {
      const std::string line = heard_.substr(0, end);
      const std::string word = line.substr(0, line.find(' '));
      const std::string rest = line.substr(std::min(line.size(), word.size() + 1));
      if (word == "state") say_state();
      if (word == "sessions") want(static_cast<std::size_t>(std::atol(rest.c_str())));
      if (word == "servers") servers_ = addresses(rest);
      if (word == "end") ended_ = true;
    }
  }

  void want(std::size_t sessions) {
    if (sessions < 1 || sessions > survivors_.size()) die("sessions: out of range");
    wanted_ = sessions;
  }

  // Of those who are to be there.
  [[nodiscard]] std::size_t away() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        std::span(survivors_).first(wanted_), [](const auto& s) { return !s->is_back(); }));
  }

  void say_state() {
    Result state;
    state.add("away", static_cast<double>(away()));
    state.add("sessions", static_cast<double>(std::ranges::count_if(
                              survivors_, [](const auto& s) { return s->is_back(); })));
    state.add("sent", static_cast<double>(ledger_.sent()));
    state.add("received", static_cast<double>(ledger_.received()));
    state.add("overdue", static_cast<double>(ledger_.overdue(
                             [this](unsigned number) { return survivors_[number]->is_back(); })));
    state.add("resumed", static_cast<double>(resumed_s_.size()));
    state.add("begun_anew", static_cast<double>(begun_anew_s_.size()));
    state.add(ledger_.take_latest());
    state.print();
    std::fflush(stdout);
  }

  void come_back() {
    const std::int64_t deadline = now_ns() + to_ns(kLongestS);
    while (away() > 0) {
      turn();
      if (now_ns() > deadline) die("they do not come back");
    }
  }

  // Until all is acknowledged, and nothing has come for a while.
  void come_to_rest() {
    const std::int64_t deadline = now_ns() + to_ns(kLongestS);
    const auto settled = [&] {
      return std::ranges::all_of(survivors_, [](const auto& s) {
        return s->is_gone() || (s->managed() ? s->is_settled() : s->is_back());
      });
    };
    for (std::uint64_t before = UINT64_MAX; now_ns() < deadline;) {
      run_for(kLastS);
      if (settled() && ledger_.received() == before) return;
      before = ledger_.received();
    }
  }

  void look_into_archives() {
    std::vector<bool> misses = ledger_.who_misses();
    // Who has logged out gets what came since when he comes back.
    for (unsigned i = 0; i < misses.size(); ++i) {
      if (misses[i]) survivors_[i]->come();
    }
    come_to_rest();
    misses = ledger_.who_misses();
    for (unsigned i = 0; i < misses.size(); ++i) {
      if (misses[i] && survivors_[i]->is_back()) ask_page(*survivors_[i], "");
    }
    for (const std::int64_t deadline = now_ns() + to_ns(kLongestS); pages_ > 0;) {
      turn();
      if (now_ns() > deadline) die("the archives do not answer");
    }
  }

  void ask_page(Survivor& survivor, std::string_view after) {
    ++pages_;
    std::string text =
        "<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2' queryid='q'>"
        "<set xmlns='http://jabber.org/protocol/rsm'><max>100</max>";
    if (!after.empty()) text.append("<after>").append(after).append("</after>");
    survivor.ask(text.append("</set></query></iq>"));
  }

  void on_page(Survivor& survivor, std::string_view text) {
    if (attribute(text, "id") != "page") return;
    const std::size_t fin = text.find("<fin");
    if (fin == text.npos) die("archive: " + std::string(text));
    --pages_;
    if (attribute(text.substr(fin), "complete") != "true")
      ask_page(survivor, text_of(text, "<last"));
  }

  void report(Result& result) {
    ledger_.report(result, is_managed_);
    views_.report(result);
    std::vector<double> all = resumed_s_;
    for (auto* const some : {&begun_anew_s_, &logged_in_s_}) {
      all.insert(all.end(), some->begin(), some->end());
    }
    const auto add = [&](const std::string& name, std::vector<double>& values) {
      result.add(name, static_cast<double>(values.size()));
      result.add(name + "_p50_s", quantile(values, 0.5));
      result.add(name + "_worst_s", quantile(values, 1));
    };
    add("back", all);
    add("resumed", resumed_s_);
    add("begun_anew", begun_anew_s_);
    add("logged_in", logged_in_s_);
    result.add("away_at_the_end", static_cast<double>(away()));
    say_losses("since then");
  }

  void say_losses(const char* when) const {
    for (const auto& [why, count] : losses_) {
      std::fprintf(stderr, "%s: %u %s\n", when, count, why.c_str());
    }
  }

  const Options& options_;
  std::vector<Address> servers_;
  std::size_t wanted_;    // so many of the first are to be there
  std::size_t told_ = 0;  // and have been told so
  Loop loop_;
  Ledger ledger_;
  Views views_;
  std::vector<bool> is_managed_;
  std::vector<std::unique_ptr<Survivor>> survivors_;
  std::vector<std::int64_t> broke_ns_;  // when each lost its stream; 0: it has one
  std::vector<double> resumed_s_, begun_anew_s_, logged_in_s_;  // from then until it was back
  std::map<std::string, unsigned> losses_;
  std::minstd_rand random_;
  double due_ = 0;              // messages
  std::int64_t talked_ns_ = 0;  // what was due until then is said
  std::int64_t began_ns_ = 0;   // to talk; 0: nobody does
  std::int64_t next_tick_ns_ = 0;
  std::string heard_;
  bool ended_ = false;
  unsigned pages_ = 0;  // asked for
};

}  // namespace

void leaving(const Options& options, Result& result) {
  if (options.rate <= 0) die("leaving: no --rate");
  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  Leaving(options).run(result);
}

}  // namespace load
