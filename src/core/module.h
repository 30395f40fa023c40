// Module and Host: how an extension joins the server.
//
// One extension is one file in modules/: a constant Module that names itself and, in setup(),
// tells the Host what it answers and advertises. setup runs once per virtual host at start; after
// that everything is frozen, so captured lambdas outlive every coroutine. Handlers run on the home
// worker of the account they serve, or, for the host itself, on the sender's worker.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/task.h"
#include "core/session.h"
#include "xml/writer.h"
#include "xmpp/stanza.h"

namespace starling::core {

class Host;
class Worker;

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
// The content of the result, or the error to answer with.
using IqReply = std::expected<std::string, xmpp::StanzaError>;
using IqHandler = std::function<Task<IqReply>(IqRequest)>;

struct Identity {
  std::string category;
  std::string type;
  std::string name;
};

class Host {
 public:
  explicit Host(std::string name) : name_(std::move(name)) {}
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

  // --- for setup() ---

  // Service discovery (XEP-0030).
  void disco_feature(At at, std::string_view feature);
  void disco_identity(At at, Identity identity);
  // A node at which disco#info of the host answers the same (XEP-0115 section 6.2).
  void disco_node(std::function<bool(std::string_view)> is_alias) {
    disco_node_ = std::move(is_alias);
  }

  // Anyone may ask: `element` of namespace `element_ns`, in an iq of `type` (get or set).
  void on_iq(At at, xmpp::StanzaType type, std::string_view element, std::string_view element_ns,
             IqHandler handler);
  // Only the account's own sessions may ask; others are told service-unavailable. A security rule,
  // which is why it is a function of its own.
  void on_own_iq(xmpp::StanzaType type, std::string_view element, std::string_view element_ns,
                 IqHandler handler);

  // Adds to <stream:features/> once the stream is authenticated.
  void stream_feature(std::function<void(xml::Writer&)> write) {
    stream_features_.push_back(std::move(write));
  }

  // --- for the server ---

  struct FoundHandler {
    const IqHandler* handler = nullptr;
    bool own_only = false;
  };
  [[nodiscard]] FoundHandler find_handler(At at, const xmpp::Stanza& iq) const;
  [[nodiscard]] const std::vector<std::string>& features(At at) const;  // sorted
  [[nodiscard]] const std::vector<Identity>& identities(At at) const;
  [[nodiscard]] bool is_disco_node(std::string_view node) const {
    return disco_node_ && disco_node_(node);
  }
  void write_stream_features(xml::Writer& w) const {
    for (const auto& write : stream_features_) write(w);
  }

 private:
  // at, type, namespace, element
  using Key = std::tuple<At, xmpp::StanzaType, std::string, std::string>;
  struct Entry {
    IqHandler handler;
    bool own_only;
  };
  struct Disco {
    std::vector<std::string> features;
    std::vector<Identity> identities;
  };

  std::string name_;
  std::map<Key, Entry, std::less<>> handlers_;
  Disco host_disco_;
  Disco account_disco_;
  std::function<bool(std::string_view)> disco_node_;
  std::vector<std::function<void(xml::Writer&)>> stream_features_;
};

}  // namespace starling::core
