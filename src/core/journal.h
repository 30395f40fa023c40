// Journal: what became of the last messages, for an operator who asks (starlingctl why). Bodies are
// never in it.
//
// A ring of entries of one size, in memory: the newest take the place of the oldest. Whoever does
// something with a message notes it; an entry has what is needed to tell it without the message. It
// also gives messages their trace ids, by which a message is known on all nodes and in all logs.
//
// Each worker has one, used on its thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "xmpp/stanza.h"
#include "xmpp/trace_id.h"

namespace starling::core {

class Worker;

class Journal {
 public:
  // What happened; `number` and `text` of an entry are what stands behind it.
  enum class Event : std::uint8_t {
    received,       // from a client: session; where its connection comes from
    received_here,  // the same, sent on by the node of the connection: that node
    made_here,      // by the server itself, on behalf of an operator
    refused,        // its sender may not send this; condition
    to_home,        // to the home of its sender: that node
    to_node,        // to where its addressee is: that node
    from_node,      // from there: that node
    behind_others,  // until a node has dealt with what it was sent before: that node
    to_worker,      // that worker
    node_gone,      // the node that had it is gone before it dealt with it: that node
    sent_archived,  // in the archive of its sender: archive id
    archived,       // in that of its addressee: archive id
    kept,           // until it is delivered, and in no archive: archive id
    not_written,    // the store refused it: archive id
    waits,          // for the next session of its addressee: archive id
    offered,        // to a session that has come: archive id; resource
    delivered,      // written to a client that does not acknowledge: session; resource
    sent,           // written to a client that acknowledges (XEP-0198): session; resource
    queued,         // for a session whose connection is lost: session; resource
    sent_again,     // to a client that has resumed: session; resource
    to_connection,  // to the node of the connection: that node; resource
    inactive,       // for a client that is not sent what has no use now (XEP-0352): the same
    acknowledged,   // by a client: session; resource
    returned,       // a session has ended that did not acknowledge it: archive id
    blocked,        // by its addressee (XEP-0191), for whom it is as if he were offline
    no_account,     // of its addressee's name
    dropped,        // nobody was there to have it, and it is not to be kept
    bounced,        // its sender is told: condition, text
  };

  // Plain memory, without constructors: what was never used takes none.
  struct Entry {
    std::int64_t time_us;  // Server::clock_us
    std::uint64_t trace_high;
    std::uint64_t trace_low;
    std::uint64_t id_hash;      // of the stanza's id, whole
    std::uint64_t sender_hash;  // of the bare JID of its sender; of an error: of whom it is for
    std::uint64_t number;
    Event event;
    bool is_error;           // an error that came back
    std::uint8_t id_size;    // of what follows; what is longer is cut
    std::uint8_t from_size;  // full JIDs
    std::uint8_t to_size;
    std::uint8_t text_size;
    std::array<char, 64> from;
    std::array<char, 64> to;
    std::array<char, 48> text;
    std::array<char, 26> id;

    [[nodiscard]] xmpp::TraceId trace_id() const { return {trace_high, trace_low}; }
  };
  static_assert(sizeof(Entry) == 256);  // docs/configuration.md says so
  static_assert(std::is_trivially_default_constructible_v<Entry>);

  explicit Journal(Worker& worker);

  // So many entries from now on; 0: none. Forgets all that there is.
  void keep(std::size_t entries);
  [[nodiscard]] bool on() const { return size_ > 0; }
  // That it may fill. Any thread, once the loops run.
  [[nodiscard]] std::size_t bytes() const { return size_ * sizeof(Entry); }

  // Gives a message that has none its trace id.
  void identify(xmpp::Stanza& stanza) {
    if (stanza.kind() == xmpp::StanzaKind::message && stanza.trace_id().empty()) {
      stanza.set_trace_id(ids_.next());
    }
  }
  // Of a message only.
  void note(Event event, const xmpp::Stanza& stanza, std::uint64_t number = 0,
            std::string_view text = {}) {
    if (size_ > 0 && stanza.kind() == xmpp::StanzaKind::message) {
      write(event, stanza, number, text);
    }
  }

  // Messages with this id, or, if it is one, of this trace id; of this sender (bare or full JID),
  // if that is not empty. Oldest first; the last of them, if they are many.
  [[nodiscard]] std::vector<Entry> find(std::string_view id, const xmpp::Jid& from) const;
  static constexpr std::size_t kMostFound = 1'000;
  // What was noted before this is forgotten; 0: nothing is.
  [[nodiscard]] std::int64_t forgotten_until_us() const;

 private:
  void write(Event event, const xmpp::Stanza& stanza, std::uint64_t number, std::string_view text);

  Worker& worker_;
  xmpp::TraceIds ids_;
  std::unique_ptr<Entry[]> entries_;
  std::size_t size_ = 0;
  std::uint64_t written_ = 0;  // so many since the start
};

// As the API names it.
[[nodiscard]] std::string_view to_string(Journal::Event event);

}  // namespace starling::core
