// SaslExchange: the server's side of one stream's authentication (RFC 6120 section 6): which
// mechanisms it offers, and one attempt after the other until one succeeds.
//
// Mechanisms: SCRAM-SHA-512, -256, -1, each with -PLUS under TLS (channel binding advertised by
// XEP-0440, guarded by XEP-0474), and PLAIN under TLS only. Used on the stream's worker.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "config/options.h"
#include "core/authenticator.h"
#include "net/connection.h"
#include "xml/document.h"
#include "xmpp/jid.h"
#include "xmpp/sasl/scram.h"

namespace starling::stream {

class SaslExchange {
 public:
  // Whether log-ins to this account are to fail for now, whatever the password.
  using Refuses = std::function<bool(const xmpp::Jid& account)>;

  // `host` is the domain of the stream and `options` are its; `connection` must outlive the
  // exchange.
  SaslExchange(core::Authenticator& authenticator, const net::Connection& connection,
               std::string host, const config::HostOptions& options, Refuses refuses);

  // <mechanisms/> and <sasl-channel-binding/> for the stream features.
  [[nodiscard]] std::string features_xml() const;

  [[nodiscard]] bool offers(std::string_view mechanism) const;

  // What to send, and whether the client is in.
  struct Step {
    std::string reply;                   // <challenge/>, <success/> or <failure/>
    std::optional<xmpp::Jid> succeeded;  // the bare JID
    std::string failed;                  // SASL condition of a failed attempt, for the log
    std::string username;                // as the client gave it, for the log; may be empty
    std::string mechanism;
    bool guessed = false;  // the password was wrong, or there is no such user
    xmpp::Jid account;     // whose it was to be; may be empty
  };
  // <auth/>, <response/> or <abort/> from the client. Errors of the store come out as
  // <temporary-auth-failure/>.
  Task<Step> handle(xml::DocumentPtr element);

  // True once the client has guessed too often: `max_guesses` passwords that were wrong, or a
  // bounded number of attempts that never came to a password.
  [[nodiscard]] bool exhausted(int max_guesses) const;

 private:
  Task<Step> begin(xml::DocumentPtr element);
  Task<Step> client_first(std::string message);
  Task<Step> client_final(std::string message);
  Task<Step> plain(std::string message);
  Step failure(std::string_view condition);
  Step wrong_password(std::string_view condition);
  // The password was right; the account may be disabled all the same.
  Task<Step> success(std::string additional_data);
  [[nodiscard]] std::optional<xmpp::Jid> account_of(const std::string& username) const;
  [[nodiscard]] bool acceptable_authzid(const std::string& authzid, const xmpp::Jid& account) const;

  core::Authenticator& authenticator_;
  std::string host_;
  Refuses refuses_;
  bool secure_;
  std::vector<xmpp::sasl::ChannelBinding> bindings_;
  std::vector<std::string> mechanisms_;  // in order of preference

  // The attempt under way.
  std::string mechanism_;
  xmpp::sasl::ScramHash hash_ = xmpp::sasl::ScramHash::sha1;
  std::optional<xmpp::sasl::ScramServer> scram_;
  bool awaiting_initial_ = false;  // <auth/> came without initial response
  bool awaiting_final_ = false;
  std::string username_;
  xmpp::Jid account_;
  // A client that has tried a -PLUS mechanism saw that we offer them, so its "y" (I could bind a
  // channel, you can't) is not the mark of a downgrade but of a client that knows no type of ours.
  bool plus_failed_ = false;
  bool allow_unbound_after_plus_;  // and whether that is to count
  int wrong_passwords_ = 0;
  int failures_ = 0;  // of any kind
};

}  // namespace starling::stream
