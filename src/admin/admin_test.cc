#include "admin/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/manual_loop.h"
#include "base/thread_pool.h"
#include "commands/commands.h"
#include "core/server.h"
#include "core/test_session.h"
#include "store/memory.h"
#include "store/sqlite.h"
#include "store/test_support.h"

namespace starling::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A client's end of a session, which only remembers how it ended.
class Client final : public core::TestOutbox {
 public:
  void end(xmpp::StreamCondition condition, std::string_view text) override {
    ended_with = condition;
    words = text;
  }

  std::optional<xmpp::StreamCondition> ended_with;
  std::string words;
};

class AdminTest : public ::testing::Test {
 protected:
  AdminTest()
      : server_(*store_, pool_, std::vector<std::string>{"example.org", "other.example"}, {},
                {&loop_}),
        admin_(server_, [this] { ++stops_; }) {}
  ~AdminTest() override {
    auto& gate = server_.worker(0).gate();
    gate.close([] {});
    store::pump_until_empty(loop_, gate);
  }

  Result<Json> run(std::string command, std::vector<std::string> arguments = {}) {
    auto result = store::wait(loop_, admin_.run(std::move(command), std::move(arguments)));
    loop_.run();
    return result;
  }
  // The answer of a command that must succeed.
  Json ask(std::string command, std::vector<std::string> arguments = {}) {
    auto result = run(std::move(command), std::move(arguments));
    EXPECT_TRUE(result) << result.error().message;
    return result.value_or(Json{});
  }
  Error refusal(std::string command, std::vector<std::string> arguments = {}) {
    const auto result = run(std::move(command), std::move(arguments));
    EXPECT_FALSE(result) << *result;
    return result ? Error{} : result.error();
  }
  bool password_is(std::string_view account, const std::string& password) {
    return store::wait(loop_,
                       server_.authenticator().check_password(*xmpp::Jid::parse(account), password))
        .value();
  }
  void connect(std::string_view jid, Client& client) {
    loop_.inside([&] { core::bind_at_once(server_.worker(0), *xmpp::Jid::parse(jid), client); });
  }

  ManualLoop loop_;
  std::unique_ptr<store::Store> store_ = store::open_memory();
  ThreadPool pool_{1, "test"};
  core::Server server_;
  int stops_ = 0;
  Admin admin_;
};

TEST_F(AdminTest, EveryListedCommand_IsCarriedOut) {
  for (const auto& command : commands::all()) {
    std::vector<std::string> arguments;
    for (const auto& argument : command.arguments) {
      arguments.emplace_back(argument.name == "HOST" ? "example.org" : "x");
    }
    const auto result = run(std::string(command.name), arguments);
    if (!result) EXPECT_NE(result.error().code, Errc::internal) << result.error().message;
  }
}

TEST_F(AdminTest, UnknownCommand_IsRefused) {
  EXPECT_EQ(refusal("restart").message, "no such command: restart");
  EXPECT_EQ(refusal("").code, Errc::invalid);
}

TEST_F(AdminTest, WrongNumberOfArguments_IsAnsweredWithTheUsage) {
  for (const auto& command : commands::all()) {
    const std::vector<std::string> one_more(command.arguments.size() + 1, "x");
    const Error error = refusal(std::string(command.name), one_more);
    EXPECT_EQ(error.code, Errc::invalid);
    EXPECT_THAT(error.message, HasSubstr("usage: " + std::string(command.name)));
  }
  EXPECT_EQ(refusal("register", {"alice"}).message, "usage: register USER HOST PASSWORD");
}

TEST_F(AdminTest, Status_TellsWhatRuns) {
  Client client;
  connect("alice@example.org/a", client);
  const Json status = ask("status");
  EXPECT_EQ(status["hosts"], Json({"example.org", "other.example"}));
  EXPECT_EQ(status["workers"], 1);
  EXPECT_EQ(status["sessions"], 1);
  EXPECT_TRUE(status["version"].is_string());
  EXPECT_GE(status["uptime_seconds"].get<int>(), 0);
}

TEST_F(AdminTest, Register_MakesAnAccountThatCanLogIn) {
  EXPECT_EQ(ask("register", {"Alice", "Example.org", "secret"}), "registered alice@example.org");
  EXPECT_TRUE(password_is("alice@example.org", "secret"));
  EXPECT_FALSE(password_is("alice@example.org", "Secret"));
  EXPECT_FALSE(password_is("alice@other.example", "secret"));
}

TEST_F(AdminTest, RegisterOfWhatExists_IsRefusedAndChangesNothing) {
  ask("register", {"alice", "example.org", "secret"});
  const Error error = refusal("register", {"ALICE", "example.org", "other"});
  EXPECT_EQ(error.code, Errc::exists);
  EXPECT_THAT(error.message, HasSubstr("alice@example.org exists"));
  EXPECT_TRUE(password_is("alice@example.org", "secret"));
}

TEST_F(AdminTest, AddressThatIsNone_IsRefused) {
  for (const std::string command : {"register", "change_password"}) {
    EXPECT_THAT(refusal(command, {"a b", "example.org", "x"}).message, HasSubstr("not a valid"));
    EXPECT_THAT(refusal(command, {"", "example.org", "x"}).message, HasSubstr("not a valid"));
    EXPECT_THAT(refusal(command, {"alice", "nowhere.example", "x"}).message,
                HasSubstr("does not serve the host nowhere.example"));
  }
  for (const std::string command : {"unregister", "kick_user"}) {
    EXPECT_EQ(refusal(command, {"a@b", "example.org"}).code, Errc::invalid);
    EXPECT_EQ(refusal(command, {"alice", "nowhere.example"}).code, Errc::invalid);
    EXPECT_EQ(refusal(command, {"alice", "exa mple"}).code, Errc::invalid);
  }
}

TEST_F(AdminTest, PasswordThatIsNone_IsRefused) {
  EXPECT_EQ(refusal("register", {"alice", "example.org", ""}).code, Errc::invalid);
  EXPECT_EQ(refusal("register", {"alice", "example.org", "a\x01"}).code, Errc::invalid);
  EXPECT_THAT(ask("registered_users", {"example.org"}), IsEmpty());
}

TEST_F(AdminTest, ChangePassword_ReplacesTheOldOneAndEndsNoSession) {
  ask("register", {"alice", "example.org", "old"});
  Client client;
  connect("alice@example.org/a", client);
  EXPECT_EQ(ask("change_password", {"alice", "example.org", "new"}),
            "changed the password of alice@example.org");
  EXPECT_TRUE(password_is("alice@example.org", "new"));
  EXPECT_FALSE(password_is("alice@example.org", "old"));
  EXPECT_FALSE(client.ended_with);
}

TEST_F(AdminTest, ChangePasswordOfNobody_IsRefused) {
  EXPECT_EQ(refusal("change_password", {"alice", "example.org", "x"}).code, Errc::not_found);
}

TEST_F(AdminTest, Unregister_RemovesTheAccountAndEndsItsSessionsOnly) {
  ask("register", {"alice", "example.org", "x"});
  ask("register", {"bob", "example.org", "x"});
  Client alice;
  Client bob;
  connect("alice@example.org/a", alice);
  connect("bob@example.org/a", bob);
  EXPECT_EQ(ask("unregister", {"alice", "example.org"}), "unregistered alice@example.org");
  EXPECT_EQ(ask("registered_users", {"example.org"}), Json({"bob"}));
  EXPECT_EQ(ask("connected_users"), Json({"bob@example.org/a"}));
  EXPECT_EQ(alice.ended_with, xmpp::StreamCondition::not_authorized);
  EXPECT_EQ(alice.words, "the account was removed");
  EXPECT_FALSE(bob.ended_with);
}

TEST_F(AdminTest, UnregisterOfNobody_IsRefused) {
  EXPECT_EQ(refusal("unregister", {"alice", "example.org"}).code, Errc::not_found);
}

TEST_F(AdminTest, RegisteredUsers_AreThoseOfTheHostInOrder) {
  ask("register", {"carol", "example.org", "x"});
  ask("register", {"alice", "example.org", "x"});
  ask("register", {"bob", "other.example", "x"});
  EXPECT_EQ(ask("registered_users", {"EXAMPLE.org"}), Json({"alice", "carol"}));
  EXPECT_EQ(refusal("registered_users", {"nowhere.example"}).code, Errc::invalid);
  EXPECT_EQ(refusal("registered_users", {"not a host"}).code, Errc::invalid);
}

TEST_F(AdminTest, RegisteredUsersOfManyPages_AreAllListedOnce) {
  constexpr int kAccounts = 2'000;  // two whole pages, and nothing on the third
  for (int i = 0; i < kAccounts; ++i) {
    store::Account account;
    account.username = "u" + std::to_string(10'000 + i);
    account.host = "example.org";
    ASSERT_TRUE(store::wait(loop_, store_->accounts().create(std::move(account))));
  }
  const Json names = ask("registered_users", {"example.org"});
  ASSERT_EQ(names.size(), std::size_t(kAccounts));
  for (int i = 0; i < kAccounts; ++i) ASSERT_EQ(names[i], "u" + std::to_string(10'000 + i));
}

TEST_F(AdminTest, ConnectedUsers_AreListedInOrderAndCounted) {
  EXPECT_EQ(ask("connected_users"), Json::array());
  EXPECT_EQ(ask("connected_users_number"), 0);
  Client client;
  connect("bob@example.org/z", client);
  connect("bob@example.org/a", client);
  connect("alice@other.example/q", client);
  EXPECT_EQ(ask("connected_users"),
            Json({"alice@other.example/q", "bob@example.org/a", "bob@example.org/z"}));
  EXPECT_EQ(ask("connected_users_number"), 3);
}

TEST_F(AdminTest, KickUser_EndsAllSessionsOfTheAccountOnly) {
  Client phone;
  Client laptop;
  Client bystander;
  connect("alice@example.org/phone", phone);
  connect("alice@example.org/laptop", laptop);
  connect("alice@other.example/phone", bystander);
  EXPECT_EQ(ask("kick_user", {"alice", "example.org"}), 2);
  EXPECT_EQ(phone.ended_with, xmpp::StreamCondition::policy_violation);
  EXPECT_EQ(laptop.ended_with, xmpp::StreamCondition::policy_violation);
  EXPECT_FALSE(bystander.ended_with);
  EXPECT_EQ(ask("kick_user", {"alice", "example.org"}), 0);
}

TEST_F(AdminTest, Backup_TellsWhatItHolds_NeverReplacesAFile) {
  const store::TemporaryFolder folder;
  auto sqlite = store::open_sqlite(folder.file("starling.db")).value();
  core::Server server(*sqlite, pool_, std::vector<std::string>{"example.org"}, {}, {&loop_});
  Admin admin(server, [] {});
  const std::string file = folder.file("backup.db");
  ASSERT_TRUE(store::wait(loop_, admin.run("register", {"alice", "example.org", "secret"})));
  const auto made = store::wait(loop_, admin.run("backup", {file}));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)["file"], file);
  EXPECT_EQ((*made)["accounts"], 1);
  EXPECT_GT((*made)["bytes"], 4096);
  const auto again = store::wait(loop_, admin.run("backup", {file}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::exists);
  EXPECT_EQ(refusal("backup", {"here.db"}).code, Errc::invalid) << "whose folder would it be in?";
  auto& gate = server.worker(0).gate();
  gate.close([] {});
  store::pump_until_empty(loop_, gate);
}

TEST_F(AdminTest, Restore_IsRefusedByARunningNode) {
  EXPECT_EQ(refusal("restore", {"/backup.db", "/data"}).code, Errc::invalid);
}

TEST_F(AdminTest, Stop_AsksTheProcessToEnd) {
  EXPECT_EQ(ask("stop"), "stopping");
  EXPECT_EQ(stops_, 1);
}

}  // namespace
}  // namespace starling::admin
