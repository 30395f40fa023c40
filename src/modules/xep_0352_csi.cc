// Client state indication (XEP-0352): a client that nobody is looking at is left in peace. While it
// is inactive, of each sender's presence only the latest is kept for later, and typing
// notifications are dropped. Everything else comes at once, after what was kept, so that order is
// kept too.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "core/module.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

using core::Session;
using xmpp::Stanza;
using xmpp::StanzaKind;
using xmpp::StanzaType;

// Of presence for one session; then it gets it after all.
constexpr std::size_t kMaxHeld = 1'000;  // stanzas
constexpr std::size_t kMaxHeldBytes = 1'048'576;

// What comes along with a chat state and says nothing by itself.
bool is_accessory(const xml::Element& child) {
  return child.is("thread", xmpp::ns::kClient) || child.ns() == xmpp::ns::kHints ||
         child.ns() == xmpp::ns::kStanzaId || child.ns() == xmpp::ns::kOccupantId;
}

// The message within a carbon copy (XEP-0280).
std::optional<xml::Element> copied_message(const xml::Element& child) {
  if (child.ns() != xmpp::ns::kCarbons) return std::nullopt;
  const auto forwarded = child.child("forwarded", xmpp::ns::kForward);
  return forwarded ? forwarded->child("message", xmpp::ns::kClient) : std::nullopt;
}

// True for a message with a chat state (XEP-0085), or a carbon copy of such a one, and nothing
// else.
bool is_chat_state_only(const xml::Element& message, bool may_be_copy = true) {
  bool chat_state = false;
  for (const xml::Element child : message.children()) {
    if (child.ns() == xmpp::ns::kChatStates) {
      chat_state = true;
    } else if (const auto copied = copied_message(child); copied && may_be_copy) {
      if (!is_chat_state_only(*copied, false)) return false;
      chat_state = true;
    } else if (!is_accessory(child)) {
      return false;
    }
  }
  return chat_state;
}

bool is_dropped(const Stanza& stanza) {
  return stanza.kind() == StanzaKind::message && stanza.type() != StanzaType::error &&
         stanza.archive_id() == 0 && is_chat_state_only(stanza.element());
}

// Not subscriptions, not errors, not what answers the client's own presence: its echo, and the
// status codes that tell it how it came to join or leave a room (XEP-0045 section 7).
bool is_kept(const Session& session, const Stanza& stanza) {
  if (stanza.kind() != StanzaKind::presence || stanza.from() == session.jid) return false;
  if (stanza.type() != StanzaType::available && stanza.type() != StanzaType::unavailable) {
    return false;
  }
  const auto room = stanza.element().child("x", xmpp::ns::kMucUser);
  return !room || !room->child("status", xmpp::ns::kMucUser);
}

class Inactive final : public core::Holdback {
 public:
  bool take(Session& session, const Stanza& stanza) override {
    if (is_dropped(stanza)) return true;
    if (!is_kept(session, stanza)) {
      release(session);
      return false;
    }
    std::erase_if(kept_, [&](const Stanza& earlier) {
      if (earlier.from() != stanza.from()) return false;
      bytes_ -= earlier.element().document().memory();
      return true;
    });
    kept_.push_back(stanza);
    kept_.back().drop_receipt();
    bytes_ += stanza.element().document().memory();
    if (kept_.size() > kMaxHeld || bytes_ > kMaxHeldBytes) release(session);
    return true;
  }

  void release(Session& session) override {
    bytes_ = 0;
    for (const Stanza& stanza : std::exchange(kept_, {})) session.outbox->deliver(stanza);
  }

 private:
  std::vector<Stanza> kept_;  // one of each full JID, in the order they came
  std::size_t bytes_ = 0;     // of them
};

void setup(core::Host& host) {
  host.stream_feature([](xml::Writer& w) { w.open("csi", xmpp::ns::kCsi).close(); });
  host.on_nonza("inactive", xmpp::ns::kCsi, [](Session& session, const xml::Element&) {
    if (!session.holdback) session.holdback = std::make_unique<Inactive>();
  });
  host.on_nonza("active", xmpp::ns::kCsi,
                [](Session& session, const xml::Element&) { session.end_holdback(); });
}

}  // namespace

extern const core::Module kCsi;
const core::Module kCsi{"csi", {352, "1.0.0"}, "Client state indication", setup};

}  // namespace starling::modules
