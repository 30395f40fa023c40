#include <string>
#include <vector>

#include "crowd.h"
#include "workloads.h"
#include "xml.h"

namespace load {

namespace {

class Archive : public Audience {
 public:
  explicit Archive(const Options& options)
      : options_(options), crowd_(options, *this, 1), readers_(options.sessions) {}

  void run(Result& result) {
    crowd_.log_in(static_cast<unsigned>(readers_.size()));
    crowd_.run_for(options_.settle_s);
    for (unsigned i = 0; i < readers_.size(); ++i) ask(crowd_[i], "");
    crowd_.run_for(options_.warmup_s);
    const std::uint64_t before = messages_;
    const std::uint64_t pages = crowd_.measure(result, "pages", pages_, latencies_);
    result.add("messages_per_page",
               static_cast<double>(messages_ - before) / static_cast<double>(pages));
  }

  void on_stanza(Client& client, std::string_view name, std::string_view text) override {
    if (name == "message" && text.find("<result") != text.npos) ++messages_;
    if (name != "iq") return;
    if (text.find("<fin") == text.npos) die("archive: " + std::string(text));
    ++pages_;
    latencies_.add(now_ns() - readers_[client.number()]);
    // At the end it begins again.
    const auto complete = attribute(text.substr(text.find("<fin")), "complete");
    ask(client, complete == "true" ? "" : text_of(text, "<last"));
  }

 private:
  void ask(Client& client, std::string_view after) {
    readers_[client.number()] = now_ns();
    std::string text =
        "<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2' queryid='q'>"
        "<set xmlns='http://jabber.org/protocol/rsm'><max>50</max>";
    if (!after.empty()) text.append("<after>").append(after).append("</after>");
    client.send(text.append("</set></query></iq>"));
  }

  const Options& options_;
  Crowd crowd_;
  std::vector<std::int64_t> readers_;  // when each asked for its page
  std::uint64_t pages_ = 0;
  std::uint64_t messages_ = 0;
  Latencies latencies_;
};

}  // namespace

void archive(const Options& options, Result& result) {
  Archive(options).run(result);
}

}  // namespace load
