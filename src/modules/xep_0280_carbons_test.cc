#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kChatState = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
constexpr const char* kRoomMark = "<x xmlns='http://jabber.org/protocol/muc#user'/>";
constexpr const char* kInvitation =
    "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='d@example.net'/></x>";

class CarbonsModule : public ModuleTest {
 protected:
  CarbonsModule() { EXPECT_EQ(enable(tablet_), done("alice@example.org/tablet")); }

  static std::string enable(core::TestClient& client) {
    return ask(client, "set", "", "<enable xmlns='urn:xmpp:carbons:2'/>");
  }
  static std::string disable(core::TestClient& client) {
    return ask(client, "set", "", "<disable xmlns='urn:xmpp:carbons:2'/>");
  }
  static std::string done(std::string_view to) { return result("alice@example.org", to, ""); }
  // `message` begins with "<message".
  static std::string copy(std::string_view element, std::string_view type, std::string message) {
    message.insert(8, " xmlns='jabber:client'");
    return "<message from='alice@example.org' to='alice@example.org/tablet'" +
           (type.empty() ? "" : " type='" + std::string(type) + "'") + "><" + std::string(element) +
           " xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" + message +
           "</forwarded></" + std::string(element) + "></message>";
  }
  // Whether the tablet gets a copy of what her phone sends to bob, and of what he sends to it.
  bool sent_is_copied(const std::string& head, const std::string& content) {
    phone_.send("<message to='bob@example.org/phone' " + head + ">" + content + "</message>");
    return !tablet_.take().empty();
  }
  bool received_is_copied(const std::string& head, const std::string& content) {
    bob_.send("<message to='alice@example.org/phone' " + head + ">" + content + "</message>");
    return !tablet_.take().empty();
  }
  bool both_are_copied(const std::string& head, const std::string& content) {
    const bool sent = sent_is_copied(head, content);
    EXPECT_EQ(sent, received_is_copied(head, content)) << head << content;
    return sent;
  }

  core::TestClient& phone_ = server_.online("alice@example.org/phone");
  core::TestClient& tablet_ = server_.connect("alice@example.org/tablet");
  core::TestClient& bob_ = server_.online("bob@example.org/phone");
};
INSTANTIATE_TEST_SUITE_P(Workers, CarbonsModule, testing::Values(1, 3));

// Section 8: whether or not the client that sends has enabled carbons.
TEST_P(CarbonsModule, SentMessage_IsCopiedToOtherClients) {
  phone_.send("<message to='bob@example.org' type='chat' id='1'><body>a&amp;b</body></message>");
  EXPECT_THAT(tablet_.take(),
              ElementsAre(copy("sent", "chat",
                               "<message from='alice@example.org/phone' to='bob@example.org' "
                               "type='chat' id='1'><body>a&amp;b</body></message>")));
  EXPECT_THAT(phone_.take(), IsEmpty());
  EXPECT_THAT(bob_.take(), SizeIs(1));
  EXPECT_EQ(enable(phone_), done("alice@example.org/phone"));
  phone_.send("<message to='bob@example.org' type='chat' id='2'/>");
  EXPECT_THAT(phone_.take(), IsEmpty());
  EXPECT_THAT(tablet_.take(), SizeIs(1));
}

// Section 7: those that do not get it by RFC 6121.
TEST_P(CarbonsModule, ReceivedMessage_IsCopiedToOtherClients) {
  enable(phone_);
  bob_.send("<message to='alice@example.org/phone' type='chat' id='1'><body>hi</body></message>");
  EXPECT_THAT(tablet_.take(),
              ElementsAre(copy("received", "chat",
                               "<message from='bob@example.org/phone' to='alice@example.org/phone' "
                               "type='chat' id='1'><body>hi</body></message>")));
  EXPECT_THAT(phone_.take(), SizeIs(1));
  tablet_.send("<presence/>");
  tablet_.take();
  phone_.take();
  bob_.send("<message to='alice@example.org' type='chat' id='2'><body>hi</body></message>");
  EXPECT_THAT(tablet_.take(), ElementsAre(Not(HasSubstr("carbons"))));
  EXPECT_THAT(phone_.take(), ElementsAre(Not(HasSubstr("carbons"))));
}

TEST_P(CarbonsModule, Disabled_GetsNothing) {
  EXPECT_EQ(enable(tablet_), done("alice@example.org/tablet"));  // twice is no error
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(disable(tablet_), done("alice@example.org/tablet"));
    EXPECT_FALSE(both_are_copied("type='chat'", "<body>hi</body>"));
  }
  enable(tablet_);
  EXPECT_TRUE(both_are_copied("type='chat'", "<body>hi</body>"));
}

TEST_P(CarbonsModule, Others_CannotEnable) {
  EXPECT_THAT(ask(bob_, "set", "alice@example.org", "<enable xmlns='urn:xmpp:carbons:2'/>"),
              HasSubstr("<service-unavailable "));
}

// Section 6.1.
TEST_P(CarbonsModule, Conversations_AreCopied) {
  EXPECT_TRUE(both_are_copied("type='chat'", ""));
  EXPECT_TRUE(both_are_copied("", "<body>hi</body>"));
  EXPECT_TRUE(both_are_copied("type='normal'", kChatState));
  EXPECT_TRUE(both_are_copied("", "<received xmlns='urn:xmpp:receipts' id='1'/>"));
  EXPECT_TRUE(both_are_copied("", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"));
  EXPECT_FALSE(both_are_copied("", ""));
  EXPECT_FALSE(both_are_copied("", "<data xmlns='urn:test'/>"));
  EXPECT_FALSE(both_are_copied("type='headline'", "<body>news</body>"));
}

// Section 6.1 and 9; XEP-0334 section 4.3.
TEST_P(CarbonsModule, PrivateMessages_AreNotCopied) {
  const std::string body = "<body>hi</body>";
  EXPECT_FALSE(both_are_copied("type='chat'", body + "<private xmlns='urn:xmpp:carbons:2'/>"));
  EXPECT_FALSE(both_are_copied("type='chat'", body + "<no-copy xmlns='urn:xmpp:hints'/>"));
  // It reaches its addressee as it was (section 9).
  bob_.take();
  phone_.send("<message to='bob@example.org'><private xmlns='urn:xmpp:carbons:2'/></message>");
  EXPECT_THAT(bob_.take(), ElementsAre(HasSubstr("<private xmlns='urn:xmpp:carbons:2'/>")));
}

// Section 6.1, on rooms.
TEST_P(CarbonsModule, RoomMessages_AreCopiedByTheirRules) {
  const std::string body = "<body>hi</body>";
  EXPECT_FALSE(both_are_copied("type='groupchat'", body + kChatState));
  EXPECT_TRUE(both_are_copied("", "<x xmlns='jabber:x:conference' jid='room@example.net'/>"));
  EXPECT_TRUE(both_are_copied("", kInvitation));
  EXPECT_TRUE(sent_is_copied("type='chat'", body + kRoomMark));
  EXPECT_FALSE(received_is_copied("type='chat'", body + kRoomMark));
}

// Section 6.1: the errors to what was eligible, and no others.
TEST_P(CarbonsModule, Errors_AreCopiedIfTheMessageWas) {
  const std::string error = "<error type='cancel'/>";
  EXPECT_TRUE(sent_is_copied("type='chat' id='1'", "<body>hi</body>"));
  EXPECT_TRUE(received_is_copied("type='error' id='1'", error));
  EXPECT_FALSE(received_is_copied("type='error' id='2'", error));
  EXPECT_FALSE(received_is_copied("type='error'", error));
  EXPECT_FALSE(sent_is_copied("type='groupchat' id='3'", "<body>hi</body>"));
  EXPECT_FALSE(received_is_copied("type='error' id='3'", error));
  EXPECT_TRUE(received_is_copied("type='chat' id='4'", "<body>hi</body>"));
  EXPECT_TRUE(sent_is_copied("type='error' id='4'", error));
}

TEST_P(CarbonsModule, MessageThatGoesBack_IsNotCopied) {
  bob_.send("<message to='alice@example.org/gone' id='1'><body>hi</body></message>");
  EXPECT_THAT(bob_.take(), ElementsAre(HasSubstr("<service-unavailable ")));
  EXPECT_THAT(tablet_.take(), IsEmpty());
}

TEST_P(CarbonsModule, MessageBetweenOwnClients_IsSeenOnceByEach) {
  core::TestClient& desk = server_.connect("alice@example.org/desk");
  enable(phone_);
  phone_.send("<message to='alice@example.org/desk' type='chat' id='1'><body>x</body></message>");
  EXPECT_THAT(desk.take(), ElementsAre(Not(HasSubstr("carbons"))));
  EXPECT_THAT(tablet_.take(), ElementsAre(HasSubstr("<received xmlns='urn:xmpp:carbons:2'>")));
  EXPECT_THAT(phone_.take(), IsEmpty());
}

// XEP-0313 section 3.5: her own clients learn where a message is in her archive, bob does not; and
// nobody gives ids in her server's name.
TEST_P(CarbonsModule, SentCopy_BearsTheIdOfHerArchive) {
  phone_.send(
      "<message to='bob@example.org' type='chat' id='1'><body>hi</body>"
      "<stanza-id xmlns='urn:xmpp:sid:0' by='alice@example.org' id='forged'/></message>");
  const auto copies = tablet_.take_as_sent();
  ASSERT_THAT(copies, SizeIs(1));
  EXPECT_THAT(copies[0], AllOf(HasSubstr("</body><stanza-id xmlns='urn:xmpp:sid:0' "
                                         "by='alice@example.org' id='"),
                               Not(HasSubstr("forged"))));
  EXPECT_THAT(bob_.take_as_sent(), ElementsAre(Not(HasSubstr("by='alice@example.org'"))));
  EXPECT_THAT(server_.archive_of("alice@example.org"), ElementsAre(Not(HasSubstr("stanza-id"))));
  bob_.send("<message to='alice@example.org/phone' type='chat' id='2'><body>hi</body></message>");
  EXPECT_THAT(tablet_.take_as_sent(),
              ElementsAre(HasSubstr("<stanza-id xmlns='urn:xmpp:sid:0' by='alice@example.org'")));
}

// The message is archived and acknowledged; its copies are neither.
TEST_P(CarbonsModule, Copies_AreNotKept) {
  tablet_.manage();
  bob_.send("<message to='alice@example.org/phone' type='chat' id='1'><body>hi</body></message>");
  EXPECT_THAT(tablet_.take(), SizeIs(1));
  tablet_.disconnect();
  EXPECT_THAT(phone_.take(), SizeIs(1));
  EXPECT_THAT(bob_.take(), IsEmpty());
  EXPECT_THAT(server_.archive_of("alice@example.org"), SizeIs(1));
  EXPECT_THAT(server_.online("alice@example.org/tablet").take(), IsEmpty());
}

// What stands in line for a client that works off its backlog is not copied to it as well.
TEST_P(CarbonsModule, ClientThatCatchesUp_GetsItOnce) {
  phone_.disconnect();
  bob_.send("<message to='alice@example.org' type='chat' id='1'><body>1</body></message>");
  tablet_.take();
  tablet_.set_congested(true);
  tablet_.send("<presence/>");
  bob_.send("<message to='alice@example.org' type='chat' id='2'><body>2</body></message>");
  tablet_.set_congested(false);
  for (auto i = std::size_t{0}; i < GetParam(); ++i)
    server_.loop(i).advance(std::chrono::seconds(1));
  server_.settle();
  std::size_t second = 0;
  for (const auto& xml : tablet_.take()) second += xml.find(" id='2'") != std::string::npos;
  EXPECT_EQ(second, 1U);
}

}  // namespace
}  // namespace starling::modules
