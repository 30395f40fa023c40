#include "node.h"

#include <stdexcept>
#include <utility>

#include "modules/registry.h"
#include "store/memory.h"
#include "xmpp/base64.h"
#include "xmpp/sasl/scram.h"
#include "xmpp/sasl/scram_test_client.h"

namespace starling::bench {

namespace {

constexpr std::string_view kHost = "example.org";
constexpr std::string_view kPassword = "pencil";
constexpr std::string_view kSalt = "salt of sixteen.";
constexpr std::uint32_t kIterations = 1;  // PBKDF2 is not what is measured here
// So many that two million are there before the first is asked whether it still is: these clients
// answer no ping.
constexpr std::size_t kLoginsPerSecond = 10'000;

// What is in a database takes no memory in a node. Here any name is an account, and what a node
// keeps about one is forgotten.
class NoMaps final : public store::Maps {
 public:
  Task<Result<std::optional<std::string>>> get(std::string, std::string, std::string) override {
    co_return std::nullopt;
  }
  Task<Result<std::vector<store::Entry>>> scan(std::string, std::string) override {
    co_return std::vector<store::Entry>();
  }
  Task<Result<>> apply(std::string, std::vector<store::Change>,
                       std::optional<store::Fence>) override {
    co_return Result<>{};
  }
};

class AnyAccount final : public store::Accounts {
 public:
  AnyAccount() {
    const auto keys =
        xmpp::sasl::derive_scram_keys(xmpp::sasl::ScramHash::sha1, kPassword, kSalt, kIterations);
    any_.host = kHost;
    any_.credentials = {
        {"SCRAM-SHA-1", keys.salt, keys.iterations, keys.stored_key, keys.server_key}};
  }
  Task<Result<store::Account>> find(std::string, std::string username) override {
    store::Account account = any_;
    account.username = std::move(username);
    co_return account;
  }
  Task<Result<>> create(store::Account) override { co_return fail(Errc::exists, ""); }
  Task<Result<>> set_credentials(std::string, std::string,
                                 std::vector<store::Credential>) override {
    co_return fail(Errc::invalid, "");
  }
  Task<Result<>> erase(std::string, std::string) override { co_return fail(Errc::invalid, ""); }
  Task<Result<std::vector<std::string>>> list(std::string, std::string, std::uint32_t) override {
    co_return std::vector<std::string>();
  }
  Task<Result<std::uint64_t>> count(std::string) override { co_return 0; }

 private:
  store::Account any_;
};

class BenchStore final : public store::Store {
 public:
  store::Accounts& accounts() override { return accounts_; }
  store::Maps& maps() override { return maps_; }
  store::Logs& logs() override { return rest_->logs(); }

 private:
  AnyAccount accounts_;
  NoMaps maps_;
  std::unique_ptr<store::Store> rest_ = store::open_memory();
};

std::string header() {
  return "<stream:stream to='" + std::string(kHost) +
         "' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
}

std::string sasl(std::string_view name, std::string_view data, std::string_view attributes = "") {
  return "<" + std::string(name) + " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'" +
         std::string(attributes) + ">" + xmpp::base64_encode(data) + "</" + std::string(name) + ">";
}

std::string content_of(std::string_view element) {
  const auto begin = element.find('>') + 1;
  return xmpp::base64_decode(element.substr(begin, element.find("</") - begin)).value_or("");
}

void expect(std::string_view answer, std::string_view part) {
  if (answer.contains(part)) return;
  throw std::runtime_error("expected " + std::string(part) + ", got " + std::string(answer));
}

Task<void> prepare(core::Server* server) {
  static_cast<void>(co_await server->prepare());
}

}  // namespace

Node::Node() : store_(std::make_unique<BenchStore>()) {
  options_->starttls_required = false;
  options_->shaper_before_auth = nullptr;
  const std::vector<std::string> hosts{std::string(kHost)};
  server_ = std::make_unique<core::Server>(*store_, pool_, hosts, modules::all(),
                                           std::vector<EventLoop*>{&loop_});
  services_.push_back(std::make_unique<stream::C2sService>(server_->worker(0), services_));
  loop_.inside([&] {
    services_[0]->start();
    server_->worker(0).gate().spawn(prepare(server_.get()));
  });
  settle();
}

Node::~Node() {
  for (const auto& connection : connections_) {
    loop_.inside([&] { connection->peer_resets(); });
  }
  settle();
}

std::string Node::full_jid(std::size_t user) {
  return "u" + std::to_string(user) + "@" + std::string(kHost) + "/r";
}

void Node::log_in(std::size_t sessions) {
  connections_.reserve(sessions);
  keeps_ = true;
  while (connections_.size() < sessions) {
    const std::string user = "u" + std::to_string(connections_.size());
    connections_.push_back(std::make_shared<net::MemoryConnection>(loop_, *this));
    loop_.inside([&] { services_[0]->accept(connections_.back(), options_); });
    answer(header());
    const std::string bare = "n=" + user + ",r=nonce";
    const std::string challenge =
        content_of(answer(sasl("auth", "n,," + bare, " mechanism='SCRAM-SHA-1'")));
    const xmpp::sasl::test::ScramClient client(xmpp::sasl::ScramHash::sha1, std::string(kPassword),
                                               std::string(kSalt), kIterations);
    const std::string without_proof = "c=biws," + challenge.substr(0, challenge.find(','));
    expect(answer(sasl("response", client.client_final(bare, challenge, without_proof))),
           "<success");
    answer(header());
    expect(answer("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                  "<resource>r</resource></bind></iq>"),
           full_jid(connections_.size() - 1));
    expect(answer("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>"), "result");
    expect(answer("<presence/>"), "<presence");
    if (connections_.size() % kLoginsPerSecond == 0) pass(std::chrono::seconds(1));
  }
  keeps_ = false;
}

std::size_t Node::available() {
  std::size_t count = 0;
  server_->worker(0).directory().for_each(
      [&](const core::Session& session) { count += session.available() ? 1 : 0; });
  return count;
}

void Node::say(std::size_t session, std::string_view xml) {
  loop_.inside([&] { connections_[session]->peer_sends(xml); });
  settle();
}

void Node::pass(std::chrono::seconds time) {
  loop_.advance(time);
  settle();
}

std::string Node::answer(std::string_view xml) {
  last_.clear();
  say(connections_.size() - 1, xml);
  return std::exchange(last_, {});
}

void Node::settle() {
  while (loop_.run() > 0 || server_->worker(0).gate().count() > 0) {
  }
}

void Node::on_bytes(std::string_view bytes) {
  received_ += bytes.size();
  if (keeps_) last_ += bytes;
}

void Node::on_end(bool /*dropped*/) {
  throw std::runtime_error("the server has ended a stream: " + last_);
}

}  // namespace starling::bench
