#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr core::Subscription kBoth{.to = true, .from = true};

class BlockingModule : public ModuleTest {
 protected:
  static std::string items(std::initializer_list<std::string_view> jids) {
    std::string xml;
    for (const auto jid : jids) xml += "<item jid='" + std::string(jid) + "'/>";
    return xml;
  }
  static std::string command(std::string_view name, const std::string& content) {
    const std::string start = "<" + std::string(name) + " xmlns='urn:xmpp:blocking'";
    return content.empty() ? start + "/>" : start + ">" + content + "</" + std::string(name) + ">";
  }
  static std::string block(core::TestClient& client, std::initializer_list<std::string_view> jids) {
    return ask(client, "set", "", command("block", items(jids)));
  }
  static std::string unblock(core::TestClient& client,
                             std::initializer_list<std::string_view> jids) {
    return ask(client, "set", "", command("unblock", items(jids)));
  }
  static std::string list(core::TestClient& client) {
    const auto answer = xml::Document::parse(ask(client, "get", "", command("blocklist", "")));
    const auto blocklist = answer->root().child("blocklist", xmpp::ns::kBlocking);
    EXPECT_TRUE(blocklist) << answer->root().raw();
    return blocklist ? std::string(blocklist->raw_content()) : "none";
  }
  static std::string unavailable(std::string_view from, std::string_view to) {
    return "<presence from='" + std::string(from) + "' to='" + std::string(to) +
           "' type='unavailable'/>";
  }
  static std::string available(std::string_view from, std::string_view to) {
    return "<presence from='" + std::string(from) + "' to='" + std::string(to) +
           "'><priority>0</priority></presence>";
  }
  void make_friends(std::string_view one, std::string_view other) {
    server_.write_item(one, other, kBoth);
    server_.write_item(other, one, kBoth);
  }
  // True if what `from` sends to alice's phone comes back as from one who is offline.
  static bool is_blocked(core::TestClient& from) {
    from.send("<iq type='get' to='alice@example.org/phone' id='1'><query xmlns='urn:test'/></iq>");
    const auto answers = from.take();
    EXPECT_THAT(answers, Each(HasSubstr("<service-unavailable ")));
    return !answers.empty();
  }

  core::TestClient& alice_ = server_.connect("alice@example.org/phone");
  core::TestClient& bob_ = server_.connect("bob@example.org/phone");
};
INSTANTIATE_TEST_SUITE_P(Workers, BlockingModule, testing::Values(1, 3));

TEST_P(BlockingModule, List_HoldsWhoIsBlocked) {
  EXPECT_EQ(list(alice_), "");
  const std::string done = result("alice@example.org", "alice@example.org/phone", "");
  EXPECT_EQ(block(alice_, {"Bob@Example.org", "spam.example"}), done);
  EXPECT_EQ(list(alice_), items({"bob@example.org", "spam.example"}));
  EXPECT_EQ(block(alice_, {"bob@example.org", "dave@example.net/x"}), done);
  EXPECT_EQ(list(alice_), items({"bob@example.org", "dave@example.net/x", "spam.example"}));
  EXPECT_EQ(unblock(alice_, {"spam.example", "nobody@example.net"}), done);
  EXPECT_EQ(list(alice_), items({"bob@example.org", "dave@example.net/x"}));
  EXPECT_EQ(unblock(alice_, {}), done);
  EXPECT_EQ(list(alice_), "");
}

// Section 3.3: the block applies across sessions, whether or not the account is in memory.
TEST_P(BlockingModule, Block_RemainsInForce) {
  block(alice_, {"bob@example.org"});
  alice_.disconnect();
  server_.home("alice@example.org").directory().remove_account("alice@example.org");
  bob_.send("<message to='alice@example.org' type='chat' id='1'><body>hi</body></message>");
  EXPECT_THAT(bob_.take(), ElementsAre(HasSubstr("<service-unavailable ")));
  EXPECT_THAT(server_.archive_of("alice@example.org"), IsEmpty());
  core::TestClient& again = server_.online("alice@example.org/phone");
  EXPECT_EQ(list(again), items({"bob@example.org"}));
  EXPECT_THAT(again.take(), IsEmpty());
}

// Section 3.3: what becomes of stanzas from a blocked address.
TEST_P(BlockingModule, Inbound_LooksAsIfTheUserWereOffline) {
  core::TestClient& phone = server_.online("alice@example.org/phone");
  block(phone, {"bob@example.org"});
  for (const char* to : {"alice@example.org", "alice@example.org/phone"}) {
    const std::string address = " to='" + std::string(to) + "' id='1'";
    bob_.send("<message" + address + "><body>hi</body></message>",
              "<iq type='get'" + address + "><query xmlns='urn:test'/></iq>",
              "<iq type='set'" + address + "><query xmlns='urn:test'/></iq>");
    EXPECT_THAT(bob_.take(), AllOf(SizeIs(3), Each(HasSubstr("<service-unavailable "))));
    bob_.send("<presence" + address + "/>", "<presence type='subscribe'" + address + "/>",
              "<presence type='probe'" + address + "/>", "<message type='error'" + address + "/>",
              "<iq type='result'" + address + "/>",
              "<iq type='error'" + address + "><error/></iq>");
    EXPECT_THAT(bob_.take(), IsEmpty());
  }
  EXPECT_THAT(phone.take(), IsEmpty());
  EXPECT_FALSE(server_.stored_item("alice@example.org", "bob@example.org"));
}

TEST_P(BlockingModule, Outbound_IsRefused) {
  block(alice_, {"bob@example.org"});
  alice_.take();
  alice_.send("<message to='bob@example.org' id='1'><body>hi</body></message>",
              "<iq to='bob@example.org/phone' type='get' id='2'><query xmlns='urn:test'/></iq>",
              "<presence to='bob@example.org/phone' id='3'/>",
              "<presence to='bob@example.org' type='subscribe' id='4'/>");
  EXPECT_THAT(
      alice_.take(),
      AllOf(SizeIs(4), Each(AllOf(HasSubstr("type='error'"), HasSubstr("<not-acceptable "),
                                  HasSubstr("<blocked xmlns='urn:xmpp:blocking:errors'/>")))));
  alice_.send("<iq to='bob@example.org/phone' type='result' id='5'/>");
  EXPECT_THAT(alice_.take(), IsEmpty());
  EXPECT_THAT(bob_.take(), IsEmpty());
  EXPECT_THAT(server_.archive_of("alice@example.org"), IsEmpty());
}

// Sections 3.3 and 3.4: only those who may see her presence see her go and come back.
TEST_P(BlockingModule, Subscribers_SeeHerGoAndComeBack) {
  make_friends("alice@example.org", "dave@example.org");
  core::TestClient& dave = server_.online("dave@example.org/phone");
  core::TestClient& phone = server_.online("alice@example.org/phone");
  core::TestClient& tablet = server_.online("alice@example.org/tablet");
  dave.take();
  phone.take();
  block(phone, {"dave@example.org", "bob@example.org"});
  EXPECT_THAT(dave.take(),
              UnorderedElementsAre(unavailable("alice@example.org/phone", "dave@example.org"),
                                   unavailable("alice@example.org/tablet", "dave@example.org")));
  phone.send("<presence><show>away</show><priority>0</priority></presence>",
             "<presence><priority>0</priority></presence>");
  dave.send("<presence><show>xa</show><priority>0</priority></presence>");
  EXPECT_THAT(dave.take(), SizeIs(1));  // his own
  phone.take();
  tablet.take();
  unblock(phone, {"dave@example.org"});
  EXPECT_THAT(dave.take(),
              UnorderedElementsAre(available("alice@example.org/phone", "dave@example.org"),
                                   available("alice@example.org/tablet", "dave@example.org")));
  // And she sees him, who has changed meanwhile.
  EXPECT_THAT(tablet.take(), ElementsAre(AllOf(HasSubstr("from='dave@example.org/phone'"),
                                               HasSubstr("<show>xa</show>"))));
}

// The roster that counts is the one of this moment.
TEST_P(BlockingModule, SubscriberOfAMomentAgo_SeesHerGo) {
  core::TestClient& phone = server_.online("alice@example.org/phone");
  core::TestClient& bob = server_.online("bob@example.org/phone");
  bob.send("<presence to='alice@example.org' type='subscribe'/>");
  phone.take();
  phone.send("<presence to='bob@example.org' type='subscribed'/>",
             "<iq type='set' id='1'>" + command("block", items({"bob@example.org"})) + "</iq>");
  const auto got = bob.take();
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(got.back(), unavailable("alice@example.org/phone", "bob@example.org"));
  EXPECT_THAT(got, testing::Contains(available("alice@example.org/phone", "bob@example.org")));
}

TEST_P(BlockingModule, DirectedPresence_EndsOnce) {
  alice_.send("<presence to='bob@example.org/phone'/>");
  EXPECT_THAT(bob_.take(), SizeIs(1));
  block(alice_, {"bob@example.org"});
  EXPECT_THAT(bob_.take(),
              ElementsAre(unavailable("alice@example.org/phone", "bob@example.org/phone")));
  alice_.disconnect();
  EXPECT_THAT(bob_.take(), IsEmpty());
}

// Section 6.
TEST_P(BlockingModule, Matching_IsByResourceAddressAndDomain) {
  core::TestClient& tablet = server_.connect("bob@example.org/tablet");
  core::TestClient& other = server_.connect("dave@example.net/phone");
  block(alice_, {"bob@example.org/phone"});
  EXPECT_TRUE(is_blocked(bob_));
  EXPECT_FALSE(is_blocked(tablet));
  block(alice_, {"bob@example.org"});
  EXPECT_TRUE(is_blocked(tablet));
  EXPECT_FALSE(is_blocked(other));
  unblock(alice_, {"bob@example.org"});
  EXPECT_TRUE(is_blocked(bob_));
  EXPECT_FALSE(is_blocked(tablet));
  block(alice_, {"example.net/phone"});
  EXPECT_FALSE(is_blocked(other));
  block(alice_, {"example.net"});
  EXPECT_TRUE(is_blocked(other));
  EXPECT_FALSE(is_blocked(tablet));
}

TEST_P(BlockingModule, DomainAndResourceOfContacts_AreTold) {
  make_friends("alice@example.org", "dave@example.net");
  make_friends("alice@example.org", "bob@example.org");
  core::TestClient& dave = server_.online("dave@example.net/phone");
  core::TestClient& bob = server_.online("bob@example.org/phone");
  core::TestClient& phone = server_.online("alice@example.org/phone");
  dave.take();
  bob.take();
  block(phone, {"example.net", "bob@example.org/phone"});
  EXPECT_THAT(dave.take(), ElementsAre(unavailable("alice@example.org/phone", "dave@example.net")));
  EXPECT_THAT(bob.take(),
              ElementsAre(unavailable("alice@example.org/phone", "bob@example.org/phone")));
  // He is blocked already: nothing changes for him.
  block(phone, {"dave@example.net"});
  EXPECT_THAT(dave.take(), IsEmpty());
  unblock(phone, {});
  EXPECT_THAT(dave.take(), ElementsAre(available("alice@example.org/phone", "dave@example.net")));
}

TEST_P(BlockingModule, Changes_ArePushedToThoseWhoAskedForTheList) {
  core::TestClient& tablet = server_.connect("alice@example.org/tablet");
  core::TestClient& other = server_.connect("alice@example.org/other");
  list(tablet);
  const auto pushed = [](const std::string& payload) {
    return "<iq to='alice@example.org/tablet' type='set' id='push'>" + payload + "</iq>";
  };
  block(alice_, {"B@example.net", "a@example.net"});
  EXPECT_THAT(tablet.take(),
              ElementsAre(pushed(command("block", items({"b@example.net", "a@example.net"})))));
  unblock(alice_, {"a@example.net"});
  EXPECT_THAT(tablet.take(), ElementsAre(pushed(command("unblock", items({"a@example.net"})))));
  unblock(alice_, {});
  EXPECT_THAT(tablet.take(), ElementsAre(pushed(command("unblock", ""))));
  EXPECT_THAT(other.take(), IsEmpty());
}

TEST_P(BlockingModule, MalformedCommands_ChangeNothing) {
  block(alice_, {"bob@example.org"});
  const auto set = [this](const std::string& name, const std::string& content) {
    return ask(alice_, "set", "", command(name, content));
  };
  EXPECT_THAT(set("block", ""), HasSubstr("<bad-request "));
  EXPECT_THAT(set("block", "<item/>"), HasSubstr("<bad-request "));
  EXPECT_THAT(set("block", items({"a@example.net", "a@@b"})), HasSubstr("<jid-malformed "));
  EXPECT_THAT(set("block", items({"a@example.net", ""})), HasSubstr("<jid-malformed "));
  EXPECT_THAT(set("unblock", items({"bob@example.org", "a@@b"})), HasSubstr("<jid-malformed "));
  EXPECT_THAT(set("unblock", "<itme jid='a@example.net'/>"), HasSubstr("<bad-request "));
  EXPECT_EQ(list(alice_), items({"bob@example.org"}));
}

TEST_P(BlockingModule, Others_CannotUseIt) {
  for (const char* type : {"get", "set"}) {
    EXPECT_THAT(ask(bob_, type, "alice@example.org",
                    command(*type == 'g' ? "blocklist" : "block", items({"bob@example.org"}))),
                HasSubstr("<service-unavailable "));
  }
  EXPECT_EQ(list(alice_), "");
}

TEST_P(BlockingModule, StoreFailure_ChangesNothing) {
  make_friends("alice@example.org", "dave@example.org");
  core::TestClient& dave = server_.online("dave@example.org/phone");
  core::TestClient& phone = server_.online("alice@example.org/phone");
  dave.take();
  server_.store().fail_call(1);
  EXPECT_THAT(block(phone, {"dave@example.org"}), HasSubstr("<resource-constraint "));
  EXPECT_THAT(dave.take(), IsEmpty());
  EXPECT_EQ(list(phone), "");
  EXPECT_FALSE(is_blocked(dave));
}

TEST_P(BlockingModule, ListThatCannotBeRead_LetsNobodyIn) {
  block(alice_, {"bob@example.org"});
  alice_.disconnect();
  server_.home("alice@example.org").directory().remove_account("alice@example.org");
  for (int call = 1; call <= 3; ++call) {  // the account, its cursor, its list
    server_.store().fail_call(call);
    EXPECT_THAT(ask(bob_, "get", "alice@example.org", "<query xmlns='urn:test'/>"),
                HasSubstr("<resource-constraint "))
        << call;
  }
}

TEST_P(BlockingModule, OwnResourcesAndTheServer_AreNeverBlocked) {
  core::TestClient& tablet = server_.connect("alice@example.org/tablet");
  block(alice_, {"example.org", "alice@example.org", "alice@example.org/tablet"});
  alice_.send("<message to='alice@example.org/tablet' id='1'/>");
  EXPECT_THAT(tablet.take(), SizeIs(1));
  EXPECT_FALSE(is_blocked(tablet));
  alice_.take();
  EXPECT_THAT(ask(alice_, "get", "example.org", "<ping xmlns='urn:xmpp:ping'/>"),
              HasSubstr("type='result'"));
  EXPECT_TRUE(is_blocked(bob_));
}

// While a block waits for the store, what follows it waits too, and so it is refused.
TEST_P(BlockingModule, WhatFollowsABlock_DoesNotOvertakeIt) {
  alice_.send("<presence/>");
  server_.store().hold();
  alice_.send("<iq type='set' id='1'>" + command("block", items({"bob@example.org"})) + "</iq>",
              "<message to='bob@example.org' id='2'/>", "<presence to='bob@example.org' id='3'/>",
              "<presence to='bob@example.org' type='subscribe' id='4'/>");
  bob_.send("<iq to='alice@example.org/phone' type='get' id='5'><q xmlns='urn:test'/></iq>");
  alice_.take();
  server_.release_one_by_one();
  server_.settle();
  EXPECT_THAT(alice_.take(),
              UnorderedElementsAre(HasSubstr("type='result'"), HasSubstr("<not-acceptable "),
                                   HasSubstr("<not-acceptable "), HasSubstr("<not-acceptable ")));
  EXPECT_THAT(bob_.take(), ElementsAre(HasSubstr("<service-unavailable ")));
}

TEST_P(BlockingModule, List_HasALimit) {
  std::string many;
  for (int i = 0; i < 5'000; ++i) many += "<item jid='u" + std::to_string(i) + "@example.net'/>";
  EXPECT_THAT(ask(alice_, "set", "", command("block", many)), HasSubstr("type='result'"));
  EXPECT_THAT(block(alice_, {"u1@example.net"}), HasSubstr("type='result'"));
  EXPECT_THAT(block(alice_, {"one@example.net"}), HasSubstr("<policy-violation "));
  EXPECT_THAT(list(alice_), Not(HasSubstr("'one@example.net'")));
}

TEST_P(BlockingModule, RequestOfTheBlocked_IsNotShownAtLogIn) {
  bob_.send("<presence to='alice@example.org' type='subscribe'/>");
  block(alice_, {"bob@example.org"});
  alice_.send("<presence/>");
  EXPECT_THAT(alice_.take(), Each(Not(HasSubstr("subscribe"))));
  unblock(alice_, {});
  alice_.send("<presence type='unavailable'/>", "<presence/>");
  EXPECT_THAT(alice_.take(), testing::Contains(HasSubstr("type='subscribe'")));
}

}  // namespace
}  // namespace starling::modules
