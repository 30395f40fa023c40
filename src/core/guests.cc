#include "core/guests.h"

#include <boost/container/deque.hpp>
#include <utility>
#include <vector>

#include "base/log.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using cluster::Decoder;
using cluster::Encoder;
using cluster::NodeId;
using xmpp::Stanza;

namespace {
constexpr std::size_t kCongested = 1'000;  // stanzas that the other node has not confirmed
constexpr std::size_t kTooMany = 20'000;
}  // namespace

class Guest final : public Outbox {
 public:
  Guest(Guests& guests, Guests::Key key, std::string_view remote, std::string_view connection)
      : guests_(guests), key_(std::move(key)), remote_(remote), connection_(connection) {}

  bool deliver(const Stanza& stanza) override {
    Journal& journal = guests_.worker_.journal();
    if (session != nullptr) {
      journal.note(Journal::Event::to_connection, stanza, key_.first, session->jid.resource());
    }
    send(++last_, stanza);
    unconfirmed_.push_back(stanza);
    unconfirmed_.back().drop_receipt();
    if (unconfirmed_.size() == kTooMany) {
      guests_.worker_.loop().post([&guests = guests_, key = key_] { guests.unbind(key); });
    }
    return true;
  }
  std::vector<Stanza> take_unacknowledged() override {
    std::vector<Stanza> taken(std::make_move_iterator(unconfirmed_.begin()),
                              std::make_move_iterator(unconfirmed_.end()));
    unconfirmed_.clear();
    return taken;
  }
  [[nodiscard]] bool congested() const override { return unconfirmed_.size() > kCongested; }
  void leave(Leaving /*why*/) override {
    guests_.worker_.remote().send(key_.first, begin_parcel(ParcelKind::leave, key_.second));
  }
  void end(xmpp::StreamCondition condition, std::string_view text) override {
    session = nullptr;  // unbound by whoever ends it
    Encoder parcel = begin_parcel(ParcelKind::end, key_.second);
    parcel.number(static_cast<std::uint64_t>(condition)).text(text);
    guests_.worker_.remote().send(key_.first, std::move(parcel));
    // Not at once: this is called from inside.
    guests_.worker_.loop().post([&guests = guests_, key = key_] { guests.remove(key); });
  }
  [[nodiscard]] std::string remote() const override { return remote_; }
  [[nodiscard]] std::string_view connection() const override { return connection_; }
  [[nodiscard]] std::uint64_t node() const override { return key_.first; }

  // The visitor's stream need not be kept this one, nor any before.
  void confirmed(std::uint64_t number) {
    std::vector<ArchiveId> archived;
    while (!unconfirmed_.empty() && last_ - unconfirmed_.size() < number) {
      const ArchiveId id = unconfirmed_.front().archive_id();
      if (id != 0) archived.push_back(id);
      unconfirmed_.pop_front();
    }
    if (!archived.empty()) guests_.worker_.acknowledged(*session, archived);
  }

  [[nodiscard]] std::uint64_t last() const { return last_; }

  // What a client of another stream was sent before.
  void begin_with(std::vector<Stanza> unconfirmed) {
    last_ = unconfirmed.size();
    unconfirmed_.assign(std::make_move_iterator(unconfirmed.begin()),
                        std::make_move_iterator(unconfirmed.end()));
  }
  // The connection is another; its client has had everything up to `last`.
  void move_to(Guests::Key key, std::uint64_t last) {
    key_ = std::move(key);
    std::uint64_t number = last_ - unconfirmed_.size();
    for (const Stanza& stanza : unconfirmed_) {
      if (++number > last) send(number, stanza);
    }
  }

  [[nodiscard]] const Guests::Key& key() const { return key_; }

  Session* session = nullptr;  // nullptr: not bound yet, or any more
  bool gone = false;           // the other side has ended it

 private:
  void send(std::uint64_t number, const Stanza& stanza) const {
    Remote& remote = guests_.worker_.remote();
    Encoder parcel = begin_parcel(ParcelKind::deliver, key_.second, remote.carried(stanza));
    parcel.number(number).rest(stanza.to_xml());
    remote.send(key_.first, std::move(parcel));
  }

  Guests& guests_;
  Guests::Key key_;
  const std::string remote_;
  const std::string connection_;
  std::uint64_t last_ = 0;  // the number of the last stanza
  boost::container::deque<Stanza> unconfirmed_;
};

Guests::Guests(Worker& worker) : worker_(worker) {}

Guests::~Guests() = default;

void Guests::take(NodeId from, const ParcelHead& head, Decoder& parcel) {
  if (head.kind == ParcelKind::bind) return bind(from, head.account, parcel);
  const Key key{from, parcel.number()};
  if (head.kind == ParcelKind::unbind) return unbind(key);
  // A stanza's receipt tells that it was dealt with, whatever becomes of it. But not that of a
  // session that is gone: then its client is told, and sends it again.
  const auto found = guests_.find(key);
  if (parcel.bad() || found == guests_.end() || found->second->session == nullptr) return;
  Guest& guest = *found->second;
  Session& session = *guest.session;
  switch (head.kind) {
    case ParcelKind::submit: {
      const std::uint64_t number = parcel.number();
      const xmpp::ReceiptPtr dealt = worker_.remote().receipt(from, number);
      auto stanza = parcel.bad() ? std::nullopt : Stanza::parse(parcel.rest());
      if (!stanza) return log::error("stanza_from_node_damaged", {{"node", from}});
      stanza->set_receipt(dealt);
      stanza->set_trace_id(head.trace_id);
      worker_.router().submit(session, std::move(*stanza));
      return;
    }
    case ParcelKind::nonza: {
      const auto document = xml::Document::parse(parcel.rest(), {});
      if (document) worker_.nonza(session, document->root());
      return;
    }
    case ParcelKind::moved: {
      const NodeId node = parcel.number();
      const SessionId visitor = parcel.number();
      const std::uint64_t last = parcel.number();
      if (!parcel.bad()) moved(key, {node, visitor}, last);
      return;
    }
    case ParcelKind::park:
      return park(key, parcel);
    case ParcelKind::active:
      return session.end_holdback();
    case ParcelKind::confirmed:
      return guest.confirmed(parcel.number());
    default:
      return;
  }
}

void Guests::bind(NodeId from, std::string_view account, Decoder& parcel) {
  const Key key{from, parcel.number()};
  const std::string_view resource = parcel.text();
  const std::string_view remote = parcel.text();
  const std::string_view connection = parcel.text();
  const auto bare = xmpp::Jid::parse(account);
  if (parcel.bad() || !bare) return;
  const auto full = bare->with_resource(resource);
  if (!full) return;
  const std::string_view state = parcel.rest();
  auto parked = state.empty() ? std::nullopt : ParkedSession::decode(state);
  auto guest = std::make_shared<Guest>(*this, key, remote, connection);
  guests_[key] = guest;
  worker_.turns().run(account, [this, guest, full = *full, parked = std::move(parked)]() mutable {
    return bind_in_turn(guest, full, std::move(parked));
  });
}

Task<void> Guests::bind_in_turn(std::shared_ptr<Guest> guest, xmpp::Jid full,
                                std::optional<ParkedSession> parked) {
  if (guest->gone) co_return remove(guest->key());  // whoever asked has looked elsewhere since
  std::uint64_t answer = kBound;
  const LocalAccount* account = worker_.directory().find(full.bare());
  if (account == nullptr || account->sessions.empty()) {
    // Nobody is here any more: the newcomer's node becomes the home.
    answer = static_cast<std::uint64_t>(Errc::exists);
    worker_.remote().homes().release(full.to_bare());
  } else {
    if (parked) guest->begin_with(parked->stream.queue);
    const auto session =
        co_await worker_.bind_here(full, *guest, Worker::Counted::no, parked ? &*parked : nullptr);
    if (session) {
      guest->session = *session;
      if (parked) {
        parked->stream.queue.clear();
        parked->send_missed();
        for (const Stanza& missed : parked->stream.queue) (*session)->deliver(missed);
      }
    } else {
      answer = static_cast<std::uint64_t>(session.error().code);
    }
  }
  if (answer == kBound && guest->gone) {
    worker_.unbind(*std::exchange(guest->session, nullptr));
    co_return remove(guest->key());
  }
  Encoder parcel = begin_parcel(ParcelKind::bound, guest->key().second);
  parcel.number(answer);
  worker_.remote().send(guest->key().first, std::move(parcel));
  if (answer != kBound) remove(guest->key());
}

void Guests::adopt(Session& session, NodeId node, SessionId visitor,
                   std::vector<Stanza> unconfirmed) {
  auto guest = std::make_shared<Guest>(*this, Key{node, visitor}, session.outbox->remote(),
                                       session.outbox->connection());
  guest->session = &session;
  guest->begin_with(std::move(unconfirmed));
  session.outbox = guest.get();
  guests_[guest->key()] = guest;
}

void Guests::moved(const Key& from, const Key& to, std::uint64_t last) {
  // This node's own stream takes it back by itself.
  if (to.first == worker_.server().cluster()->self()) return;
  auto node = guests_.extract(from);
  if (node.empty()) return;
  node.key() = to;
  const auto guest = node.mapped();
  guests_.insert(std::move(node));
  guest->move_to(to, last);
}

Guests::TakenBack Guests::take_back(NodeId node, SessionId visitor, std::uint64_t first) {
  const auto found = guests_.find({node, visitor});
  if (found == guests_.end() || found->second->session == nullptr) return {};
  const auto guest = found->second;
  guests_.erase(found);
  if (first > 0) guest->confirmed(first - 1);
  TakenBack taken{std::exchange(guest->session, nullptr), guest->take_unacknowledged()};
  return taken;
}

std::vector<NodeId> Guests::nodes_of(std::string_view account) const {
  std::vector<NodeId> nodes;
  for (const auto& [key, guest] : guests_) {
    const bool its = guest->session != nullptr && guest->session->jid.bare() == account;
    if (its && (nodes.empty() || nodes.back() != key.first)) nodes.push_back(key.first);
  }
  return nodes;
}

// What was delivered and did not reach the stream counts as sent, and is sent again.
void Guests::park(const Key& key, Decoder& parcel) {
  const auto guest = guests_.at(key);
  StreamState stream;
  stream.id = parcel.text();
  stream.handled = static_cast<std::uint32_t>(parcel.number());
  stream.sent = static_cast<std::uint32_t>(parcel.number());
  stream.timeout = std::chrono::seconds(parcel.number());
  const std::uint64_t confirmed = parcel.number();
  const std::uint64_t delivered = parcel.number();
  if (parcel.bad()) return;
  guest->confirmed(confirmed);
  // From the account's next turn on it gets nothing any more; until then it is as it was.
  const auto run = [](Guests* self, std::shared_ptr<Guest> of, StreamState state,
                      std::uint64_t last) -> Task<void> {
    if (of->session == nullptr) co_return;
    state.queue = of->take_unacknowledged();
    state.sent += static_cast<std::uint32_t>(of->last() - last);
    const Session& session = *std::exchange(of->session, nullptr);
    SessionRef ref{session.jid, session.id};
    co_await self->worker_.parking().park(std::move(ref), std::move(state));
    of->end(xmpp::StreamCondition::system_shutdown, "this node leaves; please connect again");
  };
  worker_.turns().run(guest->session->jid.bare(),
                      [this, run, guest, stream = std::move(stream), delivered]() mutable {
                        return run(this, guest, std::move(stream), delivered);
                      });
}

void Guests::unbind(const Key& key) {
  const auto found = guests_.find(key);
  if (found == guests_.end()) return;
  const auto guest = found->second;
  guest->gone = true;
  if (guest->session == nullptr) return;  // being bound, or ended
  guests_.erase(found);
  worker_.unbind(*std::exchange(guest->session, nullptr));
}

void Guests::remove(const Key& key) {
  guests_.erase(key);
}

void Guests::peer_gone(NodeId node) {
  std::vector<Key> gone;
  for (auto at = guests_.lower_bound({node, 0}); at != guests_.end() && at->first.first == node;
       ++at) {
    gone.push_back(at->first);
  }
  for (const Key& key : gone) unbind(key);
}

}  // namespace starling::core
