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

TEST(Directory, Sessions_AreFoundByBareAndFullJid) {
  Directory directory;
  Session& phone = directory.add(session("a@x.example/phone", 1));
  Session& tablet = directory.add(session("a@x.example/tablet", 2));
  directory.add(session("b@x.example/phone", 3));
  EXPECT_EQ(directory.session_count(), 3U);
  EXPECT_EQ(directory.find_session(jid("a@x.example/phone")), &phone);
  EXPECT_EQ(directory.find_session(jid("a@x.example/tablet")), &tablet);
  EXPECT_EQ(directory.find_session(jid("a@x.example/Phone")), nullptr);
  EXPECT_EQ(directory.find_session(jid("a@x.example")), nullptr);
  EXPECT_EQ(directory.find("a@x.example")->sessions.size(), 2U);
  EXPECT_EQ(directory.find("a@y.example"), nullptr);
}

TEST(Directory, Reference_FindsThatVerySessionOnly) {
  Directory directory;
  Session& phone = directory.add(session("a@x.example/phone", 1));
  const SessionRef ref{phone.jid, phone.id};
  EXPECT_EQ(directory.find(ref), &phone);
  directory.remove(phone);
  EXPECT_EQ(directory.find(ref), nullptr);
  directory.add(session("a@x.example/phone", 2));
  EXPECT_EQ(directory.find(ref), nullptr);
}

TEST(Directory, LastSession_TakesTheAccountWithIt) {
  Directory directory;
  Session& phone = directory.add(session("a@x.example/phone", 1));
  Session& tablet = directory.add(session("a@x.example/tablet", 2));
  directory.find("a@x.example")->roster = std::make_shared<Roster>();
  // The account's key must not be a view into a session's JID.
  EXPECT_EQ(directory.remove(phone)->id, 1U);
  EXPECT_NE(directory.find("a@x.example"), nullptr);
  EXPECT_NE(directory.find("a@x.example")->roster, nullptr);
  directory.remove(tablet);
  EXPECT_EQ(directory.find("a@x.example"), nullptr);
  EXPECT_EQ(directory.session_count(), 0U);
}

TEST(Directory, ForEach_VisitsAll) {
  Directory directory;
  directory.add(session("a@x.example/1", 1));
  directory.add(session("a@x.example/2", 2));
  directory.add(session("b@x.example/1", 3));
  std::set<SessionId> seen;
  directory.for_each([&](const Session& visited) { seen.insert(visited.id); });
  EXPECT_EQ(seen, (std::set<SessionId>{1, 2, 3}));
}

}  // namespace
}  // namespace starling::core
