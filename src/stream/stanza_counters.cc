#include "stream/stanza_counters.h"

#include <string>

#include "base/metrics.h"

namespace starling::stream {

namespace {

// By kind of stanza.
class StanzaCounters {
 public:
  StanzaCounters(const std::string& name, const std::string& help)
      : message_(metrics::counter(name, help, {{"kind", "message"}})),
        presence_(metrics::counter(name, help, {{"kind", "presence"}})),
        iq_(metrics::counter(name, help, {{"kind", "iq"}})) {}
  void add(xmpp::StanzaKind kind) {
    (kind == xmpp::StanzaKind::message    ? message_
     : kind == xmpp::StanzaKind::presence ? presence_
                                          : iq_)
        .add();
  }
  [[nodiscard]] std::uint64_t messages() const { return message_.value(); }
  [[nodiscard]] std::uint64_t all() const {
    return message_.value() + presence_.value() + iq_.value();
  }

 private:
  metrics::Counter& message_;
  metrics::Counter& presence_;
  metrics::Counter& iq_;
};

StanzaCounters& received() {
  static StanzaCounters counters("starling_stanzas_received_total",
                                 "Well-formed stanzas that clients have sent");
  return counters;
}

}  // namespace

void count_received(xmpp::StanzaKind kind) {
  received().add(kind);
}

void count_sent(xmpp::StanzaKind kind) {
  static StanzaCounters counters("starling_stanzas_sent_total", "Stanzas sent to sessions");
  counters.add(kind);
}

std::uint64_t stanzas_received() {
  return received().all();
}

std::uint64_t messages_received() {
  return received().messages();
}

}  // namespace starling::stream
