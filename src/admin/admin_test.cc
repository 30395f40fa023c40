#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "admin/test_admin.h"
#include "base/log.h"
#include "commands/commands.h"
#include "store/sqlite.h"
#include "store/test_support.h"

namespace starling::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AdminTest : public ::testing::Test, protected TestAdmin {
 protected:
  AdminTest() : TestAdmin(1, {.stop = [this] { ++stops_; }}) {}

  bool password_is(std::string_view account, const std::string& password) {
    auto& authenticator = server_.server().authenticator();
    return server_.wait(authenticator.check_password(core::jid(account), password)).value();
  }

  int stops_ = 0;
};

// Arguments that pass all checks, of each kind.
std::vector<std::string> plausible(const commands::Command& command) {
  std::vector<std::string> arguments;
  for (const auto& argument : command.arguments) {
    switch (argument.type) {
      case commands::Type::host:
      case commands::Type::domain:
        arguments.emplace_back("example.net");  // where nobody is online
        break;
      case commands::Type::integer:
        arguments.emplace_back("1");
        break;
      case commands::Type::choice:
        arguments.emplace_back(commands::choices(argument).front());
        break;
      case commands::Type::jid:
        arguments.emplace_back("alice@example.org");
        break;
      case commands::Type::file:
        arguments.emplace_back("/nonexistent/file");
        break;
      default:
        arguments.emplace_back("x");
    }
  }
  return arguments;
}

TEST_F(AdminTest, EveryListedCommand_HasAHandlerAndTheReverse) {
  std::size_t listed = 0;
  for (const auto& command : commands::all()) {
    if (!command.local) ++listed;
    EXPECT_EQ(find_handler(command.name) == nullptr, command.local) << command.name;
  }
  std::size_t handled = 0;
  for (const auto handlers : all_handlers()) {
    for (const auto& handler : handlers) {
      EXPECT_NE(commands::find(handler.command), nullptr) << handler.command;
      ++handled;
    }
  }
  EXPECT_EQ(handled, listed);
}

TEST_F(AdminTest, HandlerOfAnAccount_HasItsAddressFirst) {
  for (const auto& command : commands::all()) {
    const Handler* handler = find_handler(command.name);
    if (handler == nullptr || !handler->of_account) continue;
    ASSERT_GE(command.arguments.size(), 2U) << command.name;
    EXPECT_EQ(command.arguments[0].type, commands::Type::user) << command.name;
    EXPECT_EQ(command.arguments[1].type, commands::Type::host) << command.name;
  }
}

TEST_F(AdminTest, EveryListedCommand_IsCarriedOut) {
  for (const auto& command : commands::all()) {
    if (command.goes_on) continue;  // trace_test below
    const auto result = run(std::string(command.name), plausible(command));
    if (!result) EXPECT_NE(result.error().code, Errc::internal) << result.error().message;
  }
  log::configure(log::Level::info, log::Format::text);  // set_loglevel was among them
}

TEST_F(AdminTest, HostThatIsNotServed_IsRefusedByEveryCommand) {
  for (const auto& command : commands::all()) {
    auto arguments = plausible(command);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      if (command.arguments[i].type != commands::Type::host) continue;
      arguments[i] = "nowhere.example";
      const Error error = refusal(std::string(command.name), arguments);
      EXPECT_EQ(error.code, Errc::invalid) << command.name;
      EXPECT_EQ(error.message, "this server does not serve the host nowhere.example");
    }
  }
}

TEST_F(AdminTest, AccountThatIsNone_IsRefusedByEveryCommandThatNeedsOne) {
  for (const auto& command : commands::all()) {
    const Handler* handler = find_handler(command.name);
    if (handler == nullptr || !handler->of_account) continue;
    auto arguments = plausible(command);
    arguments[0] = "nobody";
    const Error error = refusal(std::string(command.name), arguments);
    EXPECT_EQ(error.code, Errc::not_found) << command.name;
    EXPECT_EQ(error.message, "there is no account nobody@example.net") << command.name;
  }
}

TEST_F(AdminTest, NumbersAndChoices_AreChecked) {
  EXPECT_EQ(refusal("num_active_users", {"example.org", "many"}).message,
            "DAYS is a number: 'many' is none");
  EXPECT_EQ(refusal("num_active_users", {"example.org", "-1"}).code, Errc::invalid);
  EXPECT_EQ(refusal("num_active_users", {"example.org", "1234567890123456789"}).code,
            Errc::invalid);
  EXPECT_THAT(refusal("stats", {"processes"}).message, HasSubstr("NAME is one of registered"));
  EXPECT_THAT(refusal("status_num", {"busy"}).message, HasSubstr("'busy' is none of them"));
  EXPECT_THAT(refusal("kick_session", {"a", "example.org", "b", "\x01"}).message,
              HasSubstr("REASON holds a control character"));
}

TEST_F(AdminTest, UnknownCommand_IsRefused) {
  EXPECT_EQ(refusal("restart").message, "no such command: restart");
  EXPECT_EQ(refusal("").code, Errc::invalid);
}

TEST_F(AdminTest, WrongNumberOfArguments_IsAnsweredWithTheUsage) {
  for (const auto& command : commands::all()) {
    if (command.local) continue;
    const std::vector<std::string> one_more(command.arguments.size() + 1, "x");
    const Error error = refusal(std::string(command.name), one_more);
    EXPECT_EQ(error.code, Errc::invalid);
    EXPECT_THAT(error.message, HasSubstr("usage: " + std::string(command.name)));
  }
  EXPECT_EQ(refusal("register", {"alice"}).message, "usage: register USER HOST [PASSWORD]");
}

TEST_F(AdminTest, Status_TellsWhatRuns) {
  server_.connect("alice@example.org/a");
  const Json status = ask("status");
  EXPECT_EQ(status["hosts"], Json({"example.net", "example.org"}));
  EXPECT_EQ(status["workers"], 1);
  EXPECT_EQ(status["sessions"], 2);  // carol, the bystander, is online
  EXPECT_TRUE(status["version"].is_string());
  EXPECT_GE(status["uptime_seconds"].get<int>(), 0);
}

TEST_F(AdminTest, Register_MakesAnAccountThatCanLogIn) {
  EXPECT_EQ(ask("register", {"Dave", "Example.org", "secret"}), "registered dave@example.org");
  EXPECT_TRUE(password_is("dave@example.org", "secret"));
  EXPECT_FALSE(password_is("dave@example.org", "Secret"));
  EXPECT_FALSE(password_is("dave@example.net", "secret"));
}

TEST_F(AdminTest, RegisterOfWhatExists_IsRefusedAndChangesNothing) {
  ask("register", {"dave", "example.org", "secret"});
  const Error error = refusal("register", {"DAVE", "example.org", "other"});
  EXPECT_EQ(error.code, Errc::exists);
  EXPECT_THAT(error.message, HasSubstr("dave@example.org exists"));
  EXPECT_TRUE(password_is("dave@example.org", "secret"));
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
  EXPECT_EQ(refusal("register", {"dave", "example.net", ""}).code, Errc::invalid);
  EXPECT_EQ(refusal("register", {"dave", "example.net", "a\x01"}).code, Errc::invalid);
  EXPECT_THAT(ask("registered_users", {"example.net"}), IsEmpty());
}

TEST_F(AdminTest, ChangePassword_ReplacesTheOldOneAndEndsNoSession) {
  ask("register", {"dave", "example.org", "old"});
  auto& client = server_.connect("dave@example.org/a");
  EXPECT_EQ(ask("change_password", {"dave", "example.org", "new"}),
            "changed the password of dave@example.org");
  EXPECT_TRUE(password_is("dave@example.org", "new"));
  EXPECT_FALSE(password_is("dave@example.org", "old"));
  EXPECT_FALSE(client.ended());
}

TEST_F(AdminTest, ChangePasswordOfNobody_IsRefused) {
  EXPECT_EQ(refusal("change_password", {"nobody", "example.org", "x"}).code, Errc::not_found);
}

TEST_F(AdminTest, Unregister_RemovesTheAccountAndEndsItsSessionsOnly) {
  auto& alice = server_.connect("alice@example.org/a");
  auto& bob = server_.connect("bob@example.org/a");
  EXPECT_EQ(ask("unregister", {"alice", "example.org"}), "unregistered alice@example.org");
  EXPECT_EQ(ask("registered_users", {"example.org"}), Json({"bob", "carol"}));
  EXPECT_EQ(ask("connected_users"), Json({"bob@example.org/a", "carol@example.org/bystander"}));
  EXPECT_EQ(alice.ended(), xmpp::StreamCondition::not_authorized);
  EXPECT_EQ(alice.ended_with(), "the account was removed");
  EXPECT_FALSE(bob.ended());
}

TEST_F(AdminTest, UnregisterOfNobody_IsRefused) {
  EXPECT_EQ(refusal("unregister", {"nobody", "example.org"}).code, Errc::not_found);
}

TEST_F(AdminTest, RegisteredUsers_AreThoseOfTheHostInOrder) {
  ask("register", {"dave", "example.org", "x"});
  ask("register", {"aaron", "example.org", "x"});
  ask("register", {"eve", "example.net", "x"});
  EXPECT_EQ(ask("registered_users", {"EXAMPLE.org"}),
            Json({"aaron", "alice", "bob", "carol", "dave"}));
  EXPECT_EQ(refusal("registered_users", {"nowhere.example"}).code, Errc::invalid);
  EXPECT_EQ(refusal("registered_users", {"not a host"}).code, Errc::invalid);
}

TEST_F(AdminTest, RegisteredUsersOfManyPages_AreAllListedOnce) {
  constexpr int kAccounts = 2'000;  // two whole pages, and nothing on the third
  for (int i = 0; i < kAccounts; ++i) {
    server_.create_account(core::jid("u" + std::to_string(10'000 + i) + "@example.net"));
  }
  const Json names = ask("registered_users", {"example.net"});
  ASSERT_EQ(names.size(), std::size_t(kAccounts));
  for (int i = 0; i < kAccounts; ++i) ASSERT_EQ(names[i], "u" + std::to_string(10'000 + i));
}

TEST_F(AdminTest, RegisteredUsers_ComeByPages) {
  EXPECT_EQ(ask("registered_users", {"example.org", "", "2"}), Json({"alice", "bob"}));
  EXPECT_EQ(ask("registered_users", {"example.org", "bob", "2"}), Json({"carol"}));
  EXPECT_EQ(ask("registered_users", {"example.org", "bob"}), Json({"carol"}));
  EXPECT_EQ(ask("registered_users", {"example.org", "carol", "2"}), Json::array());
  for (const char* limit : {"0", "10001"}) {
    EXPECT_EQ(refusal("registered_users", {"example.org", "", limit}).message,
              "LIMIT is from 1 to 10000");
  }
}

TEST_F(AdminTest, RegisteredUsersThatAreTooMany_ComeByPagesOnly) {
  for (int i = 0; i < 10'001; ++i) {
    server_.create_account(core::jid("u" + std::to_string(10'000 + i) + "@example.net"));
  }
  const Error error = refusal("registered_users", {"example.net"});
  EXPECT_EQ(error.code, Errc::invalid);
  EXPECT_THAT(error.message, HasSubstr("more than 10000: ask for pages, with LIMIT"));
  EXPECT_EQ(ask("registered_users", {"example.net", "", "10000"}).size(), 10'000U);
  EXPECT_EQ(ask("registered_users", {"example.net", "u19998"}), Json({"u19999", "u20000"}));
}

TEST_F(AdminTest, Tokens_ComeByPagesInTheOrderOfTheirMaking) {
  std::vector<std::string> ids;
  for (const char* name : {"one", "two", "three"}) {
    ids.push_back(ask("create_token", {name, "read", "1"})["id"].get<std::string>());
  }
  EXPECT_EQ(ask("list_tokens").size(), 3U);
  const Json first = ask("list_tokens", {"", "2"});
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[1]["name"], "two");
  const Json second = ask("list_tokens", {ids[1], "2"});
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0]["name"], "three");
  EXPECT_EQ(refusal("list_tokens", {"nonesuch", "2"}).code, Errc::not_found);
}

TEST_F(AdminTest, ConnectedUsers_AreListedInOrderAndCounted) {
  EXPECT_EQ(ask("connected_users"), Json({"carol@example.org/bystander"}));
  for (const char* full : {"bob@example.org/z", "bob@example.org/a", "alice@example.net/q"}) {
    server_.connect(full);
  }
  EXPECT_EQ(ask("connected_users"), Json({"alice@example.net/q", "bob@example.org/a",
                                          "bob@example.org/z", "carol@example.org/bystander"}));
  EXPECT_EQ(ask("connected_users_number"), 4);
  EXPECT_EQ(ask("connected_users", {"", "2"}), Json({"alice@example.net/q", "bob@example.org/a"}));
  EXPECT_EQ(ask("connected_users", {"bob@example.org/a", "2"}),
            Json({"bob@example.org/z", "carol@example.org/bystander"}));
  EXPECT_EQ(ask("connected_users_vhost", {"example.org", "bob@example.org/a", "1"}),
            Json({"bob@example.org/z"}));
}

TEST_F(AdminTest, KickUser_EndsAllSessionsOfTheAccountOnly) {
  auto& phone = server_.connect("alice@example.org/phone");
  auto& laptop = server_.connect("alice@example.org/laptop");
  auto& namesake = server_.connect("alice@example.net/phone");
  EXPECT_EQ(ask("kick_user", {"alice", "example.org"}), 2);
  EXPECT_EQ(phone.ended(), xmpp::StreamCondition::policy_violation);
  EXPECT_EQ(laptop.ended(), xmpp::StreamCondition::policy_violation);
  EXPECT_FALSE(namesake.ended());
  EXPECT_EQ(ask("kick_user", {"alice", "example.org"}), 0);
}

TEST_F(AdminTest, DumpThatCannotBeWritten_LeavesNoFile) {
  const TemporaryFolder folder;
  const std::string file = folder / "dump.yml";
  Admin admin(server_.server(), {.dump_config = [] { return std::string("hosts: [a]\n"); }});
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const rlimit none{0, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  ::signal(SIGXFSZ, SIG_IGN);
  const auto refused = server_.wait(admin.run("dump_config", {file}));
  ::setrlimit(RLIMIT_FSIZE, &usual);
  EXPECT_FALSE(refused);
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_TRUE(server_.wait(admin.run("dump_config", {file})));
}

TEST_F(AdminTest, Backup_TellsWhatItHolds_NeverReplacesAFile) {
  const TemporaryFolder folder;
  auto sqlite = store::open_sqlite(folder / "starling.db").value();
  ManualLoop loop;
  ThreadPool pool(1, "test");
  core::Server server(*sqlite, pool, std::vector<std::string>{"example.org"}, {}, {&loop});
  Admin admin(server, Hooks{});
  const std::string file = folder / "backup.db";
  ASSERT_TRUE(store::wait(loop, admin.run("register", {"alice", "example.org", "secret"})));
  const auto made = store::wait(loop, admin.run("backup", {file}));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)["file"], file);
  EXPECT_EQ((*made)["accounts"], 1);
  EXPECT_GT((*made)["bytes"], 4096);
  const auto again = store::wait(loop, admin.run("backup", {file}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::exists);
  EXPECT_EQ(refusal("backup", {"here.db"}).code, Errc::invalid) << "whose folder would it be in?";
  auto& gate = server.worker(0).gate();
  gate.close([] {});
  store::pump_until_empty(loop, gate);
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
