#include "sim/device.h"

#include <algorithm>
#include <utility>

#include "sim/node.h"
#include "sim/world.h"

namespace starling::sim {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kServerNotices{4'000};  // that a connection is lost; at most so late
constexpr milliseconds kPatience{15'000};      // with a server that does not answer

std::string attribute(const std::string& xml, std::string_view name) {
  const std::string begin = " " + std::string(name) + "='";
  const auto at = xml.find(begin);
  if (at == std::string::npos) return {};
  const auto from = at + begin.size();
  return xml.substr(from, xml.find('\'', from) - from);
}

}  // namespace

int number_of(std::string_view text) {
  int number = 0;
  if (!text.starts_with('m')) return 0;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + (c - '0');
  }
  return number;
}

int message_in(const std::string& xml) {
  const auto begin = xml.find("<body>");
  const auto end = xml.find("</body>");
  if (begin == std::string::npos || end == std::string::npos) return 0;
  return number_of(std::string_view(xml).substr(begin + 6, end - begin - 6));
}

std::string stanza_id_of(const std::string& xml) {
  const auto at = xml.find("<stanza-id ");
  return at == std::string::npos ? std::string() : attribute(xml.substr(at), "id");
}

Device::Device(World& world, Account& account, std::string resource, bool managed)
    : world_(world),
      account_(account),
      jid_(*account.jid.with_resource(resource)),
      managed_(managed) {}

bool Device::quiet() const {
  if (!wanted_) return state_ == State::offline;
  return state_ == State::online && waiting_.empty() &&
         (!managed_ || (unacknowledged_.empty() && !planned_));
}

void Device::want(bool connected) {
  wanted_ = connected;
  if (connected && state_ == State::offline) return connect();
  if (connected || state_ != State::online) return;
  to_server([](Stream& stream) { stream.closed_by_client(); });
  // What it has said is on its way; what comes is not read any more.
  forget_session();
  state_ = State::offline;
  connection_ = nullptr;
}

// --- connections ---

void Device::connect() {
  retrying_ = false;
  if (!wanted_ || state_ != State::offline) return;
  // Mostly where it was, if it may hope to find its session there.
  Node* node = nullptr;
  if (resumable_ && stream_->at().running() && world_.clock().random().chance(70)) {
    node = &stream_->at();
  }
  if (node == nullptr) node = world_.some_node();
  if (node == nullptr) return connect_later();
  state_ = State::connecting;
  connection_ = std::make_shared<Connection>();
  look_after(connection_);
  if (resumable_ && &stream_->at() == node && stream_->session() != nullptr) {
    to_server([connection = connection_, h = received_](Stream& stream) {
      stream.resume(connection, h);
    });
  } else if (resumable_) {
    // It may have been parked.
    stream_ = std::make_shared<Stream>(world_, *node, *this, managed_);
    node->streams.push_back(stream_);
    to_server([connection = connection_, id = session_, h = received_](Stream& stream) {
      stream.resume_parked(connection, id, h);
    });
  } else {
    bind_at(*node);
  }
}

void Device::bind_at(Node& node) {
  forget_session();
  stream_ = std::make_shared<Stream>(world_, node, *this, managed_);
  node.streams.push_back(stream_);
  to_server([connection = connection_](Stream& stream) { stream.bind(connection); });
}

void Device::forget_session() {
  stream_ = nullptr;
  resumable_ = false;
  std::erase_if(unacknowledged_, [](const Sent& sent) { return sent.message == 0; });
  if (!managed_) unacknowledged_.clear();
  for (Sent& sent : unacknowledged_) world_.sends_again(sent.message);
  waiting_.insert(waiting_.begin(), std::make_move_iterator(unacknowledged_.begin()),
                  std::make_move_iterator(unacknowledged_.end()));
  unacknowledged_.clear();
  first_ = received_ = 0;
  contacts_.clear();
}

void Device::connect_later() {
  if (std::exchange(retrying_, true)) return;
  world_.clock().after(world_.clock().random().between(milliseconds(50), milliseconds(2'000)),
                       [this] { connect(); });
}

void Device::look_after(const std::shared_ptr<Connection>& connection) {
  progress_ = world_.clock().now();
  world_.clock().after(kPatience / 3, [this, connection] { look_at_progress(connection); });
}

void Device::look_at_progress(const std::shared_ptr<Connection>& connection) {
  if (connection_ != connection) return;
  const TimePoint now = world_.clock().now();
  const bool due = state_ == State::connecting || (managed_ && !unacknowledged_.empty());
  if (!due) progress_ = now;
  if (now - progress_ >= kPatience) return drop();
  world_.clock().after(kPatience / 3, [this, connection] { look_at_progress(connection); });
}

void Device::drop() {
  if (connection_ == nullptr) return;
  connection_->open = false;
  world_.clock().after(
      world_.clock().random().between({}, kServerNotices),
      [stream = stream_, connection = connection_] {
        if (!stream->at().running()) return;
        stream->at().worker_loop(stream->worker_index()).post([stream, connection] {
          stream->connection_lost(connection);
        });
      });
  connection_lost();
}

void Device::connection_lost() {
  connection_ = nullptr;
  state_ = State::offline;
  if (!managed_) forget_session();
  if (wanted_) connect_later();
}

// --- what the server tells ---

void Device::bound() {
  world_.came_back(jid_, false);
  state_ = State::online;
  resumable_ = managed_;
  session_ = stream_->id();
  if (!wanted_) return want(false);
  transmit({0, "<presence/>"});
  for (Sent& sent : std::exchange(waiting_, {})) transmit(std::move(sent));
}

void Device::refused() {
  if (!resumable_) forget_session();
  connection_lost();
}

void Device::not_resumed(std::optional<std::uint32_t> h) {
  if (h) {
    if (*h < first_ || *h > first_ + unacknowledged_.size()) {
      world_.violated(jid_.str() + " is told that " + std::to_string(*h) + " were dealt with, of " +
                      std::to_string(first_) + " and " + std::to_string(unacknowledged_.size()));
    }
    world_.spared(*h - first_);
    while (first_ < *h && !unacknowledged_.empty()) {
      if (const int message = unacknowledged_.front().message; message != 0) {
        world_.acknowledged(message);
      }
      acknowledged(first_ + 1);
    }
  }
  Node& node = stream_->at();
  bind_at(node);
}

void Device::resumed(std::uint32_t h) {
  world_.came_back(jid_, true);
  state_ = State::online;
  acknowledged(h);
  for (const Sent& sent : unacknowledged_) pass_on(sent);
  if (!wanted_) return want(false);
  for (Sent& sent : std::exchange(waiting_, {})) transmit(std::move(sent));
}

void Device::ended(std::string_view why) {
  world_.detail([&] { return jid_.str() + " learns that it is ended: " + std::string(why); });
  connection_->open = false;
  if (resumable_ && why == "system-shutdown") {
    world_.left(jid_, contacts_.contains(jid_.str()));
  } else {
    forget_session();
  }
  connection_lost();
}

void Device::acknowledged(std::uint32_t h) {
  progress_ = world_.clock().now();
  for (; first_ < h && !unacknowledged_.empty(); ++first_) unacknowledged_.pop_front();
}

void Device::received(const std::string& xml) {
  ++received_;
  if (xml.starts_with("<message")) {
    if (const int number = message_in(xml); number != 0 && attribute(xml, "type") != "error") {
      world_.seen(*this, number, stanza_id_of(xml));
    }
  } else if (xml.starts_with("<presence")) {
    const std::string type = attribute(xml, "type");
    const std::string from = attribute(xml, "from");
    if (type.empty() || type == "unavailable") {
      world_.detail(
          [&] { return jid_.str() + " sees " + from + (type.empty() ? " come" : " go"); });
    }
    // The store was away: it is not available yet.
    if (type == "error" && from == jid_.to_bare().str()) {
      world_.clock().after(milliseconds(1'000), [this, session = session_] {
        if (state_ == State::online && session_ == session) transmit({0, "<presence/>"});
      });
    }
    if (type.empty()) contacts_[from] = true;
    if (type == "unavailable") contacts_.erase(from);
  }
  if (managed_) plan_acknowledgement();
}

void Device::plan_acknowledgement() {
  if (std::exchange(planned_, true)) return;
  Random& random = world_.clock().random();
  const milliseconds most(random.chance(5) ? 5'000 : 300);
  world_.clock().after(random.between({}, most), [this] {
    planned_ = false;
    if (state_ == State::online)
      to_server([h = received_](Stream& stream) { stream.client_has(h); });
  });
}

// --- what it says ---

void Device::send(int message, std::string xml) {
  if (state_ == State::online) return transmit({message, std::move(xml)});
  waiting_.push_back({message, std::move(xml)});
}

void Device::transmit(Sent sent) {
  pass_on(sent);
  if (managed_) unacknowledged_.push_back(std::move(sent));
}

void Device::pass_on(const Sent& sent) {
  to_server(
      [xml = sent.xml, message = sent.message](Stream& stream) { stream.came(xml, message); });
}

void Device::to_server(std::function<void(Stream&)> said) {
  TimePoint& last = connection_->last_up;
  last = std::max(last, world_.clock().now() + world_.wire());
  world_.clock().at(last, [connection = connection_, stream = stream_, said = std::move(said)] {
    if (!connection->open || !stream->at().running()) return;
    stream->at().worker_loop(stream->worker_index()).post([stream, said] { said(*stream); });
  });
}

}  // namespace starling::sim
