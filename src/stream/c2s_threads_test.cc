// Streams over real sockets and TLS on two workers in threads, with clients that come, log in,
// talk, leave and vanish at the same time. ThreadSanitizer and AddressSanitizer are the judges.
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "net/listener.h"
#include "net/test_support.h"
#include "net/tls_test_client.h"
#include "store/memory.h"
#include "stream/c2s_service.h"
#include "stream/test_client.h"

namespace starling::stream {
namespace {

using test::TestClient;

// As starlingd puts a node together, with two workers.
class ThreadedNode {
 public:
  ThreadedNode() {
    for (std::size_t i = 0; i < 2; ++i) {
      services_.push_back(std::make_unique<C2sService>(server_.worker(i), services_));
    }
    EXPECT_TRUE(net::make_self_signed(folder_ / "cert.pem", "example.org").has_value());
    options_->tls = std::make_shared<net::TlsContext>(
        net::TlsContext::Table{*net::Certificate::load(folder_ / "cert.pem")});
    listener_ = *net::Listener::open(
        {&loops_[0].loop(), &loops_[1].loop()}, "127.0.0.1", 0,
        [this](std::size_t worker, std::shared_ptr<net::SocketConnection> connection) {
          services_[worker]->accept(connection, options_);
          connection->start(nullptr);
        });
    std::promise<void> made;
    loops_[0].loop().post(
        [&] { server_.worker(0).gate().spawn(make_accounts(&server_, store_.get(), &made)); });
    made.get_future().wait();
  }
  ~ThreadedNode() { stop(); }
  ThreadedNode(const ThreadedNode&) = delete;
  ThreadedNode& operator=(const ThreadedNode&) = delete;

  [[nodiscard]] net::test::PeerSocket connect() {
    return net::test::connect_tcp(listener_->port());
  }
  [[nodiscard]] core::Server& server() { return server_; }

  void stop() {
    if (!listener_) return;
    listener_->close();
    std::promise<void> ended[2];
    for (std::size_t i = 0; i < 2; ++i) {
      loops_[i].loop().post([&, i] { services_[i]->shut_down([&, i] { ended[i].set_value(); }); });
    }
    for (auto& one : ended) one.get_future().wait();
    std::promise<void> empty[2];
    for (std::size_t i = 0; i < 2; ++i) {
      loops_[i].loop().post(
          [&, i] { server_.worker(i).gate().close([&, i] { empty[i].set_value(); }); });
    }
    for (auto& one : empty) one.get_future().wait();
    for (auto& loop : loops_) loop.stop();
    listener_.reset();
  }

 private:
  static Task<void> make_accounts(core::Server* server, store::Store* store,
                                  std::promise<void>* made) {
    static_cast<void>(co_await server->authenticator().prepare());
    for (int i = 0; i < 8; ++i) {
      store::Account account;
      account.username = "user" + std::to_string(i);
      account.host = test::kHost;
      auto keys = xmpp::sasl::derive_scram_keys(xmpp::sasl::ScramHash::sha256, test::kPassword,
                                                test::kSalt, 1);
      account.credentials.push_back(
          {"SCRAM-SHA-256", keys.salt, keys.iterations, keys.stored_key, keys.server_key});
      static_cast<void>(co_await store->accounts().create(std::move(account)));
    }
    made->set_value();
  }

  TemporaryFolder folder_;
  std::shared_ptr<C2sOptions> options_ = std::make_shared<C2sOptions>();
  std::unique_ptr<store::Store> store_ = store::open_memory();
  ThreadPool pool_{1, "test"};
  net::test::LoopThread loops_[2];
  core::Server server_{
      *store_, pool_, {std::string(test::kHost)}, {}, {&loops_[0].loop(), &loops_[1].loop()}};
  std::vector<std::unique_ptr<C2sService>> services_;
  std::unique_ptr<net::Listener> listener_;
};

// A blocking client with STARTTLS.
class ThreadClient {
 public:
  explicit ThreadClient(net::test::PeerSocket socket) : socket_(std::move(socket)) {}

  bool secure() {
    if (!socket_.send(TestClient::header()) || !wait_for_clear("</stream:features>")) return false;
    if (!socket_.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")) return false;
    if (!wait_for_clear("<proceed")) return false;
    while (!tls_.established()) {
      if (!exchange(true)) return false;
    }
    return true;
  }
  bool say(std::string_view text) {
    tls_.write(text);
    return socket_.send(tls_.take());
  }
  bool wait_for(std::string_view text) {
    while (tls_.received().find(text) == std::string::npos) {
      if (!exchange(false)) return false;
    }
    return true;
  }
  // Everything a client must say from here on, in one piece.
  static std::string log_in(const std::string& user, const std::string& resource) {
    return TestClient::header() +
           TestClient::sasl("auth", '\0' + user + '\0' + std::string(test::kPassword),
                            " mechanism='PLAIN'") +
           TestClient::header() +
           "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" +
           resource + "</resource></bind></iq><presence/>";
  }
  void vanish() { socket_.reset(); }

 private:
  bool wait_for_clear(std::string_view text) {
    std::string all;
    while (all.find(text) == std::string::npos) {
      const auto bytes = socket_.receive();
      if (!bytes || bytes->empty()) return false;
      all += *bytes;
    }
    return true;
  }
  bool exchange(bool handshake) {
    tls_.step();
    if (!socket_.send(tls_.take())) return false;
    if (handshake && tls_.established()) return true;
    const auto bytes = socket_.receive();
    if (!bytes || bytes->empty()) return false;
    tls_.feed(*bytes);
    tls_.step();
    return true;
  }

  net::test::PeerSocket socket_;
  net::test::TlsClient tls_;
};

void run_client(ThreadedNode& node, int number, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const std::string user = "user" + std::to_string((number + round) % 8);
    const std::string resource = "r" + std::to_string(number % 3);  // they will conflict
    ThreadClient client(node.connect());
    if (!client.secure()) continue;
    client.say(ThreadClient::log_in(user, resource));
    if (round % 4 == 3) {
      client.vanish();  // perhaps while it moves to its home
      continue;
    }
    if (!client.wait_for("<jid>")) continue;
    for (int other = 0; other < 8; ++other) {
      client.say("<message to='user" + std::to_string(other) + "@example.org' id='" +
                 std::to_string(round) + "'><body>hello</body></message>");
    }
    client.say("<message to='" + user + "@example.org/" + resource + "' id='last'/>");
    client.wait_for("id='last'");
    if (round % 2 == 0) client.say("</stream:stream>");
  }
}

TEST(C2sThreads, ClientsComeTalkAndVanishOnTwoWorkers) {
  ThreadedNode node;
  std::vector<std::thread> clients;
  clients.reserve(6);
  for (int i = 0; i < 6; ++i) clients.emplace_back([&node, i] { run_client(node, i, 16); });
  for (auto& client : clients) client.join();
  node.stop();
  EXPECT_EQ(node.server().session_count(), 0);
}

TEST(C2sThreads, ServerStopsWhileClientsLogIn) {
  ThreadedNode node;
  std::vector<std::thread> clients;
  std::atomic<int> begun = 0;
  clients.reserve(4);
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&node, &begun, i] {
      ThreadClient client(node.connect());
      if (!client.secure()) return;
      client.say(ThreadClient::log_in("user" + std::to_string(i), "r"));
      ++begun;
      client.wait_for("</stream:stream>");
    });
  }
  while (begun < 4) std::this_thread::yield();
  node.stop();
  for (auto& client : clients) client.join();
  EXPECT_EQ(node.server().session_count(), 0);
}

}  // namespace
}  // namespace starling::stream
