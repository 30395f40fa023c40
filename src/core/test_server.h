// What the tests of core and modules share: a whole server without sockets, driven by hand.
//
//   TestServer server(2);                                   // workers
//   TestClient& alice = server.online("alice@example.org/phone");
//   alice.send("<message to='bob@example.org'/>");
//   EXPECT_THAT(bob.take(), ElementsAre("<message .../>"));
//
// All on the test's own thread. Every server has a bystander, carol, who is online and whom nothing
// concerns: the server's end checks that she has received nothing.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <regex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/manual_loop.h"
#include "base/thread_pool.h"
#include "core/roster.h"
#include "core/server.h"
#include "core/test_store.h"
#include "xml/document.h"
#include "xmpp/ns.h"

namespace starling::core {

inline xmpp::Jid jid(std::string_view text) {
  auto parsed = xmpp::Jid::parse(text);
  EXPECT_TRUE(parsed) << text;
  return *parsed;
}

inline xmpp::Stanza stanza_of(std::string_view xml) {
  auto document = xml::Document::parse(xml, xmpp::ns::kClient);
  EXPECT_TRUE(document) << xml;
  auto stanza = xmpp::Stanza::from_document(document, xmpp::ns::kClient);
  EXPECT_TRUE(stanza) << xml;
  return *stanza;
}

// What a client connects to: one node that is driven by hand.
class TestNode {
 public:
  virtual ~TestNode() = default;
  virtual Server& server() = 0;
  virtual ManualLoop& loop(std::size_t index) = 0;
  // Runs all loops until nothing is left to do.
  virtual void settle() = 0;
};

// One connected client: what a stream would be.
class TestClient final : public Outbox {
 public:
  TestClient(TestNode& server, const xmpp::Jid& full);

  bool deliver(const xmpp::Stanza& stanza) override {
    received_.push_back(stanza.to_xml());
    if (!managed_) return false;
    unacknowledged_.push_back(stanza);
    unacknowledged_.back().drop_receipt();
    return true;
  }
  std::vector<xmpp::Stanza> take_unacknowledged() override {
    return std::exchange(unacknowledged_, {});
  }
  [[nodiscard]] bool congested() const override { return congested_; }
  void end(xmpp::StreamCondition condition, std::string_view text) override {
    session_ = nullptr;
    ended_ = condition;
    ended_with_ = text;
  }
  void leave(Leaving /*why*/) override {}
  [[nodiscard]] std::string remote() const override { return "test"; }

  // Sends stanzas in one turn of the loop, then lets everything happen.
  template <class... Xml>
  void send(const Xml&... xml);
  Router::Submitted send_now(std::string_view xml);  // nothing else happens meanwhile
  void disconnect();

  // From now on it uses stream management (XEP-0198), as far as core sees it.
  void manage() { managed_ = true; }
  // Acknowledges the first `n` of what it was sent.
  void acknowledge(std::size_t n);
  void set_congested(bool congested) { congested_ = congested; }

  // What it received since the last time, in order, without what differs from run to run: the
  // random ids of pushes, the versions of rosters in them, <stanza-id/>, and the stamps of delays.
  std::vector<std::string> take() {
    static const std::regex push_id("id='push[a-z2-7]+'");
    static const std::regex push_ver("(id='push'><query xmlns='jabber:iq:roster') ver='[^']*'");
    static const std::regex stanza_id("<stanza-id [^>]*/>");
    static const std::regex stamp(" stamp='[^']*'");
    auto taken = take_as_sent();
    for (auto& xml : taken) {
      xml = std::regex_replace(xml, push_id, "id='push'");
      xml = std::regex_replace(xml, push_ver, "$1");
      xml = std::regex_replace(xml, stanza_id, "");
      xml = std::regex_replace(xml, stamp, "");
    }
    return taken;
  }
  std::vector<std::string> take_as_sent() { return std::exchange(received_, {}); }
  [[nodiscard]] Session& session() { return *session_; }
  [[nodiscard]] bool connected() const { return session_ != nullptr; }
  [[nodiscard]] bool refused() const { return refused_; }
  // Its node is gone, and nothing of it is to be touched.
  void forget() { session_ = nullptr; }
  [[nodiscard]] std::optional<xmpp::StreamCondition> ended() const { return ended_; }
  [[nodiscard]] const std::string& ended_with() const { return ended_with_; }

 private:
  static Task<void> bind(TestClient* self, Worker* worker, xmpp::Jid full);

  TestNode& server_;
  std::size_t home_;
  Session* session_ = nullptr;
  std::vector<std::string> received_;
  std::optional<xmpp::StreamCondition> ended_;
  std::string ended_with_;
  bool managed_ = false;
  bool congested_ = false;
  bool refused_ = false;
  std::vector<xmpp::Stanza> unacknowledged_;
};

class TestServer final : public TestNode {
 public:
  static constexpr const char* kHost = "example.org";

  explicit TestServer(std::size_t workers = 1, std::span<const Module* const> modules = {},
                      config::HostOptions options = {})
      : modules_(modules), options_(std::move(options)), loops_(make_loops(workers)) {
    for (const char* name : {"alice", "bob", "carol"}) {
      create_account(*xmpp::Jid::make(name, kHost));
    }
    start();
  }
  ~TestServer() override { stop(); }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // Ends all clients without a word, and starts a new server on the same store.
  void restart() {
    for (const auto& client : clients_) {
      if (client->connected() && client.get() != bystander_) client->disconnect();
    }
    bystander_->take();
    stop();
    clients_.clear();
    start();
  }

  [[nodiscard]] Server& server() override { return *server_; }
  [[nodiscard]] TestStore& store() { return store_; }
  [[nodiscard]] Worker& home(std::string_view bare) {
    return server_->worker(server_->home_of(bare));
  }
  [[nodiscard]] ManualLoop& loop(std::size_t index) override { return *loops_[index]; }

  // Connected, but neither available nor interested. It gets an account if it has none.
  TestClient& connect(std::string_view full) {
    if (!store_.holds()) create_account(jid(full));
    clients_.push_back(std::make_unique<TestClient>(*this, jid(full)));
    settle();
    return *clients_.back();
  }
  // Connected and available; what it received because of that is taken away.
  TestClient& online(std::string_view full, int priority = 0) {
    TestClient& client = connect(full);
    client.send("<presence><priority>" + std::to_string(priority) + "</priority></presence>");
    client.take();
    return client;
  }

  void create_account(const xmpp::Jid& address) {
    store::Account account;
    account.username = address.local();
    account.host = address.domain();
    static_cast<void>(wait(store_.accounts().create(std::move(account))));
  }
  // Writes a roster item; before the account's first session.
  void write_item(std::string_view owner, std::string_view contact, Subscription subscription,
                  std::string request = {}) {
    RosterItem item;
    item.jid = jid(contact);
    item.subscription = subscription;
    item.kept = true;
    item.request = std::move(request);
    ASSERT_TRUE(wait(store_roster_item(store().maps(), jid(owner), std::move(item))));
  }
  // What the store holds of it.
  std::optional<RosterItem> stored_item(std::string_view owner, std::string_view contact) {
    const auto roster = wait(load_roster(store().maps(), jid(owner)));
    const RosterItem* item = roster ? roster->find(jid(contact)) : nullptr;
    return item == nullptr ? std::nullopt : std::optional(*item);
  }

  // The archived messages of an account, as they are stored, in order.
  std::vector<std::string> archive_of(std::string_view owner, std::string_view log = kArchiveLog) {
    const auto page =
        wait(store_.logs().read(std::string(owner), std::string(log), {}, 1'000, false));
    std::vector<std::string> texts;
    for (const auto& entry : page->entries) texts.push_back(entry.value);
    return texts;
  }

  void settle() override {
    for (int ran = 1; ran > 0;) {
      ran = 0;
      for (auto& loop : loops_) ran += loop->run();
    }
  }

  // After store().hold(): answers what is held and what that leads to, one after the other.
  void release_one_by_one() {
    while (store_.held() > 0) {
      store_.release_newest();
      settle();
    }
    store_.release();
  }

  template <class T>
  T wait(Task<T> task) {
    std::optional<T> result;
    Gate gate;
    loops_[0]->inside([&] { gate.spawn(collect(std::move(task), result)); });
    while (gate.count() > 0) {
      settle();
      std::this_thread::yield();  // the thread pool may have it
    }
    return std::move(*result);
  }

 private:
  using Loops = std::vector<std::unique_ptr<ManualLoop>>;

  void start() {
    const std::vector<std::string> hosts{kHost, "example.net"};
    server_.emplace(store_, pool_, hosts, modules_, pointers(), options_);
    bystander_ = &online("carol@example.org/bystander");
    bystander_->session().interested = true;
  }
  void stop() {
    store_.release();
    settle();
    EXPECT_THAT(bystander_->take(), testing::IsEmpty()) << "of the bystander";
    EXPECT_FALSE(bystander_->ended());
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      bool closed = false;
      server_->worker(i).gate().close([&closed] { closed = true; });
      EXPECT_TRUE(closed) << "something of worker " << i << " never ended";
    }
  }

  template <class T>
  static Task<void> collect(Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
  }
  static Loops make_loops(std::size_t count) {
    Loops loops;
    for (std::size_t i = 0; i < count; ++i) loops.push_back(std::make_unique<ManualLoop>());
    return loops;
  }
  std::vector<EventLoop*> pointers() {
    std::vector<EventLoop*> all;
    for (auto& loop : loops_) all.push_back(loop.get());
    return all;
  }

  std::span<const Module* const> modules_;
  config::HostOptions options_;
  TestStore store_;
  ThreadPool pool_{1, "test"};
  Loops loops_;
  std::optional<Server> server_;
  std::vector<std::unique_ptr<TestClient>> clients_;
  TestClient* bystander_;
};

inline TestClient::TestClient(TestNode& server, const xmpp::Jid& full)
    : server_(server), home_(server.server().home_of(full.bare())) {
  Worker& worker = server_.server().worker(home_);
  server_.loop(home_).inside([&] {
    worker.turns().run(full.bare(), [this, &worker, full] { return bind(this, &worker, full); });
  });
  server_.settle();
}

inline Task<void> TestClient::bind(TestClient* self, Worker* worker, xmpp::Jid full) {
  const auto session = co_await worker->bind(full, *self);
  self->refused_ = !session;
  if (session) self->session_ = *session;
}

inline void TestClient::acknowledge(std::size_t n) {
  std::vector<ArchiveId> archived;
  for (std::size_t i = 0; i < n; ++i) {
    if (unacknowledged_[i].archive_id() != 0) archived.push_back(unacknowledged_[i].archive_id());
  }
  unacknowledged_.erase(unacknowledged_.begin(), unacknowledged_.begin() + std::ptrdiff_t(n));
  Worker& worker = server_.server().worker(home_);
  server_.loop(home_).inside([&] { worker.acknowledged(*session_, archived); });
  server_.settle();
}

inline Router::Submitted TestClient::send_now(std::string_view xml) {
  return server_.loop(home_).inside(
      [&] { return server_.server().worker(home_).router().submit(*session_, stanza_of(xml)); });
}

template <class... Xml>
void TestClient::send(const Xml&... xml) {
  for (const std::string_view one : {std::string_view(xml)...}) {
    EXPECT_EQ(send_now(one), Router::Submitted::accepted) << one;
  }
  server_.settle();
}

inline void TestClient::disconnect() {
  server_.loop(home_).inside(
      [&] { server_.server().worker(home_).unbind(*std::exchange(session_, nullptr)); });
  server_.settle();
}

// A test that is run with one worker and with several.
class ServerTest : public testing::TestWithParam<std::size_t> {
 protected:
  TestServer server_{GetParam()};
};

}  // namespace starling::core
