#include "core/delivery.h"

#include <array>

#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Who is there of bob's account.
enum class Bob : std::uint8_t { offline, one, two, negative, unavailable };

struct Case {
  const char* name;
  const char* to;
  Bob bob;
};

// The conditions of RFC 6121 section 8.5, as columns of the table below.
constexpr std::array<Case, 14> kCases{{
    {"bare, nobody", "bob@example.org", Bob::offline},
    {"bare, one resource", "bob@example.org", Bob::one},
    {"bare, two resources", "bob@example.org", Bob::two},
    {"bare, negative priority", "bob@example.org", Bob::negative},
    {"bare, connected but unavailable", "bob@example.org", Bob::unavailable},
    {"bare, no such user", "nobody@example.org", Bob::one},
    {"full, match", "bob@example.org/phone", Bob::two},
    {"full, match with negative priority", "bob@example.org/phone", Bob::negative},
    {"full, match that is unavailable", "bob@example.org/phone", Bob::unavailable},
    {"full, nobody", "bob@example.org/gone", Bob::offline},
    {"full, another resource", "bob@example.org/gone", Bob::one},
    {"full, two others", "bob@example.org/gone", Bob::two},
    {"full, another with negative priority", "bob@example.org/gone", Bob::negative},
    {"full, no such user", "nobody@example.org/gone", Bob::one},
}};

struct Row {
  const char* head;  // of the stanza
  const char* content;
  std::array<const char*, 14> outcome;  // for each of kCases
};

// What happens: the resources that receive it, "O" if nobody does and it is kept for bob's next
// session, "E" if the sender gets service-unavailable.
constexpr const char* P = "phone";
constexpr const char* B = "phone tablet";
constexpr const char* E = "E";
constexpr const char* O = "O";
constexpr const char* S = "";  // silence
constexpr const char* kBody = "<body>hi</body>";
constexpr const char* kPayload = "<x xmlns='urn:test'/>";
constexpr const char* kError =
    "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";

// Bare JIDs: every resource with non-negative priority has its copy of a message.
const Row kRows[] = {
    {"message", kBody, {O, P, B, O, O, E, P, P, P, E, E, E, E, E}},
    {"message type='chat'", kBody, {O, P, B, O, O, E, P, P, P, O, P, B, O, E}},
    // Nobody misses what is not for people to read.
    {"message type='chat'", kPayload, {S, P, B, S, S, E, P, P, P, S, P, B, S, E}},
    {"message type='groupchat'", kBody, {E, E, E, E, E, E, P, P, P, E, E, E, E, E}},
    {"message type='headline'", kBody, {S, P, B, S, S, S, P, P, P, S, S, S, S, S}},
    {"message type='error'", kError, {S, S, S, S, S, S, P, P, P, S, S, S, S, S}},
    {"presence", S, {S, P, B, P, S, S, P, P, P, S, S, S, S, S}},
    {"presence type='unavailable'", S, {S, P, B, P, S, S, P, P, P, S, S, S, S, S}},
    {"presence type='error'", kError, {S, P, B, P, S, S, P, P, P, S, S, S, S, S}},
    // Subscriptions are the account's, so the resource makes no difference.
    {"presence type='subscribe'", S, {S, P, B, P, S, S, B, P, S, S, P, B, P, S}},
    {"presence type='subscribed'", S, {S, S, S, S, S, S, S, S, S, S, S, S, S, S}},
    {"presence type='unsubscribe'", S, {S, S, S, S, S, S, S, S, S, S, S, S, S, S}},
    {"presence type='unsubscribed'", S, {S, S, S, S, S, S, S, S, S, S, S, S, S, S}},
    {"presence type='probe'", S, {S, S, S, S, S, S, S, S, S, S, S, S, S, S}},
    // No module answers this payload for the account.
    {"iq type='get'", kPayload, {E, E, E, E, E, E, P, P, P, E, E, E, E, E}},
    {"iq type='set'", kPayload, {E, E, E, E, E, E, P, P, P, E, E, E, E, E}},
    {"iq type='result'", S, {S, S, S, S, S, S, P, P, P, S, S, S, S, S}},
    {"iq type='error'", kError, {S, S, S, S, S, S, P, P, P, S, S, S, S, S}},
};

std::string outcome_of(std::size_t workers, const Row& row, const Case& c) {
  TestServer server(workers);
  TestClient& alice = server.online("alice@example.org/home");
  std::vector<std::pair<std::string, TestClient*>> bobs;
  const auto add = [&](const std::string& resource, std::optional<int> priority) {
    const std::string full = "bob@example.org/" + resource;
    bobs.emplace_back(resource, priority ? &server.online(full, *priority) : &server.connect(full));
  };
  if (c.bob == Bob::unavailable) add("phone", std::nullopt);
  if (c.bob == Bob::negative) add("phone", -1);
  if (c.bob == Bob::one || c.bob == Bob::two) add("phone", 0);
  if (c.bob == Bob::two) add("tablet", 5);
  for (auto& [resource, bob] : bobs) bob->take();

  const std::string head(row.head);
  const std::string name = head.substr(0, head.find(' '));
  alice.send("<" + head + " id='t' to='" + c.to + "'>" + row.content + "</" + name + ">");
  std::string outcome;
  for (auto& [resource, bob] : bobs) {
    for (const std::string& xml : bob->take()) {
      EXPECT_NE(xml.find(" id='t'"), std::string::npos) << xml;
      outcome += (outcome.empty() ? "" : " ") + resource;
    }
  }
  for (const std::string& xml : alice.take()) {
    const bool unavailable = xml.find("<service-unavailable ") != std::string::npos;
    const bool from = xml.find("from='" + std::string(c.to) + "'") != std::string::npos;
    outcome += unavailable && from ? "E" : xml;
  }
  if (outcome.empty() && !server.archive_of("bob@example.org").empty()) outcome = "O";
  return outcome;
}

class DeliveryTable : public testing::TestWithParam<std::size_t> {};

TEST_P(DeliveryTable, EveryStanzaToEveryAddress_FollowsSection85) {
  for (const Row& row : kRows) {
    for (std::size_t i = 0; i < kCases.size(); ++i) {
      EXPECT_EQ(outcome_of(GetParam(), row, kCases[i]), row.outcome[i])
          << row.head << " to " << kCases[i].name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, DeliveryTable, testing::Values(1, 3));

class DeliveryTest : public ServerTest {};
INSTANTIATE_TEST_SUITE_P(Workers, DeliveryTest, testing::Values(1, 3));

TEST_P(DeliveryTest, NoAddress_IsOnesOwnAccount) {
  TestClient& phone = server_.online("alice@example.org/phone");
  TestClient& silent = server_.online("alice@example.org/silent", -1);
  phone.take();
  phone.send("<message id='1'><body>note</body></message>");
  EXPECT_THAT(phone.take(),
              ElementsAre("<message from='alice@example.org/phone' "
                          "to='alice@example.org' id='1'><body>note</body></message>"));
  EXPECT_THAT(silent.take(), IsEmpty());
}

TEST_P(DeliveryTest, OwnFullAddress_ReachesThatResourceOnly) {
  TestClient& phone = server_.online("alice@example.org/phone");
  TestClient& tablet = server_.online("alice@example.org/tablet");
  phone.take();
  phone.send("<message id='1' to='alice@example.org/tablet'/>");
  EXPECT_THAT(tablet.take(), ElementsAre("<message from='alice@example.org/phone' "
                                         "to='alice@example.org/tablet' id='1'/>"));
  EXPECT_THAT(phone.take(), IsEmpty());
}

TEST_P(DeliveryTest, Content_ArrivesAsSent) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/phone");
  alice.send(
      "<message xml:lang='de' type='chat' id='&lt;1' to='Bob@EXAMPLE.org/phone'>"
      "<body>&lt;&amp;&#x1F98A;</body><x xmlns='urn:x' y='&quot;'><z/></x></message>");
  EXPECT_THAT(bob.take(),
              ElementsAre("<message from='alice@example.org/phone' to='bob@example.org/phone' "
                          "xml:lang='de' type='chat' id='&lt;1'>"
                          "<body>&lt;&amp;&#x1F98A;</body><x xmlns='urn:x' y='&quot;'><z/></x>"
                          "</message>"));
}

TEST_P(DeliveryTest, SecondHost_IsAnotherAccount) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& namesake = server_.online("bob@example.net/phone");
  TestClient& bob = server_.online("bob@example.org/phone");
  alice.send("<message to='bob@example.net' id='1'/>");
  EXPECT_THAT(namesake.take(),
              ElementsAre("<message from='alice@example.org/phone' to='bob@example.net' id='1'/>"));
  EXPECT_THAT(bob.take(), IsEmpty());
}

}  // namespace
}  // namespace starling::core
