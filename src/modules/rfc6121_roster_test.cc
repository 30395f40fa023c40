// Roster management by iq (RFC 6121 section 2).
#include <set>

#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RosterModule : public ModuleTest {
 protected:
  static std::string set(core::TestClient& client, const std::string& items) {
    return ask(client, "set", "", "<query xmlns='jabber:iq:roster'>" + items + "</query>");
  }
  static std::string get(core::TestClient& client) {
    return ask(client, "get", "", "<query xmlns='jabber:iq:roster'/>");
  }
  static std::string roster(const std::string& items) {
    return result("alice@example.org", "alice@example.org/phone",
                  items.empty() ? "<query xmlns='jabber:iq:roster'/>"
                                : "<query xmlns='jabber:iq:roster'>" + items + "</query>");
  }
  static std::string done() { return result("alice@example.org", "alice@example.org/phone", ""); }
  core::TestClient& alice() { return server_.connect("alice@example.org/phone"); }
};
INSTANTIATE_TEST_SUITE_P(Workers, RosterModule, testing::Values(1, 3));

TEST_P(RosterModule, Get_IsEmptyAtFirst) {
  EXPECT_EQ(get(alice()), roster(""));
}

TEST_P(RosterModule, SetThenGet_HoldsNameAndGroups) {
  core::TestClient& client = alice();
  EXPECT_EQ(set(client,
                "<item jid='Bob@Example.org/x' name='Bob &amp; Co' subscription='both'>"
                "<group>A</group><group>B</group></item>"),
            done());
  const std::string item =
      "<item jid='bob@example.org' name='Bob &amp; Co' subscription='none'>"
      "<group>A</group><group>B</group></item>";
  EXPECT_EQ(get(client), roster(item));
  EXPECT_EQ(set(client, "<item jid='bob@example.org' name='R'/>"), done());
  EXPECT_EQ(get(client), roster("<item jid='bob@example.org' name='R' subscription='none'/>"));
}

TEST_P(RosterModule, Set_IsPushedToThoseWhoAskedForTheRoster) {
  core::TestClient& client = alice();
  core::TestClient& tablet = server_.connect("alice@example.org/tablet");
  core::TestClient& other = server_.connect("alice@example.org/other");
  get(tablet);
  set(client, "<item jid='bob@example.org'/>");
  EXPECT_THAT(tablet.take(),
              ElementsAre("<iq to='alice@example.org/tablet' type='set' id='push'>"
                          "<query xmlns='jabber:iq:roster'>"
                          "<item jid='bob@example.org' subscription='none'/></query></iq>"));
  EXPECT_THAT(other.take(), IsEmpty());
  tablet.send("<iq type='result' id='push'/>");  // as clients answer: of no consequence
  EXPECT_THAT(tablet.take(), IsEmpty());
}

TEST_P(RosterModule, Remove_TakesItAway) {
  core::TestClient& client = alice();
  set(client, "<item jid='bob@example.org'/>");
  EXPECT_EQ(set(client, "<item jid='bob@example.org' subscription='remove'/>"), done());
  EXPECT_EQ(get(client), roster(""));
  EXPECT_THAT(set(client, "<item jid='bob@example.org' subscription='remove'/>"),
              HasSubstr("<item-not-found "));
}

TEST_P(RosterModule, RequestOfAStranger_IsNotInTheRoster) {
  core::TestClient& client = alice();
  server_.online("bob@example.org/phone")
      .send("<presence to='alice@example.org' type='subscribe'/>");
  EXPECT_EQ(get(client), roster(""));
}

TEST_P(RosterModule, Mistakes_HaveTheErrorsOf233) {
  core::TestClient& client = alice();
  const std::string long_text(1'024, 'x');
  std::string groups;
  for (int i = 0; i < 65; ++i) groups += "<group>" + std::to_string(i) + "</group>";
  const std::pair<std::string, const char*> mistakes[] = {
      {"", "bad-request"},
      {"<item/>", "bad-request"},
      {"<item jid='a@x.example'/><item jid='b@x.example'/>", "bad-request"},
      {"<item xmlns='urn:other' jid='a@x.example'/>", "bad-request"},
      {"<item jid='a@x.example'><group>A</group><group>A</group></item>", "bad-request"},
      {"<item jid='@'/>", "jid-malformed"},
      {"<item jid='a@x.example'><group></group></item>", "not-acceptable"},
      {"<item jid='a@x.example'><group>" + long_text + "</group></item>", "not-acceptable"},
      {"<item jid='a@x.example' name='" + long_text + "'/>", "not-acceptable"},
      {"<item jid='a@x.example'>" + groups + "</item>", "not-acceptable"},
      {"<item jid='alice@example.org/tablet'/>", "not-allowed"},
  };
  for (const auto& [items, condition] : mistakes) {
    EXPECT_THAT(set(client, items), HasSubstr("<" + std::string(condition) + " ")) << items;
  }
  EXPECT_EQ(get(client), roster(""));
}

TEST_P(RosterModule, OthersRoster_IsNobodysBusiness) {
  core::TestClient& client = alice();
  for (const char* to : {"bob@example.org", "nobody@example.org", "example.org"}) {
    EXPECT_THAT(ask(client, "get", to, "<query xmlns='jabber:iq:roster'/>"),
                HasSubstr("<service-unavailable "));
    EXPECT_THAT(ask(client, "set", to,
                    "<query xmlns='jabber:iq:roster'><item jid='x@example.org'/></query>"),
                HasSubstr("<service-unavailable "));
  }
  EXPECT_FALSE(server_.stored_item("bob@example.org", "x@example.org"));
}

TEST_P(RosterModule, StoreFailure_IsAnErrorAndNoChange) {
  core::TestClient& client = alice();
  server_.store().fail_call(1);
  EXPECT_THAT(get(client), HasSubstr("<resource-constraint "));
  EXPECT_FALSE(client.session().interested);
  EXPECT_EQ(get(client), roster(""));
  server_.store().fail_call(1);
  EXPECT_THAT(set(client, "<item jid='bob@example.org'/>"), HasSubstr("<resource-constraint "));
  EXPECT_EQ(get(client), roster(""));
  set(client, "<item jid='bob@example.org'/>");
  server_.store().fail_call(1);
  EXPECT_THAT(set(client, "<item jid='bob@example.org' subscription='remove'/>"),
              HasSubstr("<resource-constraint "));
  EXPECT_THAT(get(client), HasSubstr("bob@example.org"));
}

// Roster gets, sets and subscriptions of several resources, sent while the store is slow, leave one
// roster: the memory's is the store's.
TEST_P(RosterModule, SlowStore_LosesNoChange) {
  core::TestClient& client = alice();
  core::TestClient& tablet = server_.connect("alice@example.org/tablet");
  const std::string query = "<query xmlns='jabber:iq:roster'>";
  server_.store().hold();
  client.send("<iq type='get' id='1'>" + query + "</query></iq>");
  tablet.send("<iq type='set' id='2'>" + query + "<item jid='b@x.example'/></query></iq>",
              "<iq type='get' id='3'>" + query + "</query></iq>",
              "<presence type='subscribe' to='c@example.org'/>");
  client.send("<iq type='set' id='4'>" + query + "<item jid='d@x.example'/></query></iq>");
  server_.release_one_by_one();
  client.take();
  const std::string got = get(client);
  for (const char* contact : {"b@x.example", "c@example.org", "d@x.example"}) {
    EXPECT_THAT(got, HasSubstr(contact));
    EXPECT_TRUE(server_.stored_item("alice@example.org", contact)) << contact;
  }
}

// What a client sends after a roster set comes after it, at whomever it arrives.
TEST_P(RosterModule, MessageAfterASet_DoesNotOvertakeIt) {
  core::TestClient& client = alice();
  core::TestClient& bob = server_.online("bob@example.org/phone");
  get(client);
  server_.store().hold();
  client.send(
      "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
      "<item jid='bob@example.org'/></query></iq>",
      "<presence type='subscribe' to='bob@example.org' id='2'/>",
      "<message to='bob@example.org' id='3'/>");
  EXPECT_THAT(bob.take(), IsEmpty());
  server_.release_one_by_one();
  const auto got = bob.take();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_THAT(got[0], HasSubstr(" id='2'"));
  EXPECT_THAT(got[1], HasSubstr(" id='3'"));
}

// Section 2.6.
class RosterVersions : public RosterModule {
 protected:
  static std::string ver_of(const std::string& stanza) {
    const auto document = xml::Document::parse(stanza);
    const auto query = document->root().child("query", "jabber:iq:roster");
    return query ? std::string(query->attribute("ver").value_or("none")) : "no query";
  }
  static std::string get_since(core::TestClient& client, const std::string& ver) {
    return ask(client, "get", "", "<query xmlns='jabber:iq:roster' ver='" + ver + "'/>");
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, RosterVersions, testing::Values(1, 3));

TEST_P(RosterVersions, CurrentVersion_IsAnsweredWithNothing) {
  core::TestClient& client = alice();
  EXPECT_EQ(ver_of(get(client)), "none");  // to those who do not ask for it
  const std::string empty = ver_of(get_since(client, ""));
  EXPECT_EQ(get_since(client, empty), done());
  set(client, "<item jid='bob@example.org'/>");
  const std::string whole = get_since(client, empty);
  EXPECT_THAT(whole, HasSubstr("<item jid='bob@example.org'"));
  EXPECT_NE(ver_of(whole), empty);
  EXPECT_EQ(get_since(client, ver_of(whole)), done());
  EXPECT_THAT(get_since(client, "of some other server"), HasSubstr("bob@example.org"));
}

TEST_P(RosterVersions, EveryPush_BringsTheRostersNewVersion) {
  core::TestClient& client = alice();
  get(client);
  client.take();
  std::set<std::string> versions;
  for (const char* item :
       {"<item jid='bob@example.org'/>", "<item jid='bob@example.org' name='B'/>",
        "<item jid='bob@example.org' name='B'/>",
        "<item jid='bob@example.org' subscription='remove'/>"}) {
    client.send("<iq type='set' id='q'><query xmlns='jabber:iq:roster'>" + std::string(item) +
                "</query></iq>");
    const auto got = client.take_as_sent();
    ASSERT_EQ(got.size(), 2U);  // the push and the result
    const std::string ver = ver_of(got[got[0].find("type='set'") == std::string::npos ? 1 : 0]);
    EXPECT_TRUE(versions.insert(ver).second) << item;
    EXPECT_EQ(get_since(client, ver), done()) << item;
  }
}

// A change that no client is told of leaves the version as it is.
TEST_P(RosterVersions, RequestOfAStranger_ChangesNoVersion) {
  core::TestClient& client = alice();
  set(client, "<item jid='x@example.org'/>");
  const std::string ver = ver_of(get_since(client, ""));
  server_.online("bob@example.org/phone")
      .send("<presence to='alice@example.org' type='subscribe'/>");
  EXPECT_EQ(get_since(client, ver), done());
}

TEST_P(RosterVersions, Restart_KeepsVersionAndItemsTogether) {
  std::string ver;
  {
    core::TestClient& client = alice();
    set(client, "<item jid='bob@example.org'/>");
    ver = ver_of(get_since(client, ""));
  }
  server_.restart();
  core::TestClient& client = alice();
  EXPECT_EQ(get_since(client, ver), done());
  EXPECT_EQ(get(client), roster("<item jid='bob@example.org' subscription='none'/>"));
  set(client, "<item jid='bob@example.org' name='B'/>");
  EXPECT_THAT(get_since(client, ver), HasSubstr("name='B'"));
}

// Neither half of a change is there without the other.
TEST_P(RosterVersions, ChangeThatFailed_LeavesTheVersion) {
  core::TestClient& client = alice();
  set(client, "<item jid='bob@example.org'/>");
  const std::string ver = ver_of(get_since(client, ""));
  server_.store().fail_call(1);
  set(client, "<item jid='bob@example.org' name='B'/>");
  EXPECT_EQ(get_since(client, ver), done());
}

TEST(RosterFeature, PreApprovalAndVersions_AreAnnounced) {
  core::TestServer server(1, all());
  xml::Writer w;
  w.open("features");
  server.server().host("example.org")->write_stream_features(w);
  w.close();
  EXPECT_THAT(std::move(w).take(), HasSubstr("<sub xmlns='urn:xmpp:features:pre-approval'/>"
                                             "<ver xmlns='urn:xmpp:features:rosterver'/>"));
}

}  // namespace
}  // namespace starling::modules
