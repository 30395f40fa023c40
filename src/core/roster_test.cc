#include "core/roster.h"

#include "core/test_server.h"

namespace starling::core {
namespace {

void expect_same(const RosterItem& a, const RosterItem& b) {
  EXPECT_EQ(a.jid, b.jid);
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.groups, b.groups);
  EXPECT_EQ(a.subscription, b.subscription);
  EXPECT_EQ(a.kept, b.kept);
  EXPECT_EQ(a.request, b.request);
}

RosterItem round_trip(const RosterItem& item) {
  const auto decoded = RosterItem::decode({item.jid.str(), item.encode()});
  EXPECT_TRUE(decoded) << item.encode();
  return decoded.value_or(RosterItem{});
}

TEST(RosterItem, EveryState_SurvivesStorage) {
  for (int bits = 0; bits < 64; ++bits) {
    RosterItem item;
    item.jid = jid("contact@example.org");
    item.subscription = {.to = (bits & 1) != 0,
                         .from = (bits & 2) != 0,
                         .pending_out = (bits & 4) != 0,
                         .pending_in = (bits & 8) != 0,
                         .approved = (bits & 16) != 0};
    item.kept = (bits & 32) != 0;
    expect_same(round_trip(item), item);
  }
}

TEST(RosterItem, Text_SurvivesStorage) {
  RosterItem item;
  item.jid = jid("oneill@example.org");
  item.name = "<&'\"> tab\tand\nline Grüße \U0001F98A";
  item.groups = {"Friends & <Family>", " two  spaces ", "line\nfeed"};
  item.subscription.pending_in = true;
  item.request =
      "<presence from='oneill@example.org' type='subscribe'><x xmlns='urn:x' a='&lt;'>"
      "]]&gt;</x></presence>";
  expect_same(round_trip(item), item);
}

TEST(RosterItem, Damaged_IsRefused) {
  for (const char* value :
       {"", "<item", "<item/>garbage", "nothing", "<item><request>&lt;presence</request></item>",
        "<item><request>&lt;other/></request></item>"}) {
    EXPECT_FALSE(RosterItem::decode({"a@example.org", value})) << value;
  }
  EXPECT_FALSE(RosterItem::decode({"@", "<item/>"}));
}

TEST(RosterItem, Xml_IsWhatClientsRead) {
  RosterItem item;
  item.jid = jid("bob@example.org");
  EXPECT_EQ(item.to_xml(), "<item jid='bob@example.org' subscription='none'/>");
  item.name = "Bob & Co";
  item.groups = {"A", "B"};
  item.subscription = {.from = true, .pending_out = true, .pending_in = true, .approved = true};
  item.request = "<presence/>";
  EXPECT_EQ(item.to_xml(),
            "<item jid='bob@example.org' name='Bob &amp; Co' subscription='from' ask='subscribe' "
            "approved='true'><group>A</group><group>B</group></item>");
  EXPECT_EQ(RosterItem::removed_xml(item.jid),
            "<item jid='bob@example.org' subscription='remove'/>");
}

TEST(RosterItem, OnlyARequest_IsRememberedButNotListed) {
  RosterItem item;
  EXPECT_TRUE(item.vacant());
  item.subscription.pending_in = true;
  EXPECT_FALSE(item.listed());
  EXPECT_FALSE(item.vacant());
  item.subscription.approved = true;  // section 3.4.2: a pre-approval is in the roster
  EXPECT_TRUE(item.listed());
}

TEST(Roster, DamagedEntry_DoesNotHideTheOthers) {
  TestServer server;
  server.write_item("alice@example.org", "bob@example.org", {.to = true});
  std::vector<store::Change> changes{{std::string(kRosterMap), "carl@example.org", "<damaged"}};
  ASSERT_TRUE(server.wait(server.store().maps().apply("alice@example.org", std::move(changes))));
  const auto roster = server.wait(load_roster(server.store().maps(), jid("alice@example.org")));
  ASSERT_TRUE(roster);
  EXPECT_EQ(roster->items().size(), 1U);
  EXPECT_NE(roster->find(jid("bob@example.org")), nullptr);
}

TEST(Roster, VacantItem_LeavesNoEntry) {
  TestServer server;
  server.write_item("alice@example.org", "bob@example.org", {.to = true});
  RosterItem item;
  item.jid = jid("bob@example.org");
  ASSERT_TRUE(
      server.wait(store_roster_item(server.store().maps(), jid("alice@example.org"), item)));
  EXPECT_FALSE(server.stored_item("alice@example.org", "bob@example.org"));
}

TEST(Roster, BytesOfRosters_AreThoseOfRostersThatLive) {
  const std::uint64_t before = bytes_of_rosters();
  {
    Roster roster;
    const std::uint64_t empty = bytes_of_rosters();
    EXPECT_GE(empty, before + sizeof(Roster));
    RosterItem item;
    item.jid = jid("bob@example.org");
    item.name = std::string(1'000, 'x');
    item.kept = true;
    roster.put(item);
    EXPECT_GT(bytes_of_rosters(), empty + 1'000);
    item.name = std::string(100, 'x');  // not so short that it stays in the old one's place
    item.name.shrink_to_fit();
    roster.put(item);
    EXPECT_GT(bytes_of_rosters(), empty);
    EXPECT_LT(bytes_of_rosters(), empty + 1'000);
    const Roster moved = std::move(roster);
    EXPECT_EQ(moved.items().size(), 1U);
    EXPECT_LT(bytes_of_rosters(), empty + 1'000);
  }
  EXPECT_EQ(bytes_of_rosters(), before);
  Roster roster;
  const std::uint64_t empty = bytes_of_rosters();
  RosterItem item;
  item.jid = jid("bob@example.org");
  item.kept = true;
  roster.put(item);
  item.kept = false;
  roster.put(item);  // nothing is left of it
  EXPECT_EQ(bytes_of_rosters(), empty);
}

}  // namespace
}  // namespace starling::core
