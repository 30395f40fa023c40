// Message carbons (XEP-0280): all of a user's clients see both sides of a conversation, whichever
// of them has it.
//
// A copy is for now: it is neither archived nor kept for a client that is gone, since the message
// itself is.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "core/module.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

using core::IqReply;
using core::IqRequest;
using core::LocalAccount;
using core::Session;
using core::Worker;
using xmpp::Jid;
using xmpp::Stanza;
using xmpp::StanzaType;

enum class Direction : std::uint8_t { sent, received };

// Of a session that wants copies.
struct Enabled {};

// Of an account: with whom and by which id the latest messages were that are eligible, so that the
// errors which answer them are known to be.
class Recent {
 public:
  void add(const Jid& peer, std::string_view id) {
    keys_[next_] = key(peer, id);
    next_ = (next_ + 1) % keys_.size();
  }
  [[nodiscard]] bool contains(const Jid& peer, std::string_view id) const {
    return std::ranges::find(keys_, key(peer, id)) != keys_.end();
  }

 private:
  static std::size_t key(const Jid& peer, std::string_view id) {
    constexpr std::hash<std::string_view> kHash;
    return kHash(peer.bare()) * 31 + kHash(id);
  }
  std::array<std::size_t, 64> keys_{};
  std::size_t next_ = 0;
};

bool is_of_instant_messaging(const xml::Element& child) {
  return child.ns() == xmpp::ns::kReceipts || child.ns() == xmpp::ns::kChatStates ||
         child.ns() == xmpp::ns::kChatMarkers;
}

// Section 6.1, without errors.
bool is_eligible(const Stanza& message, Direction direction) {
  const StanzaType type = message.type();
  if (type == StanzaType::groupchat) return false;
  bool conversation = type == StanzaType::chat;
  bool invitation = false;
  bool of_room = false;
  for (const xml::Element child : message.element().children()) {
    if (child.is("private", xmpp::ns::kCarbons) || child.is("no-copy", xmpp::ns::kHints)) {
      return false;
    }
    if (child.is("x", xmpp::ns::kMucUser)) {
      of_room = true;
      invitation = invitation || child.child("invite", xmpp::ns::kMucUser);
    } else if (child.is("x", xmpp::ns::kConference)) {
      invitation = true;
    } else {
      conversation = conversation || is_of_instant_messaging(child) ||
                     (type == StanzaType::normal && child.is("body", xmpp::ns::kClient));
    }
  }
  if (invitation) return true;
  // An occupant's private message: the room sends it to each client that has joined.
  if (of_room && direction == Direction::received && !message.from().is_bare()) return false;
  return conversation;
}

bool is_copied(LocalAccount& account, const Stanza& message, Direction direction) {
  const Jid& peer = direction == Direction::sent ? message.to() : message.from();
  if (message.type() == StanzaType::error) {
    const auto* recent = account.slots.find<Recent>();
    return recent != nullptr && recent->contains(peer, message.id());
  }
  if (!is_eligible(message, direction)) return false;
  if (!message.id().empty()) account.slots.get<Recent>().add(peer, message.id());
  return true;
}

Stanza wrap(const Jid& account, const Stanza& message, std::string_view element) {
  xml::Writer w;
  w.open("message").attribute_if("type", to_string(message.type()));
  w.open(element, xmpp::ns::kCarbons).raw(forwarded(message)).close().close();
  Stanza copy = Stanza::from_text(std::move(w).take());
  copy.set_from(account);
  return copy;
}

bool wants_copies(const Session& session) {
  return session.slots.find<Enabled>() != nullptr;
}

// True if there may be somebody to send a copy to.
bool has_carbons(const LocalAccount& account) {
  return account.sessions.size() > 1 &&
         std::ranges::any_of(account.sessions, [](const auto& s) { return wants_copies(*s); });
}

// Section 8.
void sent(Worker& worker, LocalAccount& account, const Stanza& message) {
  // What goes to the account itself, its other clients get as received.
  if (!has_carbons(account) || message.to().bare() == account.bare.full()) return;
  if (!is_copied(account, message, Direction::sent)) return;
  std::optional<Stanza> copy;
  for (const auto& session : account.sessions) {
    if (!wants_copies(*session) || session->jid == message.from()) continue;
    if (!copy) {
      // XEP-0313 section 3.5: unlike the addressee, they are told its place in the archive.
      Stanza original = message;
      const auto id = message.archive_id();
      if (id != 0) original.add_child(worker.archive().stanza_id(account.bare, id));
      copy = wrap(account.bare, original, "sent");
    }
    copy->set_to(session->jid);
    session->deliver(*copy);
  }
}

// Section 7.
void received(Worker&, LocalAccount& account, const Stanza& message,
              std::span<Session* const> recipients) {
  if (!has_carbons(account) || !is_copied(account, message, Direction::received)) return;
  std::optional<Stanza> copy;
  for (const auto& session : account.sessions) {
    if (!wants_copies(*session) || session->jid == message.from()) continue;
    if (std::ranges::find(recipients, session.get()) != recipients.end()) continue;
    // It waits in line for this one.
    if (recipients.empty() && session->id == account.catching_up) continue;
    if (!copy) copy = wrap(account.bare, message, "received");
    copy->set_to(session->jid);
    session->deliver(*copy);
  }
}

// Sections 4 and 5: as often as it likes.
Task<IqReply> enable(IqRequest request) {
  if (auto* session = request.worker->directory().find(request.session)) {
    session->slots.get<Enabled>();
  }
  co_return std::string();
}

Task<IqReply> disable(IqRequest request) {
  if (auto* session = request.worker->directory().find(request.session)) {
    session->slots.erase<Enabled>();
  }
  co_return std::string();
}

void setup(core::Host& host) {
  host.disco_feature(core::At::host, xmpp::ns::kCarbons);
  host.disco_feature(core::At::host, xmpp::ns::kCarbonsRules);
  host.on_own_iq(StanzaType::set, "enable", xmpp::ns::kCarbons, enable);
  host.on_own_iq(StanzaType::set, "disable", xmpp::ns::kCarbons, disable);
  host.session_mark<Enabled>("carbons");
  host.on_message_sent(sent);
  host.on_message_delivered(received);
}

}  // namespace

extern const core::Module kCarbons;
const core::Module kCarbons{"carbons", {280, "1.0.1"}, "Message carbons", setup};

}  // namespace starling::modules
