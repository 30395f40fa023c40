#include "admin/grants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "admin/audit.h"
#include "admin/test_admin.h"

namespace starling::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Scopes, AreParsedAndCover) {
  const Scopes scopes = *parse_scopes("read, accounts:write");
  EXPECT_THAT(scopes, ElementsAre("read", "accounts:write"));
  EXPECT_EQ(to_string(scopes), "read,accounts:write");
  EXPECT_TRUE(cover(scopes, "session", false));
  EXPECT_FALSE(cover(scopes, "session", true));
  EXPECT_TRUE(cover(scopes, "accounts", true));
  EXPECT_TRUE(cover({"write"}, "session", true));
  EXPECT_TRUE(cover({"session:write"}, "session", false));
  EXPECT_FALSE(cover({"session:read"}, "session", true));
  EXPECT_FALSE(cover({"session:read"}, "server", false));
  for (const char* wrong : {"", " ", "all", "nothing:read", "accounts:", "accounts:all", ":read"}) {
    EXPECT_FALSE(parse_scopes(wrong)) << wrong;
  }
}

class GrantsTest : public ::testing::Test, protected TestAdmin {
 protected:
  GrantsTest() : TestAdmin(1, {.is_admin = [this](const xmpp::Jid&) { return is_admin_; }}) {}

  bool is_admin_ = true;
};

TEST_F(GrantsTest, OnlyTheWholeTextIsFound) {
  Grants grants = tokens(server_.server().store());
  const std::string text = *server_.wait(grants.make({.name = "x", .expires_us = 7}));
  const auto found = server_.wait(grants.find(text));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->name, "x");
  EXPECT_EQ((*found)->expires_us, 7);
  std::string other = text;
  other.back() = other.back() == 'a' ? 'b' : 'a';
  for (const std::string& wrong : {other, text.substr(0, text.size() - 1), text + "a",
                                   text.substr(0, 10), std::string(), std::string(63, '_')}) {
    EXPECT_FALSE(*server_.wait(grants.find(wrong))) << wrong;
  }
}

TEST_F(GrantsTest, NotingUseDoesNotBringOneBack) {
  Grants grants = tokens(server_.server().store());
  const std::string text = *server_.wait(grants.make({.name = "x"}));
  const Grant grant = **server_.wait(grants.find(text));
  EXPECT_TRUE(server_.wait(grants.end({grant.id})));
  const auto note = [](Grants* all, Grant used) -> Task<bool> {
    co_await all->note_use(std::move(used));
    co_return true;
  };
  server_.wait(note(&grants, grant));
  EXPECT_FALSE(*server_.wait(grants.find(text)));
  EXPECT_THAT(*server_.wait(grants.list()), IsEmpty());
}

TEST_F(GrantsTest, SealChangesWithThePassword_AndNeedsAnAdministrator) {
  const auto seal = [&] {
    return server_.wait(
        seal_of_admin(server_.server(), admin_.hooks().is_admin, core::jid("alice@example.org")));
  };
  const auto before = seal();
  ASSERT_TRUE(before);
  EXPECT_EQ(*seal(), *before);
  ask("change_password", {"alice", "example.org", "new"});
  EXPECT_NE(*seal(), *before);
  ask("ban_account", {"alice", "example.org", "spam"});
  EXPECT_EQ(seal().error().code, Errc::denied);
  ask("unban_account", {"alice", "example.org"});
  EXPECT_TRUE(seal());
  is_admin_ = false;
  EXPECT_EQ(seal().error().code, Errc::denied);
  is_admin_ = true;
  ask("unregister", {"alice", "example.org"});
  EXPECT_EQ(seal().error().code, Errc::denied);
}

TEST_F(GrantsTest, Changes_AreRecordedWithoutSecrets) {
  ask("change_password", {"alice", "example.org", "unheard-of"});
  ask("check_account", {"alice", "example.org"});
  EXPECT_EQ(refusal("unban_account", {"alice", "example.org"}).code, Errc::not_found);
  const Json log = ask("audit_log", {"", "10"});
  ASSERT_EQ(log["items"].size(), 2U) << log;
  EXPECT_EQ(log["items"][0]["command"], "unban_account");
  EXPECT_EQ(log["items"][0]["result"], "alice@example.org is not banned");
  EXPECT_EQ(log["items"][1]["arguments"],
            Json({{"user", "alice"}, {"host", "example.org"}, {"password", "***"}}));
  EXPECT_EQ(log["next"], Json());
  const Json first = ask("audit_log", {"", "1"});
  const Json second = ask("audit_log", {first["next"].get<std::string>(), "1"});
  EXPECT_EQ(second["items"][0], log["items"][1]);
}

TEST_F(GrantsTest, RecordsAtTheSameTime_AreAllKept) {
  auto& logs = server_.server().store().logs();
  const auto twice = [](store::Logs* into) -> Task<bool> {
    AuditRecord one{.command = "one"};
    AuditRecord two{.command = "two"};
    co_await write_audit(*into, std::move(one));
    co_await write_audit(*into, std::move(two));
    co_return true;
  };
  server_.wait(twice(&logs));
  EXPECT_EQ(server_.wait(read_audit(logs, 0, 10))->records.size(), 2U);
}

}  // namespace
}  // namespace starling::admin
