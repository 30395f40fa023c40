#include <gmock/gmock.h>

#include "core/archive.h"
#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using core::TestClient;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ArchivePreferencesModule : public ModuleTest {
 protected:
  static std::string prefs(const std::string& otherwise, const std::string& always = "",
                           const std::string& never = "") {
    const auto list = [](const std::string& name, const std::string& jid) {
      return jid.empty() ? "<" + name + "/>"
                         : "<" + name + "><jid>" + jid + "</jid></" + name + ">";
    };
    return "<prefs xmlns='urn:xmpp:mam:2' default='" + otherwise + "'>" + list("always", always) +
           list("never", never) + "</prefs>";
  }
  static void choose(TestClient& client, const std::string& preferences) {
    EXPECT_THAT(ask(client, "set", "", preferences), HasSubstr(preferences));
  }
  static std::string message(const std::string& to, const std::string& body) {
    return "<message type='chat' to='" + to + "'><body>" + body + "</body></message>";
  }
  std::size_t archived(const std::string& owner = "alice@example.org") {
    return server_.archive_of(owner).size();
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, ArchivePreferencesModule, testing::Values(1, 3));

TEST_P(ArchivePreferencesModule, AreKept) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  constexpr const char* kGet = "<prefs xmlns='urn:xmpp:mam:2'/>";
  EXPECT_EQ(ask(alice, "get", "", kGet),
            result("alice@example.org", "alice@example.org/phone", prefs("always")));
  const std::string chosen = prefs("roster", "bob@example.org/desk", "carol@example.org");
  EXPECT_EQ(ask(alice, "set", "", chosen),
            result("alice@example.org", "alice@example.org/phone", chosen));
  TestClient& tablet = server_.connect("alice@example.org/tablet");
  EXPECT_THAT(ask(tablet, "get", "alice@example.org", kGet), HasSubstr(chosen));
  // Both lists may be left out.
  EXPECT_THAT(ask(alice, "set", "", "<prefs xmlns='urn:xmpp:mam:2' default='never'/>"),
              HasSubstr(prefs("never")));
  EXPECT_THAT(ask(alice, "get", "", kGet), HasSubstr(prefs("never")));
}

TEST_P(ArchivePreferencesModule, Never_IsNotArchivedEitherWay) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/desk");
  choose(alice, prefs("never"));
  bob.send(message("alice@example.org", "1"));
  alice.send(message("bob@example.org", "2"));
  EXPECT_EQ(alice.take().size(), 1U);
  EXPECT_EQ(archived(), 0U);
  EXPECT_EQ(archived("bob@example.org"), 2U) << "bob's archive is his own affair";
}

TEST_P(ArchivePreferencesModule, Never_ReachesAnOfflineUserOnce) {
  TestClient& bob = server_.connect("bob@example.org/desk");
  TestClient& alice = server_.connect("alice@example.org/phone");
  choose(alice, prefs("never"));
  alice.disconnect();
  bob.send(message("alice@example.org", "1"));
  EXPECT_EQ(archived(), 0U);
  TestClient& phone = server_.connect("alice@example.org/phone");
  phone.send("<presence/>");
  EXPECT_THAT(phone.take(), testing::Contains(HasSubstr("<body>1</body>")));
  EXPECT_EQ(archived(), 0U);
  TestClient& tablet = server_.connect("alice@example.org/tablet");
  tablet.send("<presence/>");
  EXPECT_THAT(tablet.take(), testing::Not(testing::Contains(HasSubstr("<body>1</body>"))));
}

TEST_P(ArchivePreferencesModule, Lists_GoBeforeTheDefault) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& desk = server_.connect("bob@example.org/desk");
  TestClient& tablet = server_.connect("bob@example.org/tablet");
  const auto send_both = [&] {
    desk.send(message("alice@example.org", "desk"));
    tablet.send(message("alice@example.org", "tablet"));
  };
  choose(alice, prefs("never", "bob@example.org"));
  send_both();
  EXPECT_EQ(archived(), 2U);
  choose(alice, prefs("always", "", "bob@example.org"));
  send_both();
  EXPECT_EQ(archived(), 2U);
  choose(alice, prefs("always", "", "bob@example.org/desk"));
  send_both();
  EXPECT_EQ(archived(), 3U);
  choose(alice, prefs("always", "bob@example.org/desk", "bob@example.org"));
  send_both();
  EXPECT_EQ(archived(), 4U);
}

TEST_P(ArchivePreferencesModule, Roster_IsLookedAtAsItIsNow) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& bob = server_.connect("bob@example.org/desk");
  const auto set_item = [&alice](const std::string& attributes) {
    alice.send("<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='bob@example.org'" +
               attributes + "/></query></iq>");
  };
  choose(alice, prefs("roster"));
  bob.send(message("alice@example.org", "1"));
  EXPECT_EQ(archived(), 0U);
  set_item("");
  bob.send(message("alice@example.org", "2"));
  EXPECT_EQ(archived(), 1U);
  // Also while she is away, and after that.
  alice.disconnect();
  bob.send(message("alice@example.org", "3"));
  EXPECT_EQ(archived(), 2U);
  server_.home("alice@example.org").directory().remove_account("alice@example.org");
  bob.send(message("alice@example.org", "4"));
  EXPECT_EQ(archived(), 3U);
  TestClient& phone = server_.online("alice@example.org/phone");
  phone.send(
      "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='bob@example.org' "
      "subscription='remove'/></query></iq>");
  phone.disconnect();
  bob.send(message("alice@example.org", "5"));
  EXPECT_EQ(archived(), 3U);
}

TEST_P(ArchivePreferencesModule, OutliveTheAccountsTimeInMemory) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  choose(alice, prefs("always", "", "bob@example.org"));
  alice.disconnect();
  server_.home("alice@example.org").directory().remove_account("alice@example.org");
  server_.connect("bob@example.org/desk").send(message("alice@example.org", "1"));
  EXPECT_EQ(archived(), 0U);
  // And the usual ones leave nothing behind.
  TestClient& phone = server_.connect("alice@example.org/phone");
  choose(phone, prefs("always"));
  const auto stored = server_.wait(server_.store().maps().scan("alice@example.org", "archive"));
  EXPECT_THAT(*stored, IsEmpty());
}

TEST_P(ArchivePreferencesModule, BadOnes_AreRefusedAndChangeNothing) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  choose(alice, prefs("never"));
  std::string many = "<never>";
  for (int i = 0; i <= 1'000; ++i) many += "<jid>user" + std::to_string(i) + "@example.org</jid>";
  many += "</never>";
  for (const auto& [payload, condition] : std::vector<std::pair<std::string, std::string>>{
           {"<prefs xmlns='urn:xmpp:mam:2'/>", "bad-request"},
           {prefs("sometimes"), "bad-request"},
           {prefs("always", "@"), "jid-malformed"},
           {prefs("always", "", "a@"), "jid-malformed"},
           {"<prefs xmlns='urn:xmpp:mam:2' default='always'>" + many + "</prefs>",
            "policy-violation"}}) {
    EXPECT_THAT(ask(alice, "set", "", payload), HasSubstr("<" + condition + " ")) << payload;
  }
  EXPECT_THAT(ask(alice, "get", "", "<prefs xmlns='urn:xmpp:mam:2'/>"), HasSubstr(prefs("never")));
}

TEST_P(ArchivePreferencesModule, StoreFailure_ChangesNothing) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  for (const int call : {1, 2}) {  // the roster, the preferences
    server_.store().fail_call(call);
    EXPECT_THAT(ask(alice, "set", "", prefs("roster")), HasSubstr("<resource-constraint "));
  }
  EXPECT_THAT(ask(alice, "get", "", "<prefs xmlns='urn:xmpp:mam:2'/>"), HasSubstr(prefs("always")));
}

TEST_P(ArchivePreferencesModule, AreNobodyElses) {
  TestClient& bob = server_.connect("bob@example.org/desk");
  for (const char* type : {"get", "set"}) {
    EXPECT_THAT(ask(bob, type, "alice@example.org", prefs("never")),
                HasSubstr("<service-unavailable "));
  }
}

}  // namespace
}  // namespace starling::modules
