#include "sim/stream.h"

#include <utility>

#include "base/pause.h"
#include "core/remote.h"
#include "sim/device.h"
#include "sim/node.h"
#include "sim/world.h"
#include "xmpp/receipt.h"

namespace starling::sim {

using xmpp::Stanza;
using xmpp::StanzaKind;
using xmpp::StanzaType;

namespace {

constexpr std::chrono::seconds kNoteAgain{1};

// A receipt that is let go on its own loop only: others may be another machine's, on this thread.
class ReceiptOfLoop final : public xmpp::Receipt {
 public:
  ReceiptOfLoop(SimLoop& loop, xmpp::ReceiptPtr inner) : loop_(loop), inner_(std::move(inner)) {}
  ~ReceiptOfLoop() override {
    if (EventLoop::current() != &loop_) loop_.post([inner = std::move(inner_)] {});
  }
  ReceiptOfLoop(const ReceiptOfLoop&) = delete;
  ReceiptOfLoop& operator=(const ReceiptOfLoop&) = delete;

  std::string archiving(std::uint64_t id) override { return inner_->archiving(id); }
  void not_archived() override { inner_->not_archived(); }

 private:
  SimLoop& loop_;
  xmpp::ReceiptPtr inner_;
};

// What marks bear of it, the beginning, differs.
std::string resumption_id(std::uint64_t number) {
  std::string id = std::to_string(number);
  if (id.size() < core::ArchiveMark::kTagBytes)
    id.insert(0, core::ArchiveMark::kTagBytes - id.size(), '0');
  return id;
}

}  // namespace

Stream::Stream(World& world, Node& node, Device& device, bool managed)
    : world_(world),
      node_(node),
      device_(device),
      managed_(managed),
      jid_(device.jid()),
      index_(node.server().home_of(device.jid().bare())),
      id_(resumption_id(world.next_number())) {}

core::Worker& Stream::worker() {
  return node_.server().worker(index_);
}

SimLoop& Stream::loop() {
  return node_.worker_loop(index_);
}

// --- its life ---

void Stream::bind(std::shared_ptr<Connection> connection) {
  bound_at_ = world_.clock().now();
  connection_ = std::move(connection);
  if (!node_.listening()) {
    to_client([](Device& device) { device.refused(); });
    return close();
  }
  use(std::make_shared<stream::StreamManagement>(loop()));
  worker().turns().run(jid_.bare(),
                       [self = shared_from_this()] { return self->bind_in_turn(self); });
}

// The frame keeps the stream.
Task<void> Stream::bind_in_turn(std::shared_ptr<Stream> /*self*/) {
  if (connection_ == nullptr || over_) co_return close();
  const auto bound = co_await worker().bind(jid_, *this);
  if (!bound) {
    to_client([](Device& device) { device.refused(); });
    co_return close();
  }
  if (connection_ == nullptr || over_) {
    worker().unbind(**bound);
    co_return close();
  }
  session_ = *bound;
  const auto home = node_.cluster().homes().find(jid_.bare());
  tell("bound; at home at " + std::to_string(home ? home->node : 0));
  to_client([](Device& device) { device.bound(); });
}

void Stream::tell(std::string_view what) {
  world_.detail([&] {
    return jid_.str() + "@" + std::to_string(node_.machine()) + ": " + std::string(what);
  });
}

void Stream::unbind() {
  if (session_ != nullptr) tell("unbound");
  if (session_ != nullptr) forget_note();
  if (session_ != nullptr) worker().unbind(*std::exchange(session_, nullptr));
  close();
}

void Stream::close() {
  over_ = true;
  if (detached_timer_ != 0) loop().cancel(std::exchange(detached_timer_, 0));
  std::erase(node_.streams, shared_from_this());
}

void Stream::connection_lost(const std::shared_ptr<Connection>& connection) {
  if (resuming_ == connection) resuming_ = nullptr;
  if (connection_ != connection) return;
  connection_ = nullptr;
  if (session_ == nullptr) return;
  tell("loses its connection");
  if (!managed_) return unbind();
  detached_timer_ =
      loop().run_after(world_.resume_timeout(), [self = shared_from_this()] { self->unbind(); });
}

void Stream::shut_down() {
  if (over_) return;
  if (session_ == nullptr) {
    over_ = true;  // being bound
    return to_client([](Device& device) { device.refused(); });
  }
  unbind();
  to_client([](Device& device) { device.ended("system-shutdown"); });
}

// --- parked in the store (core/parking.h) ---

void Stream::leave(core::Leaving why) {
  if (over_ || session_ == nullptr || !managed_) return shut_down();
  leaving_ = true;
  between_homes_ = session_->visiting && why == core::Leaving::home && node_.listening();
  park_if_ready();
}

void Stream::park_if_ready() {
  if (!leaving_ || state_->in_hand() > 0 || state_->noting() || session_ == nullptr) return;
  if (session_->visiting) {
    core::StreamState state = state_to_park();
    state.queue.assign(queue_.begin(), queue_.end());
    return worker().remote().visitors().park(*session_, state);
  }
  worker().turns().run(jid_.bare(),
                       [self = shared_from_this()] { return self->park_in_turn(self); });
}

core::StreamState Stream::state_to_park() const {
  core::StreamState state;
  state.id = id_;
  state.handled = state_->handled();
  state.sent = acknowledged_ + static_cast<std::uint32_t>(queue_.size());
  state.timeout = std::chrono::duration_cast<std::chrono::seconds>(world_.resume_timeout());
  return state;
}

Task<void> Stream::park_in_turn(std::shared_ptr<Stream> /*self*/) {
  if (session_ == nullptr) co_return;
  core::StreamState state = state_to_park();
  state.queue = take_unacknowledged();
  const core::Session& session = *std::exchange(session_, nullptr);
  tell("is parked");
  co_await worker().parking().park({session.jid, session.id}, std::move(state));
  if (over_) co_return;
  to_client([](Device& device) { device.ended("system-shutdown"); });
  close();
}

void Stream::resume_parked(std::shared_ptr<Connection> connection, std::string id,
                           std::uint32_t h) {
  bound_at_ = world_.clock().now();
  connection_ = std::move(connection);
  if (!node_.listening()) {
    to_client([](Device& device) { device.refused(); });
    return close();
  }
  worker().gate().spawn(claim(shared_from_this(), std::move(id), h));
}

Task<void> Stream::claim(std::shared_ptr<Stream> self, std::string id, std::uint32_t h) {
  auto parked = co_await worker().parking().claim(jid_.to_bare(), id);
  if (!parked) {
    // A server fetches a session from the node that has it (stream/c2s_takeover.cc), which is not
    // simulated. It asks what is left of it only if there is no such node.
    std::optional<std::uint32_t> handled;
    if (!world_.has_living_session(id)) {
      handled = co_await worker().remains().take(jid_.to_bare(), id);
    }
    to_client([handled](Device& device) { device.not_resumed(handled); });
    co_return close();
  }
  worker().turns().run(jid_.bare(), [self, h, parked = std::move(*parked)]() mutable {
    return self->bind_parked(self, std::move(parked), h);
  });
}

Task<void> Stream::bind_parked(std::shared_ptr<Stream> /*self*/, core::ParkedSession parked,
                               std::uint32_t h) {
  if (parked.jid != jid_) world_.violated(jid_.str() + " claimed " + parked.jid.str());
  const auto bound = co_await worker().bind(jid_, *this, &parked);
  if (!bound) {
    to_client([](Device& device) { device.not_resumed(std::nullopt); });
    close();
    co_return co_await worker().parking().end(std::move(parked));
  }
  if (connection_ == nullptr || over_) {
    worker().unbind(**bound);
    co_return close();
  }
  session_ = *bound;
  id_ = parked.stream.id;
  told_ = parked.stream.handled;
  go_on_with(std::move(parked));
  tell("resumed from the store");
  client_has(h);
  if (session_ == nullptr) co_return;
  to_client([handled = told_](Device& device) { device.resumed(handled); });
  for (const Stanza& stanza : queue_) send(stanza);
  worker().active(*session_);
  if (session_->visiting) worker().remote().visitors().settled(*session_);
}

// As C2sStream::go_on_with.
void Stream::go_on_with(core::ParkedSession parked) {
  const std::uint32_t handled = parked.stream.handled;
  use(std::make_shared<stream::StreamManagement>(loop(), handled, 0, std::vector<Stanza>()));
  state_->noted(handled);
  noted_ = true;
  if (!session_->visiting) parked.send_missed();
  std::uint64_t number = 0;
  queue_.clear();
  for (Stanza& stanza : parked.stream.queue) {
    if (session_->visiting) stanza.set_archive_id(++number);
    queue_.push_back(std::move(stanza));
  }
  acknowledged_ = parked.stream.sent - static_cast<std::uint32_t>(queue_.size());
}

Task<void> Stream::find_new_home(std::shared_ptr<Stream> self) {
  auto parked = co_await worker().parking().claim(jid_.to_bare(), id_);
  if (!parked) {
    between_homes_ = false;
    co_return end(xmpp::StreamCondition::system_shutdown, "");
  }
  worker().turns().run(jid_.bare(), [self, parked = std::move(*parked)]() mutable {
    return self->settle_at_new_home(self, std::move(parked));
  });
}

Task<void> Stream::settle_at_new_home(std::shared_ptr<Stream> /*self*/,
                                      core::ParkedSession parked) {
  const auto bound = co_await worker().bind(jid_, *this, &parked);
  between_homes_ = leaving_ = false;
  if (!bound) {
    co_await worker().parking().end(std::move(parked));
    co_return end(xmpp::StreamCondition::system_shutdown, "");
  }
  if (over_) co_return worker().unbind(**bound);
  session_ = *bound;
  tell("has a new home");
  world_.rehomed();
  const std::size_t known = acknowledged_ + queue_.size();
  go_on_with(std::move(parked));
  plan_answer();
  for (std::size_t i = known - acknowledged_; i < queue_.size(); ++i) send(queue_[i]);
  if (session_->visiting) worker().remote().visitors().settled(*session_);
  for (const auto& read : std::exchange(unread_, {})) read();
  if (connection_ != nullptr || session_ == nullptr || detached_timer_ != 0) co_return;
  detached_timer_ =
      loop().run_after(world_.resume_timeout(), [self = shared_from_this()] { self->unbind(); });
}

void Stream::node_crashed() {
  over_ = true;
  session_ = nullptr;
  state_ = nullptr;
  for (const auto& connection : {connection_, resuming_}) {
    if (connection == nullptr || !connection->open) continue;
    const Duration noticed = world_.clock().random().between({}, std::chrono::milliseconds(3'000));
    world_.clock().after(noticed, [connection, device = &device_] {
      connection->open = false;
      if (device->connection() == connection) device->connection_lost();
    });
  }
}

// --- from the client ---

void Stream::came(const std::string& xml, int message) {
  if (between_homes_) return unread_.push_back([this, xml, message] { came(xml, message); });
  if (over_ || session_ == nullptr || leaving_) return;
  auto stanza = Stanza::parse(xml);
  if (message != 0) tell("sends m" + std::to_string(message) + " to " + stanza->to().str());
  messages_.push_back(message);
  stanza->set_receipt({new ReceiptOfLoop(loop(), state_->received())});
  if (worker().router().submit(*session_, std::move(*stanza)) !=
      core::Router::Submitted::accepted) {
    world_.violated(jid_.str() + ": a stanza was refused as another's");
  }
}

void Stream::use(std::shared_ptr<stream::StreamManagement> state) {
  state_ = std::move(state);
  noted_ = false;
  if (managed_) state_->resumable_by(id_);
  state_->on_progress([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->plan_answer();
  });
}

void Stream::plan_answer() {
  if (std::exchange(answer_planned_, true)) return;
  loop().at_turn_end([self = shared_from_this()] { self->answer(); });
}

// Not at once: a session that ends now acknowledges nothing any more.
void Stream::answer() {
  answer_planned_ = false;
  if (session_ == nullptr) return;
  if (!leaving_ && resuming_ == nullptr) note();
  if (!managed_ || noted_) count_up_to(state_->told());
  if (managed_) {
    to_client([h = told_](Device& device) { device.acknowledged(h); });
  }
  park_if_ready();
  resume_if_ready();
}

void Stream::count_up_to(std::uint32_t h) {
  for (; told_ < h; ++told_) {
    const int message = messages_.front();
    messages_.pop_front();
    if (!managed_ || message == 0) continue;
    tell("has its m" + std::to_string(message) + " acknowledged");
    world_.acknowledged(message);
  }
}

void Stream::note() {
  if (session_ == nullptr || !state_->to_note() || state_->noting()) return;
  worker().gate().spawn(write_note(shared_from_this()));
}

Task<void> Stream::write_note(std::shared_ptr<Stream> /*self*/) {
  const auto state = state_;
  const auto last = session_->visiting ? core::Remains::kNoMarks : worker().archive().last_id();
  const core::Remains::Note note = state->begin_note(last);
  const bool written = co_await worker().remains().write(jid_.to_bare(), id_, note);
  if (!written) co_await pause(loop(), kNoteAgain);
  noted_ = noted_ || written;
  state->noted(note.handled, written);
}

void Stream::forget_note() {
  if (state_ == nullptr || !state_->to_forget()) return;
  worker().remains().erase(jid_.to_bare(), id_);
  state_->forgotten();
}

void Stream::client_has(std::uint32_t h) {
  if (between_homes_) return unread_.push_back([this, h] { client_has(h); });
  if (session_ == nullptr || leaving_) return;
  std::vector<core::ArchiveId> archived;
  for (; acknowledged_ < h && !queue_.empty(); ++acknowledged_) {
    const Stanza& stanza = queue_.front();
    if (stanza.archive_id() != 0) archived.push_back(stanza.archive_id());
    const std::string xml = stanza.to_xml();
    if (const std::string id = stanza_id_of(xml); !id.empty()) {
      tell("has m" + std::to_string(message_in(xml)) + " " + id);
      world_.client_acknowledged(device_, id);
    }
    queue_.pop_front();
  }
  if (!archived.empty()) worker().acknowledged(*session_, archived);
}

void Stream::resume(std::shared_ptr<Connection> connection, std::uint32_t h) {
  if (over_ || session_ == nullptr || leaving_) {
    return send_on(std::move(connection), [](Device& device) { device.not_resumed(std::nullopt); });
  }
  resuming_ = std::move(connection);
  resuming_h_ = h;
  resume_if_ready();
}

// The client sends again what <resumed/> does not count, so first all of it is dealt with.
void Stream::resume_if_ready() {
  if (resuming_ == nullptr || session_ == nullptr) return;
  if (leaving_) {
    return send_on(std::exchange(resuming_, nullptr),
                   [](Device& device) { device.not_resumed(std::nullopt); });
  }
  if (state_->in_hand() > 0 || state_->noting()) return;
  if (state_->to_note()) return note();
  tell("resumed");
  connection_ = std::exchange(resuming_, nullptr);
  if (detached_timer_ != 0) loop().cancel(std::exchange(detached_timer_, 0));
  client_has(resuming_h_);
  if (session_ == nullptr) return;
  count_up_to(state_->handled());
  to_client([h = told_](Device& device) { device.resumed(h); });
  for (const Stanza& stanza : queue_) send(stanza);
  worker().active(*session_);
}

// --- to the client ---

void Stream::send_on(std::shared_ptr<Connection> connection, std::function<void(Device&)> told) {
  TimePoint& last = connection->last_down;
  last = std::max(last, world_.clock().now() + world_.wire());
  world_.clock().at(
      last, [connection = std::move(connection), device = &device_, told = std::move(told)] {
        if (connection->open && device->connection() == connection) told(*device);
      });
}

void Stream::to_client(std::function<void(Device&)> told) {
  if (connection_ != nullptr) send_on(connection_, std::move(told));
}

void Stream::send(const Stanza& stanza) {
  to_client([xml = stanza.to_xml()](Device& device) { device.received(xml); });
}

bool Stream::deliver(const Stanza& stanza) {
  if (stanza.kind() == StanzaKind::message) look_at(stanza);
  if (stanza.type() == StanzaType::unavailable) world_.told_gone(stanza.from().str());
  send(stanza);
  if (!managed_) return false;
  queue_.push_back(stanza);
  queue_.back().drop_receipt();
  return true;
}

void Stream::look_at(const Stanza& stanza) {
  if (stanza.type() == StanzaType::error) return world_.answered(number_of(stanza.id()));
  const std::string xml = stanza.to_xml();
  const std::string id = stanza_id_of(xml);
  if (id.empty()) return;
  tell("gets m" + std::to_string(message_in(xml)) + " " + id);
  world_.handed(device_, bound_at_, id, !delivered_.insert(id).second);
}

std::vector<Stanza> Stream::take_unacknowledged() {
  forget_note();
  std::vector<Stanza> taken(std::make_move_iterator(queue_.begin()),
                            std::make_move_iterator(queue_.end()));
  queue_.clear();
  return taken;
}

void Stream::end(xmpp::StreamCondition condition, std::string_view /*text*/) {
  session_ = nullptr;  // unbound by whoever ends it
  const bool moves = between_homes_ && condition == xmpp::StreamCondition::system_shutdown;
  if (moves && worker().gate().spawn(find_new_home(shared_from_this()))) return;
  between_homes_ = false;
  tell("is ended: " + std::string(xmpp::to_string(condition)));
  to_client([why = std::string(xmpp::to_string(condition))](Device& device) { device.ended(why); });
  loop().post([self = shared_from_this()] { self->close(); });
}

}  // namespace starling::sim
