#include "bus/nats_connection.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace starling::bus {

namespace {

// Bounds what a call may block: one write, and one attempt to connect.
constexpr int kWriteDeadlineMs = 500;
constexpr int kConnectMs = 250;
constexpr int kPingMs = 1'000;
constexpr int kPingsOut = 2;
constexpr int kReconnectWaitMs = 100;
constexpr int kReconnectJitterMs = 50;

struct OptionsFree {
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
};
using Options = std::unique_ptr<natsOptions, OptionsFree>;

std::string last_error(natsConnection* connection) {
  const char* text = nullptr;
  const natsStatus status = natsConnection_GetLastError(connection, &text);
  if (text != nullptr && *text != '\0') return text;
  return status == NATS_OK ? "the connection ended" : natsStatus_GetText(status);
}

}  // namespace

// What callbacks use. It goes when libnats has promised that the last of them is over.
struct NatsConnection::State {
  Events events;

  std::mutex mutex;
  std::condition_variable last_has_come;
  int to_come = 1;  // ends of subscriptions, and the end of the connection
  bool was_lost = false;

  void one_has_come() {
    const std::lock_guard lock(mutex);
    --to_come;
    last_has_come.notify_all();  // under the lock: the waiter destroys this
  }

  static void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
    static_cast<State*>(closure)->events.message(Message(message));
  }
  static void on_connected(natsConnection*, void* closure) {
    static_cast<State*>(closure)->events.connected();
  }
  static void on_disconnected(natsConnection* connection, void* closure) {
    auto* state = static_cast<State*>(closure);
    {
      const std::lock_guard lock(state->mutex);
      state->was_lost = true;
    }
    state->events.disconnected(last_error(connection));
  }
  static void on_closed(natsConnection* connection, void* closure) {
    auto* state = static_cast<State*>(closure);
    state->events.closed(last_error(connection));
    state->one_has_come();
  }
  static void on_error(natsConnection*, natsSubscription*, natsStatus status, void* closure) {
    static_cast<State*>(closure)->events.failed(natsStatus_GetText(status));
  }
  static void on_complete(void* closure) { static_cast<State*>(closure)->one_has_come(); }

  natsStatus fill(natsOptions* options, const std::vector<std::string>& urls,
                  const std::string& user, const std::string& password);
};

natsStatus NatsConnection::State::fill(natsOptions* options, const std::vector<std::string>& urls,
                                       const std::string& user, const std::string& password) {
  std::vector<const char*> servers;
  servers.reserve(urls.size());
  for (const std::string& url : urls) servers.push_back(url.c_str());
  for (const natsStatus status : {
           natsOptions_SetServers(options, servers.data(), static_cast<int>(servers.size())),
           natsOptions_SetNoRandomize(options, true),
           user.empty() ? NATS_OK
                        : natsOptions_SetUserInfo(options, user.c_str(), password.c_str()),
           // Else each message waits a millisecond for a flusher.
           natsOptions_SetSendAsap(options, true),
           // Without it a publisher hangs for as long as the server does.
           natsOptions_SetWriteDeadline(options, kWriteDeadlineMs),
           natsOptions_SetTimeout(options, kConnectMs),
           natsOptions_SetPingInterval(options, kPingMs),
           natsOptions_SetMaxPingsOut(options, kPingsOut),
           natsOptions_SetMaxReconnect(options, -1),
           natsOptions_SetReconnectWait(options, kReconnectWaitMs),
           natsOptions_SetReconnectJitter(options, kReconnectJitterMs, kReconnectJitterMs),
           // A frame that comes late is worth less than one that is lost.
           natsOptions_SetReconnectBufSize(options, 0),
           natsOptions_SetIgnoreDiscoveredServers(options, true),
           natsOptions_SetNoEcho(options, true),
           natsOptions_SetFailRequestsOnDisconnect(options, true),
           // One thread delivers for all subscriptions, so that what one node sent keeps its order.
           natsOptions_UseGlobalMessageDelivery(options, true),
           natsOptions_SetRetryOnFailedConnect(options, true, on_connected, this),
           natsOptions_SetReconnectedCB(options, on_connected, this),
           natsOptions_SetDisconnectedCB(options, on_disconnected, this),
           natsOptions_SetClosedCB(options, on_closed, this),
           natsOptions_SetErrorHandler(options, on_error, this),
       }) {
    if (status != NATS_OK) return status;
  }
  return NATS_OK;
}

NatsConnection::NatsConnection(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<NatsConnection>> NatsConnection::open(
    const std::vector<std::string>& urls, const std::string& user, const std::string& password,
    const std::vector<std::string>& subjects, Events events) {
  auto state = std::make_unique<State>();
  state->events = std::move(events);
  natsOptions* made = nullptr;
  natsStatus status = natsOptions_Create(&made);
  const Options options(made);
  if (status == NATS_OK) status = state->fill(made, urls, user, password);
  if (status != NATS_OK) return fail(Errc::invalid, natsStatus_GetText(status));

  std::unique_ptr<NatsConnection> self(new NatsConnection(std::move(state)));
  status = self->dial(made);
  const bool is_connected = status == NATS_OK;
  if (status == NATS_NOT_YET_CONNECTED) status = NATS_OK;
  for (const std::string& subject : subjects) {
    if (status == NATS_OK) status = self->subscribe(subject);
  }
  if (status != NATS_OK) return fail(Errc::unavailable, natsStatus_GetText(status));
  if (is_connected) {
    // There is no callback for the first time. What was lost meanwhile reports for itself.
    const std::lock_guard lock(self->state_->mutex);
    if (!self->state_->was_lost) self->state_->events.connected();
  }
  return self;
}

natsStatus NatsConnection::dial(natsOptions* options) {
  const natsStatus status = natsConnection_Connect(&connection_, options);
  // Without a connection nobody can say whether a callback is still to come (if libnats could make
  // no thread it is): rather lose these few bytes.
  if (connection_ == nullptr) [[maybe_unused]]
    State* lost = state_.release();
  return status;
}

natsStatus NatsConnection::subscribe(const std::string& subject) {
  natsSubscription* subscription = nullptr;
  natsStatus status = natsConnection_Subscribe(&subscription, connection_, subject.c_str(),
                                               State::on_message, state_.get());
  if (status != NATS_OK) return status;
  subscriptions_.push_back(subscription);
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->to_come;
  }
  status = natsSubscription_SetOnCompleteCB(subscription, State::on_complete, state_.get());
  // The connection was closed meanwhile, and with it the subscription.
  if (status != NATS_OK) state_->one_has_come();
  return status;
}

NatsConnection::~NatsConnection() {
  if (connection_ == nullptr) return;
  // In this order: libnats 3.4.1 crashes if a subscription goes while its reader is at work
  // (nats.c issue 637).
  natsConnection_Close(connection_);
  {
    std::unique_lock lock(state_->mutex);
    state_->last_has_come.wait(lock, [this] { return state_->to_come == 0; });
  }
  for (natsSubscription* subscription : subscriptions_) natsSubscription_Destroy(subscription);
  natsConnection_Destroy(connection_);
}

bool NatsConnection::publish(const std::string& subject, std::string_view bytes) {
  return natsConnection_Publish(connection_, subject.c_str(), bytes.data(),
                                static_cast<int>(bytes.size())) == NATS_OK;
}

}  // namespace starling::bus
