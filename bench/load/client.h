// Client: one session, of XMPP or of the relay, from connecting to its end.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "loop.h"
#include "options.h"
#include "scram.h"
#include "socket.h"

namespace load {

class Client;

// A workload, as its clients see it.
class Audience {
 public:
  virtual ~Audience() = default;
  // Logged in, roster read, available.
  virtual void on_ready(Client&) {}
  // A stanza to a client that is ready.
  virtual void on_stanza(Client&, std::string_view /*name*/, std::string_view /*text*/) {}
  // After close().
  virtual void on_closed(Client&) {}
};

class Client : public Handler {
 public:
  // `group` is who hears it at the relay.
  Client(Loop& loop, const Options& options, Audience& audience, unsigned number, unsigned group);

  void connect();
  // Leaves when what has just been read is done with: answers to one read share a system call.
  void send(std::string_view stanza);
  // Says good-bye, and waits for the server's.
  void close();

  [[nodiscard]] unsigned number() const { return number_; }
  [[nodiscard]] const std::string& user() const { return user_; }
  // Neither there yet, nor on its way out or gone.
  [[nodiscard]] bool is_logging_in() const { return stage_ < Stage::ready; }
  [[nodiscard]] bool is_closed() const { return stage_ == Stage::closed; }
  [[nodiscard]] bool was_resumed() const { return was_resumed_; }

  void on_event(bool writable) override;
  // OpenSSL has a session of this connection for the next one.
  void keep(TlsSession session) { tls_session_ = std::move(session); }

 private:
  enum class Stage {
    joining,
    features,
    proceed,
    challenge,
    success,
    bind,
    session,
    roster,
    confirm,
    ready,
    closing,
    closed
  };

  void start_tls();
  void open_stream();
  void read();
  void flush();
  void received(std::string_view bytes);
  void on_element(std::string_view name, std::string_view text);
  void on_features(std::string_view text);
  void on_result(std::string_view name, std::string_view text);
  void answer(std::string_view request);
  void ready();
  void end();
  [[noreturn]] void fail(std::string_view what) const;

  Loop& loop_;
  const Options& options_;
  Audience& audience_;
  unsigned number_;
  unsigned group_;
  std::string user_;
  Socket socket_;
  Stage stage_ = Stage::closed;
  bool authenticated_ = false;
  bool wants_session_ = false;
  bool in_event_ = false;
  bool watching_writes_ = false;
  bool was_resumed_ = false;
  std::unique_ptr<Scram> scram_;
  std::string rest_;  // of an element that has not come as a whole
  TlsSession tls_session_;
};

// For the clients' connections; their sessions are resumed if `resume`.
TlsContext client_tls(bool resume);

}  // namespace load
