#include <string>
#include <vector>

#include "crowd.h"
#include "stamp.h"
#include "workloads.h"

namespace load {

namespace {

// As many people at a time as Options::in_flight says go away or come back; the next one does when
// all contacts of one before have heard of it.
class Presence : public Audience {
 public:
  explicit Presence(const Options& options)
      : options_(options),
        group_size_(options.contacts + 1),
        count_(options.sessions / group_size_ * group_size_),
        crowd_(options, *this, group_size_),
        missing_(count_),
        is_away_(count_) {
    if (count_ == 0) die("presence: fewer --sessions than one has contacts");
  }

  void run(Result& result) {
    crowd_.log_in(count_);
    crowd_.run_for(options_.settle_s);
    for (unsigned i = 0; i < std::min(options_.in_flight, count_); ++i) tell_next();
    crowd_.run_for(options_.warmup_s);
    crowd_.measure(result, "deliveries", delivered_, latencies_);
  }

  void on_stanza(Client& client, std::string_view name, std::string_view text) override {
    if (name != "presence") return;
    const auto stamp = find_stamp(text);
    // Of the log-in, or one's own, which a server sends back.
    if (!stamp || stamp->sender == client.number()) return;
    latencies_.add(now_ns() - stamp->sent_ns);
    ++delivered_;
    if (--missing_[stamp->sender] == 0) tell_next();
  }

 private:
  void tell_next() {
    // Members of one group do not speak one after the other: it goes round the groups.
    const unsigned groups = count_ / group_size_;
    const unsigned turn = next_++ % count_;
    const unsigned number = turn % groups * group_size_ + turn / groups;
    missing_[number] += options_.contacts;
    const std::string from =
        options_.relay ? " from='" + crowd_[number].user() + "@localhost/load'" : "";
    std::string text = "<presence" + from + ">";
    if ((is_away_[number] = !is_away_[number])) text.append("<show>away</show>");
    text.append("<status>t=");
    std::string stamp(kStampSize, '0');
    write_stamp(stamp.data(), {now_ns(), number});
    crowd_[number].send(text.append(stamp).append("</status></presence>"));
  }

  const Options& options_;
  unsigned group_size_;
  unsigned count_;
  Crowd crowd_;
  std::vector<unsigned> missing_;  // deliveries of the last broadcast
  std::vector<bool> is_away_;
  unsigned next_ = 0;
  std::uint64_t delivered_ = 0;
  Latencies latencies_;
};

}  // namespace

void presence(const Options& options, Result& result) {
  Presence(options).run(result);
}

}  // namespace load
