#include "survivor.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "log_in.h"
#include "xml.h"

namespace load {

namespace {

constexpr std::string_view kSm = "xmlns='urn:xmpp:sm:3'";
constexpr std::string_view kRequest = "<r xmlns='urn:xmpp:sm:3'/>";
constexpr std::int64_t kPatienceNs = 20'000'000'000;  // with a server that does not answer
constexpr std::int64_t kPauseNs = 200'000'000;        // when no server takes it
constexpr std::int64_t kAskNs = 1'000'000'000;

std::uint32_t number_in(std::string_view digits) {
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

}  // namespace

Survivor::Survivor(Loop& loop, const Options& options, const std::vector<Address>& servers,
                   Witness& witness, unsigned number, bool managed)
    : loop_(loop),
      options_(options),
      servers_(servers),
      witness_(witness),
      number_(number),
      managed_(managed),
      user_(options.user_prefix + std::to_string(options.first + number)),
      random_(number + 1),
      server_(number % servers.size()) {}

void Survivor::connect() {
  server_ %= servers_.size();  // there may be fewer than before
  const Address server = redirected_ ? *redirected_ : servers_[server_];
  redirected_.reset();
  began_ns_ = now_ns();
  const int fd = connect_to(server, options_.first + number_);
  stage_ = Stage::features;
  if (fd < 0) return lost("connection refused");
  socket_.open(fd);
  authenticated_ = false;
  rest_.clear();
  socket_.queue(kHeader);
  // It is sent when the connection is there, which is when it can be written to.
  watching_writes_ = true;
  loop_.add(fd, *this, true);
}

void Survivor::tick(std::int64_t now) {
  if (stage_ == Stage::away) {
    // Who has lost his stream goes on with it before he logs out.
    if (!is_gone() && now >= retry_ns_) connect();
  } else if (stage_ != Stage::ready) {
    if (now - began_ns_ > kPatienceNs) lost("no answer");
  } else if (!wanted_ && unacknowledged_.empty()) {
    log_out();
  } else if (managed_ && !unacknowledged_.empty() && now - asked_ns_ > kAskNs) {
    asked_ns_ = now;
    socket_.queue(kRequest);
    flush();
  }
}

void Survivor::on_event(bool writable) {
  if (!socket_.is_open()) return;
  if (writable) flush();
  read();
  if (socket_.is_open()) flush();
}

void Survivor::read() {
  static std::array<char, 65536> buffer;
  ssize_t count = 0;
  do {
    if (!socket_.is_open()) return;
    count = socket_.read(buffer);
    if (count < 0) return lost(stage_ == Stage::ready ? "closed" : "closed in log-in");
    if (count > 0) received({buffer.data(), static_cast<std::size_t>(count)});
  } while (count == static_cast<ssize_t>(buffer.size()));
}

void Survivor::flush() {
  if (!socket_.is_open()) return;
  // What is broken is read to its end first: there may be the reason why.
  if (!socket_.flush()) return;
  if (socket_.wants_write() == watching_writes_) return;
  watching_writes_ = socket_.wants_write();
  loop_.watch(socket_.fd(), *this, watching_writes_);
}

void Survivor::received(std::string_view bytes) {
  std::string data = std::exchange(rest_, {});
  data.append(bytes);
  const std::size_t done =
      split(data, [this](std::string_view name, std::string_view text) { on_element(name, text); });
  if (stage_ != Stage::away) rest_ = data.substr(done);
}

void Survivor::on_element(std::string_view name, std::string_view text) {
  if (stage_ == Stage::away) return;  // behind what broke the stream
  if (name == "/stream:stream") return lost("stream ended");
  if (name == "stream:error") return on_error(text);
  switch (stage_) {
    case Stage::away:
    case Stage::leaving:
      return;
    case Stage::features:
      if (name == "stream:features") on_features(text);
      return;
    case Stage::challenge:
      if (name != "challenge") return lost("SASL failure");
      socket_.queue(response(*scram_, text));
      stage_ = Stage::success;
      return;
    case Stage::success:
      if (name != "success") return lost("SASL failure");
      scram_.reset();
      authenticated_ = true;
      socket_.queue(kHeader);
      stage_ = Stage::features;
      return;
    case Stage::resume:
      if (name == "resumed") {
        acknowledged(attribute(text, "h"));
        return resumed();
      }
      if (name != "failed") return;
      acknowledged(attribute(text, "h"));  // if it says so
      id_.clear();
      return on_features({});
    case Stage::bind:
      if (name != "iq") return;
      if (attribute(text, "type") != "result") return lost("bind refused");
      if (!managed_) return begin_session();
      socket_.queue("<enable " + std::string(kSm) + " resume='true'/>");
      stage_ = Stage::enable;
      return;
    case Stage::enable:
      if (name == "failed") return lost("enable refused");
      if (name != "enabled") return;
      id_ = attribute(text, "id");
      return begin_session();
    case Stage::ready:
      return on_ready(name, text);
  }
}

void Survivor::on_features(std::string_view text) {
  if (!authenticated_) {
    if (text.find(">SCRAM-SHA-1<") == text.npos) die("the server does not offer SCRAM-SHA-1");
    scram_ = std::make_unique<Scram>(user_, options_.password);
    socket_.queue(auth(*scram_));
    stage_ = Stage::challenge;
  } else if (!id_.empty()) {
    socket_.queue("<resume " + std::string(kSm) + " h='" + std::to_string(handled_) + "' previd='" +
                  id_ + "'/>");
    stage_ = Stage::resume;
  } else {
    socket_.queue(kBind);
    stage_ = Stage::bind;
  }
}

void Survivor::resumed() {
  told_ = handled_;
  for (const Sent& stanza : unacknowledged_) {
    if (stanza.message != kNone) witness_.on_sent_again(stanza.message);
    socket_.queue(stanza.text);
  }
  if (!unacknowledged_.empty()) socket_.queue(kRequest);
  stage_ = Stage::ready;
  refusals_ = 0;
  witness_.on_back(*this, true);
}

void Survivor::begin_session() {
  std::deque<Sent> again = std::exchange(unacknowledged_, {});
  ++session_;
  told_before_ = std::exchange(told_, 0);
  handled_ = counted_ = 0;
  stage_ = Stage::ready;
  refusals_ = 0;
  witness_.on_back(*this, false);
  ask("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
  ask("<presence/>");
  for (Sent& stanza : again) {
    if (stanza.message == kNone) continue;
    witness_.on_sent_again(stanza.message);
    send(std::move(stanza));
  }
}

void Survivor::send(Sent stanza) {
  socket_.queue(stanza.text);
  if (managed_) {
    unacknowledged_.push_back(std::move(stanza));
    // Every second time; else when a second is over.
    if (std::exchange(asks_at_once_, !asks_at_once_)) {
      asked_ns_ = now_ns();
      socket_.queue(kRequest);
    }
  }
  flush();
}

void Survivor::on_ready(std::string_view name, std::string_view text) {
  if (name == "r") return acknowledge();
  if (name == "a") return acknowledged(attribute(text, "h"));
  if (name != "message" && name != "presence" && name != "iq") return;
  ++handled_;
  if (name == "iq" && attribute(text, "type") == "get") {
    std::string answer = "<iq type='result' id='" + std::string(attribute(text, "id")) + "'";
    if (const auto from = attribute(text, "from"); !from.empty()) {
      answer.append(" to='").append(from).append("'");
    }
    return ask(answer.append("/>"));
  }
  witness_.on_stanza(*this, name, text);
}

// What comes from now on is for its next session.
void Survivor::log_out() {
  if (managed_) acknowledge();
  socket_.queue("</stream:stream>");
  id_.clear();
  stage_ = Stage::leaving;
  began_ns_ = now_ns();
  flush();
}

void Survivor::acknowledge() {
  told_ = handled_;
  socket_.queue("<a " + std::string(kSm) + " h='" + std::to_string(handled_) + "'/>");
}

void Survivor::acknowledged(std::string_view h) {
  if (h.empty()) return;
  const std::uint32_t count = number_in(h) - counted_;
  if (count > unacknowledged_.size()) die(user_ + ": h='" + std::string(h) + "' is too high");
  for (std::uint32_t i = 0; i < count; ++i) {
    if (const auto message = unacknowledged_[i].message; message != kNone) {
      witness_.on_acknowledged(message);
    }
  }
  unacknowledged_.erase(unacknowledged_.begin(), unacknowledged_.begin() + count);
  counted_ += count;
}

void Survivor::on_error(std::string_view text) {
  const std::size_t condition = text.find('<', 1);
  const std::string_view name = name_of(text.substr(condition));
  if (name == "see-other-host") {
    const std::string address(text_of(text, "<see-other-host"));
    const std::size_t colon = address.rfind(':');
    if (colon == address.npos) die("see-other-host: " + address);
    redirected_ = {address.substr(0, colon),
                   static_cast<int>(number_in(address.substr(colon + 1)))};
  }
  lost(name);
}

void Survivor::lost(std::string_view why) {
  const bool was_back = stage_ == Stage::ready;
  const bool logged_out = stage_ == Stage::leaving;
  stage_ = Stage::away;
  socket_.close();
  scram_.reset();
  if (logged_out) return;
  witness_.on_lost(*this, was_back, why);
  retry_ns_ = now_ns();
  if (was_back) {
    // The names of a host may be tried in any order; only not first the one that has just gone.
    const std::size_t others = servers_.size() - 1;
    if (others > 0) server_ = (server_ + 1 + random_() % others) % servers_.size();
  } else {
    try_next();
  }
  const auto known = std::ranges::find(servers_, redirected_.value_or(Address()));
  if (known != servers_.end()) {
    server_ = static_cast<std::size_t>(known - servers_.begin());
  }
}

// The first pause is when all have been tried.
void Survivor::try_next() {
  server_ = (server_ + 1) % servers_.size();
  if (++refusals_ % servers_.size() == 0) retry_ns_ += kPauseNs;
}

}  // namespace load
