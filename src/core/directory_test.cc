#include "core/directory.h"

#include <set>

#include "core/test_server.h"

namespace starling::core {
namespace {

std::unique_ptr<Session> session(std::string_view full, SessionId id) {
  auto fresh = std::make_unique<Session>();
  fresh->jid = jid(full);
  fresh->id = id;
  return fresh;
}

Session& add(Directory& directory, std::string_view full, SessionId id) {
  auto fresh = session(full, id);
  if (directory.find(fresh->jid.bare()) == nullptr) {
    auto account = std::make_unique<LocalAccount>();
    account->bare = fresh->jid.to_bare();
    directory.add_account(std::move(account));
  }
  return directory.add(std::move(fresh));
}

TEST(Directory, Sessions_AreFoundByBareAndFullJid) {
  Directory directory;
  Session& phone = add(directory, "a@x.example/phone", 1);
  Session& tablet = add(directory, "a@x.example/tablet", 2);
  add(directory, "b@x.example/phone", 3);
  EXPECT_EQ(directory.session_count(), 3U);
  EXPECT_EQ(directory.account_count(), 2U);
  EXPECT_EQ(directory.find_session(jid("a@x.example/phone")), &phone);
  EXPECT_EQ(directory.find_session(jid("a@x.example/tablet")), &tablet);
  EXPECT_EQ(directory.find_session(jid("a@x.example/Phone")), nullptr);
  EXPECT_EQ(directory.find_session(jid("a@x.example")), nullptr);
  EXPECT_EQ(directory.find("a@x.example")->sessions.size(), 2U);
  EXPECT_EQ(directory.find("a@y.example"), nullptr);
}

// Whoever waits looks again, and finds that the account is gone.
TEST(Directory, WhoeverWaitsForWritesOfAnAccountThatGoes_WaitsNoMore) {
  Directory directory;
  auto account = std::make_unique<LocalAccount>();
  account->bare = jid("a@x.example");
  account->appending = 1;
  bool gone = false;
  account->when_appended.emplace_back(
      [&](bool) { gone = directory.find("a@x.example") == nullptr; });
  directory.add_account(std::move(account));
  directory.remove_account("a@x.example");
  EXPECT_TRUE(gone);
}

TEST(Directory, Reference_FindsThatVerySessionOnly) {
  Directory directory;
  Session& phone = add(directory, "a@x.example/phone", 1);
  const SessionRef ref{phone.jid, phone.id};
  EXPECT_EQ(directory.find(ref), &phone);
  directory.remove(phone);
  EXPECT_EQ(directory.find(ref), nullptr);
  add(directory, "a@x.example/phone", 2);
  EXPECT_EQ(directory.find(ref), nullptr);
}

// The queue of idle accounts may name it from before, and be full.
TEST(Directory, LastSession_IsNotWhatItsOwnAccountGoesFor) {
  Directory directory;
  Session& phone = add(directory, "a@x.example/phone", 1);
  for (SessionId id = 2; id < 4'200; ++id) {
    add(directory, "u" + std::to_string(id) + "@x.example/phone", id);
  }
  EXPECT_EQ(directory.remove(phone)->id, 1U);
  EXPECT_NE(directory.find("a@x.example"), nullptr);
}

TEST(Directory, LastSession_LeavesTheAccount) {
  Directory directory;
  Session& phone = add(directory, "a@x.example/phone", 1);
  Session& tablet = add(directory, "a@x.example/tablet", 2);
  directory.find("a@x.example")->roster = std::make_shared<Roster>();
  // The account's key must not be a view into a session's JID.
  EXPECT_EQ(directory.remove(phone)->id, 1U);
  EXPECT_NE(directory.find("a@x.example")->roster, nullptr);
  directory.remove(tablet);
  ASSERT_NE(directory.find("a@x.example"), nullptr);
  EXPECT_EQ(directory.find("a@x.example")->roster, nullptr);  // large, and seldom needed again
  EXPECT_EQ(directory.session_count(), 0U);
}

// Memory stays flat however many accounts are addressed; those in use stay.
TEST(Directory, ManyIdleAccounts_TheOldestGo) {
  Directory directory;
  add(directory, "busy@x.example/phone", 1);
  const auto add_idle = [&](const std::string& name) {
    auto account = std::make_unique<LocalAccount>();
    account->bare = jid(name + "@x.example");
    return &directory.add_account(std::move(account));
  };
  add_idle("writing")->appending = 1;
  add_idle("moved")->owed_changed = true;
  add_idle("first");
  for (int i = 0; i < 10'000; ++i) add_idle("user" + std::to_string(i));
  EXPECT_EQ(directory.find("first@x.example"), nullptr);
  EXPECT_EQ(directory.find("user0@x.example"), nullptr);
  EXPECT_NE(directory.find("user9999@x.example"), nullptr);
  EXPECT_NE(directory.find("busy@x.example"), nullptr);
  EXPECT_NE(directory.find("writing@x.example"), nullptr);
  EXPECT_NE(directory.find("moved@x.example"), nullptr);
}

TEST(Directory, ForEach_VisitsAll) {
  Directory directory;
  add(directory, "a@x.example/1", 1);
  add(directory, "a@x.example/2", 2);
  add(directory, "b@x.example/1", 3);
  std::set<SessionId> seen;
  directory.for_each([&](const Session& visited) { seen.insert(visited.id); });
  EXPECT_EQ(seen, (std::set<SessionId>{1, 2, 3}));
}

}  // namespace
}  // namespace starling::core
