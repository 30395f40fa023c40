// Stanza: a message, presence or iq (RFC 6120 section 8) on its way.
//
// A value: a shared immutable document for what the sender wrote, and the addresses, which the
// server decides. Copying costs a few counters, never the payload. Any thread may read a Stanza
// that nobody changes.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "xml/document.h"
#include "xmpp/errors.h"
#include "xmpp/jid.h"
#include "xmpp/receipt.h"
#include "xmpp/trace_id.h"

namespace starling::xmpp {

enum class StanzaKind : std::uint8_t { message, presence, iq };

// The 'type' attribute, of all three kinds.
enum class StanzaType : std::uint8_t {
  normal,
  chat,
  groupchat,
  headline,  // message
  available,
  unavailable,
  subscribe,
  subscribed,
  unsubscribe,
  unsubscribed,
  probe,  // presence
  get,
  set,
  result,  // iq
  error,
};
[[nodiscard]] std::string_view to_string(StanzaKind kind);
// The attribute's value; "" for normal and available, which have none.
[[nodiscard]] std::string_view to_string(StanzaType type);

class Stanza {
 public:
  // From what a stream read. The error is what RFC 6120 section 8 and RFC 6121 ask for: unknown
  // type, iq without id or with other than one child (bad-request), addresses that are no JIDs
  // (jid-malformed). nullopt of unsupported_stanza: neither message, presence nor iq in
  // `content_ns`, which is a stream error (unsupported-stanza-type), not a stanza error.
  struct Malformed {
    std::optional<StanzaError> error;  // nullopt: not a stanza at all
  };
  static std::expected<Stanza, Malformed> from_document(xml::DocumentPtr document,
                                                        std::string_view content_ns);

  // From text written by the server itself, which must be a valid stanza in jabber:client.
  static Stanza from_text(std::string_view text);

  // From text that a node of ours wrote once; nullopt if it is damaged.
  static std::optional<Stanza> parse(std::string_view text);

  [[nodiscard]] StanzaKind kind() const { return kind_; }
  [[nodiscard]] StanzaType type() const { return type_; }
  [[nodiscard]] bool is(StanzaKind kind, StanzaType type) const {
    return kind_ == kind && type_ == type;
  }
  [[nodiscard]] bool is_iq_request() const {
    return type_ == StanzaType::get || type_ == StanzaType::set;
  }
  [[nodiscard]] const Jid& from() const { return from_; }
  [[nodiscard]] const Jid& to() const { return to_; }  // empty() if there is none
  void set_from(Jid from) { from_ = std::move(from); }
  void set_to(Jid to) { to_ = std::move(to); }
  [[nodiscard]] std::string_view id() const;  // "" if there is none
  [[nodiscard]] xml::Element element() const { return document_->root(); }
  // The child of an iq get or set (there is exactly one), or the first child of anything.
  [[nodiscard]] std::optional<xml::Element> payload() const { return element().first_child(); }

  // Adds a child written by the server (a delay, a stanza-id) after what the sender wrote.
  void add_child(std::string_view xml) { written_ += xml; }

  // Takes out the sender's children for which `unwanted` is true. Costs a copy of the document if
  // there are any.
  void remove_children(const std::function<bool(const xml::Element&)>& unwanted);

  // The id under which the addressee's archive holds this message; 0 if it does not.
  [[nodiscard]] std::uint64_t archive_id() const { return archive_id_; }
  void set_archive_id(std::uint64_t id) { archive_id_ = id; }

  // By which a message is known wherever it passes; empty() if it has none.
  [[nodiscard]] const TraceId& trace_id() const { return trace_id_; }
  void set_trace_id(TraceId id) { trace_id_ = id; }

  // How many nodes it has come from, so that it cannot go in circles.
  [[nodiscard]] std::uint8_t hops() const { return hops_; }
  void set_hops(std::uint8_t hops) { hops_ = hops; }
  // A node that has nothing to do with its addressee any more, whatever this one takes it for: it
  // has passed it on, say. 0 if there is none.
  [[nodiscard]] std::uint64_t not_at() const { return not_at_; }
  void set_not_at(std::uint64_t node) { not_at_ = node; }

  // True if the other one differs from this in nothing but the addressee.
  [[nodiscard]] bool same_but_for_addressee(const Stanza& other) const {
    return document_ == other.document_ && from_ == other.from_ && added() == other.added();
  }

  // See receipt.h.
  void set_receipt(ReceiptPtr receipt) { receipt_ = std::move(receipt); }
  void drop_receipt() { receipt_.reset(); }
  void share_receipt(const Stanza& other) { receipt_ = other.receipt_; }
  [[nodiscard]] const ReceiptPtr& receipt() const { return receipt_; }

  // The stanza as it goes out on a client's stream, with the addresses as they are now.
  void append_to(std::string& out) const;
  [[nodiscard]] std::string to_xml() const;

 private:
  Stanza() = default;

  // The sender's attributes other than from and to, as XML.
  [[nodiscard]] std::string_view head() const {
    return std::string_view(written_).substr(0, head_size_);
  }
  // What add_child() added.
  [[nodiscard]] std::string_view added() const {
    return std::string_view(written_).substr(head_size_);
  }

  StanzaKind kind_ = StanzaKind::message;
  StanzaType type_ = StanzaType::normal;
  std::uint8_t hops_ = 0;
  std::uint32_t head_size_ = 0;
  Jid from_;
  Jid to_;
  xml::DocumentPtr document_;
  std::string written_;  // head() and added(): one string, as most stanzas have but the first
  std::uint64_t archive_id_ = 0;
  std::uint64_t not_at_ = 0;
  TraceId trace_id_;
  ReceiptPtr receipt_;
};

// The answer to an iq request: addresses swapped, `payload` as content.
[[nodiscard]] Stanza make_result(const Stanza& request, std::string_view payload);
// The error answer to any stanza (RFC 6120 section 8.3.1): addresses swapped, same id.
[[nodiscard]] Stanza make_error(const Stanza& offending, const StanzaError& error);
// The same for something that could not become a Stanza, so only its id is known to be good.
// nullopt if it must not be answered: an error, an iq result (section 8.3.1).
[[nodiscard]] std::optional<Stanza> make_error_for(const xml::Element& offending,
                                                   const StanzaError& error);
// <forwarded/> with the stanza in it (XEP-0297).
[[nodiscard]] std::string forwarded(const Stanza& stanza);
// A presence with nothing in it.
[[nodiscard]] Stanza make_presence(StanzaType type, const Jid& from, const Jid& to);

}  // namespace starling::xmpp
