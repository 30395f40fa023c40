// Module and Host: how an extension joins the server.
//
// One extension is one file in modules/: a constant Module that names itself and, in setup(),
// tells the Host what it answers and advertises. setup runs once per virtual host at start; after
// that everything is frozen, so captured lambdas outlive every coroutine. Handlers run on the home
// worker of the account they serve, or, for the host itself, on the sender's worker.
#pragma once

#include <algorithm>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "config/options.h"
#include "core/session.h"
#include "xml/writer.h"
#include "xmpp/data_form.h"
#include "xmpp/disco_info.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Host;
class Worker;
struct LocalAccount;

struct Xep {
  int number = 0;            // 0: an RFC
  std::string_view version;  // the version this was built from
};

struct Module {
  std::string_view name;  // section in the configuration, log field
  Xep xep;
  std::string_view summary;
  void (*setup)(Host&);
};

// To whom an iq is addressed.
enum class At : std::uint8_t {
  host,     // the server itself: example.org
  account,  // a bare JID, answered by the server on the user's behalf (RFC 6121 section 8.5.1)
};

struct IqRequest {
  xmpp::Stanza stanza;
  Worker* worker;
  const Host* host;
  SessionRef session;  // of the sender, if it is a session of this worker; else id 0

  [[nodiscard]] xml::Element payload() const { return *stanza.payload(); }
};
// Whether the handler of an account's own iq runs in the account's turn. One that is free may be
// overtaken, but may wait for the turn itself.
enum class Turn : std::uint8_t { taken, free };

// The content of the result, or the error to answer with.
using IqReply = std::expected<std::string, xmpp::StanzaError>;
using IqHandler = std::function<Task<IqReply>(IqRequest)>;

// Nodes of the host's own, beside its own disco#info and disco#items (XEP-0030 section 3.2).
struct DiscoNode {
  // nullopt: not one of these nodes.
  using Answer =
      std::function<std::optional<IqReply>(const xmpp::Jid& asker, std::string_view node)>;
  Answer info;
  Answer items;
};

// One step of an ad-hoc command: what the user has filled in so far, stage after stage.
struct CommandCall {
  Worker* worker;
  const Host* host;
  xmpp::Jid from;
  std::vector<xmpp::DataForm> filled;
};
// What the user sees next. Without `completed`, a form to fill in, after which come others or not.
struct CommandReply {
  bool completed = true;
  bool last_form = true;
  std::optional<xmpp::DataForm> form;
  std::string note;
};
// An error leaves the session at the stage where it was.
using CommandHandler =
    std::function<Task<std::expected<CommandReply, xmpp::StanzaError>>(CommandCall)>;

struct Command {
  std::string node;
  std::string name;
  bool admins_only = true;  // to others it does not exist
  CommandHandler handler;
};

class Host {
 public:
  // `options` must outlive the host.
  Host(std::string name, const config::HostOptions& options)
      : name_(std::move(name)), options_(options) {}
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const config::HostOptions& options() const { return options_; }

  // --- for setup() ---

  // Service discovery (XEP-0030).
  void disco_feature(At at, std::string_view feature);
  void disco_identity(At at, xmpp::Identity identity);
  void disco_form(At at, xmpp::DataForm form);  // XEP-0128
  // Nodes at which disco#info of the host answers the same (XEP-0115 section 6.2).
  void disco_alias(std::function<bool(std::string_view)> is_alias) {
    disco_aliases_.push_back(std::move(is_alias));
  }
  void disco_node(DiscoNode node) { disco_nodes_.push_back(std::move(node)); }

  // Anyone may ask: `element` of namespace `element_ns`, in an iq of `type` (get or set).
  void on_iq(At at, xmpp::StanzaType type, std::string_view element, std::string_view element_ns,
             IqHandler handler);
  // Only the account's own sessions may ask; others are told service-unavailable. A security rule,
  // which is why it is a function of its own.
  void on_own_iq(xmpp::StanzaType type, std::string_view element, std::string_view element_ns,
                 IqHandler handler, Turn turn = Turn::taken);

  // Ad-hoc commands (XEP-0050), with a node of their own each.
  void on_command(Command command);

  // Adds to <stream:features/> once the stream is authenticated.
  void stream_feature(std::function<void(xml::Writer&)> write) {
    stream_features_.push_back(std::move(write));
  }

  // What a module keeps with an account (LocalAccount::slots), read when the account comes into
  // memory. A handler that needs it finds it there. The account is not in the directory yet.
  using LoadAccount = std::function<Task<Result<>>(Worker&, LocalAccount&)>;
  void on_load_account(LoadAccount load) { load_account_.push_back(std::move(load)); }

  // True if a stanza from `stanza.from()` must not reach the account: see Delivery.
  using BlocksInbound = std::function<bool(const LocalAccount&, const xmpp::Stanza&)>;
  void block_inbound(BlocksInbound blocks) { blocks_inbound_.push_back(std::move(blocks)); }
  // Why the account may not send this stanza to `stanza.to()`; nullopt if it may.
  using RefusesOutbound =
      std::function<std::optional<xmpp::StanzaError>(const LocalAccount&, const xmpp::Stanza&)>;
  void refuse_outbound(RefusesOutbound refuses) { refuses_outbound_.push_back(std::move(refuses)); }

  // True if the account's messages with this address are to be archived.
  using Archives = std::function<bool(const LocalAccount&, const xmpp::Jid&)>;
  void decide_archiving(Archives archives) { archives_ = std::move(archives); }

  // A session of the account sent a message, which is about to be routed. Its archive_id() is that
  // of the account's own archive.
  using MessageSent = std::function<void(Worker&, LocalAccount&, const xmpp::Stanza&)>;
  void on_message_sent(MessageSent sent) { message_sent_.push_back(std::move(sent)); }
  // A message for the account was handed to these of its sessions, or waits if there are none. (Not
  // called for what goes back to its sender.)
  using MessageDelivered =
      std::function<void(Worker&, LocalAccount&, const xmpp::Stanza&, std::span<Session* const>)>;
  void on_message_delivered(MessageDelivered delivered) {
    message_delivered_.push_back(std::move(delivered));
  }

  // The account's last available session became unavailable or ended, with this presence.
  using AccountUnavailable = std::function<void(Worker&, const xmpp::Jid&, const xmpp::Stanza&)>;
  void on_account_unavailable(AccountUnavailable unavailable) {
    account_unavailable_.push_back(std::move(unavailable));
  }

  // A mark that a module keeps with a session: an empty T in its slots. A session that is parked
  // (parking.h) has it again when it is resumed.
  template <class T>
  void session_mark(std::string name) {
    session_marks_.push_back({std::move(name),
                              [](const Session& s) { return s.slots.find<T>() != nullptr; },
                              [](Session& s) { s.slots.get<T>(); }});
  }

  // An element on a bound stream that is no stanza. The session may be changed by it.
  using NonzaHandler = std::function<void(Session&, const xml::Element&)>;
  void on_nonza(std::string_view element, std::string_view element_ns, NonzaHandler handler);

  // --- for the server ---

  [[nodiscard]] Task<Result<>> load_account(Worker& worker, LocalAccount& account) const;
  [[nodiscard]] bool blocks_inbound(const LocalAccount& account, const xmpp::Stanza& stanza) const;
  [[nodiscard]] std::optional<xmpp::StanzaError> refuses_outbound(const LocalAccount& account,
                                                                  const xmpp::Stanza& stanza) const;
  [[nodiscard]] bool archives(const LocalAccount& account, const xmpp::Jid& peer) const {
    return !archives_ || archives_(account, peer);
  }
  void message_sent(Worker& worker, LocalAccount& account, const xmpp::Stanza& message) const {
    for (const auto& sent : message_sent_) sent(worker, account, message);
  }
  void message_delivered(Worker& worker, LocalAccount& account, const xmpp::Stanza& message,
                         std::span<Session* const> sessions) const {
    for (const auto& delivered : message_delivered_) {
      delivered(worker, account, message, sessions);
    }
  }
  void account_unavailable(Worker& worker, const xmpp::Jid& account,
                           const xmpp::Stanza& presence) const {
    for (const auto& told : account_unavailable_) told(worker, account, presence);
  }
  [[nodiscard]] std::vector<std::string> marks_of(const Session& session) const {
    std::vector<std::string> names;
    for (const auto& mark : session_marks_) {
      if (mark.is_set(session)) names.push_back(mark.name);
    }
    return names;
  }
  void set_marks(Session& session, const std::vector<std::string>& names) const {
    for (const auto& mark : session_marks_) {
      if (std::ranges::find(names, mark.name) != names.end()) mark.set(session);
    }
  }
  // nullptr if no module knows that element.
  [[nodiscard]] const NonzaHandler* find_nonza(const xml::Element& element) const;

  struct FoundHandler {
    const IqHandler* handler = nullptr;
    bool own_only = false;
    bool without_turn = false;
  };
  [[nodiscard]] FoundHandler find_handler(At at, const xmpp::Stanza& iq) const;
  [[nodiscard]] const xmpp::DiscoInfo& disco_info(At at) const {  // features are sorted
    return at == At::host ? host_disco_ : account_disco_;
  }
  [[nodiscard]] bool is_disco_alias(std::string_view node) const;
  [[nodiscard]] const std::vector<DiscoNode>& disco_nodes() const { return disco_nodes_; }
  [[nodiscard]] const std::vector<Command>& commands() const { return commands_; }
  [[nodiscard]] const Command* find_command(std::string_view node) const;
  void write_stream_features(xml::Writer& w) const {
    for (const auto& write : stream_features_) write(w);
  }

 private:
  // at, type, namespace, element
  using Key = std::tuple<At, xmpp::StanzaType, std::string, std::string>;
  struct Entry {
    IqHandler handler;
    bool own_only;
    bool without_turn;
  };
  xmpp::DiscoInfo& disco(At at) { return at == At::host ? host_disco_ : account_disco_; }

  std::string name_;
  const config::HostOptions& options_;
  std::map<Key, Entry, std::less<>> handlers_;
  xmpp::DiscoInfo host_disco_;
  xmpp::DiscoInfo account_disco_;
  std::vector<std::function<bool(std::string_view)>> disco_aliases_;
  std::vector<DiscoNode> disco_nodes_;
  std::vector<Command> commands_;
  std::vector<std::function<void(xml::Writer&)>> stream_features_;
  std::vector<LoadAccount> load_account_;
  std::vector<BlocksInbound> blocks_inbound_;
  std::vector<RefusesOutbound> refuses_outbound_;
  Archives archives_;
  std::vector<MessageSent> message_sent_;
  std::vector<MessageDelivered> message_delivered_;
  std::vector<AccountUnavailable> account_unavailable_;
  struct SessionMark {
    std::string name;
    std::function<bool(const Session&)> is_set;
    std::function<void(Session&)> set;
  };
  std::vector<SessionMark> session_marks_;
  // namespace, element
  std::map<std::tuple<std::string, std::string>, NonzaHandler, std::less<>> nonzas_;
};

}  // namespace starling::core
