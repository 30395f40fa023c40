#include <gmock/gmock.h>

#include <algorithm>
#include <ranges>

#include "base/clock.h"
#include "core/archive.h"
#include "core/archive_page.h"
#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using core::TestClient;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// What one attribute of the first such tag has, or what stands between two texts.
std::string between(const std::string& text, std::string_view begin, std::string_view end) {
  const auto from = text.find(begin);
  if (from == std::string::npos) return {};
  const auto start = from + begin.size();
  return text.substr(start, text.find(end, start) - start);
}

class MamModule : public ModuleTest {
 protected:
  struct Page {
    std::vector<std::string> results;  // as sent
    std::vector<std::string> bodies;
    std::vector<std::string> ids;
    std::string answer;  // the iq
    std::string first, last, count;
    bool complete = false;
  };

  Page query(TestClient& client, const std::string& content, const std::string& attributes = "") {
    client.take();
    client.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'" + attributes + ">" + content +
                "</query></iq>");
    Page page;
    page.results = client.take_as_sent();
    EXPECT_THAT(page.results, Not(IsEmpty()));
    page.answer = page.results.back();
    page.results.pop_back();
    EXPECT_THAT(page.answer, HasSubstr(" id='q'")) << "the answer comes last";
    for (const auto& result : page.results) {
      page.bodies.push_back(between(result, "<body>", "</body>"));
      page.ids.push_back(between(between(result, "<result ", ">"), " id='", "'"));
    }
    page.first = between(page.answer, "<first>", "</first>");
    page.last = between(page.answer, "<last>", "</last>");
    page.count = between(page.answer, "<count>", "</count>");
    page.complete = page.answer.find(" complete='true'") != std::string::npos;
    return page;
  }
  static std::string field(const std::string& var, const std::vector<std::string>& values) {
    std::string xml = "<field var='" + var + "'>";
    for (const auto& value : values) xml += "<value>" + value + "</value>";
    return xml + "</field>";
  }
  static std::string form(const std::string& fields) {
    return "<x xmlns='jabber:x:data' type='submit'>"
           "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>" +
           fields + "</x>";
  }
  static std::string set(const std::string& content) {
    return "<set xmlns='http://jabber.org/protocol/rsm'>" + content + "</set>";
  }
  static std::string max(int n, const std::string& content = "") {
    return set("<max>" + std::to_string(n) + "</max>" + content);
  }

  static std::string message(const std::string& to, const std::string& body) {
    return "<message type='chat' to='" + to + "'><body>" + body + "</body></message>";
  }
  // Puts messages 1..n from bob into alice's archive, their times `apart_us` apart, the last one
  // now.
  void fill(int n, std::int64_t apart_us = 1'000'000) {
    for (int i = 1; i <= n; ++i) {
      store::LogEntry entry;
      entry.id = core::archive_id_at(now_us_ - (n - i) * apart_us);
      entry.peer = "bob@example.org";
      entry.detail = "phone";
      entry.value =
          "<message from='bob@example.org/phone' to='alice@example.org' type='chat'><body>" +
          std::to_string(i) + "</body></message>";
      put(std::move(entry));
    }
  }
  // As many of the same at once.
  void fill_quickly(int n) {
    const auto append = [](store::Logs* logs, core::ArchiveId last, int count) -> Task<bool> {
      bool done = true;
      for (int i = 0; i < count; ++i) {
        store::LogEntry entry;
        entry.id = last - static_cast<core::ArchiveId>(i);
        entry.value = "<message/>";
        const auto stored = co_await logs->append("alice@example.org",
                                                  std::string(core::kArchiveLog), std::move(entry));
        done = done && stored.has_value();
      }
      co_return done;
    };
    EXPECT_TRUE(server_.wait(append(&server_.store().logs(), core::archive_id_at(now_us_), n)));
  }
  void put(store::LogEntry entry) {
    const auto done = server_.wait(server_.store().logs().append(
        "alice@example.org", std::string(core::kArchiveLog), std::move(entry)));
    ASSERT_TRUE(done);
  }

  const std::int64_t now_us_ = wall_clock_us() / 1'000'000 * 1'000'000;
};
INSTANTIATE_TEST_SUITE_P(Workers, MamModule, testing::Values(1, 3));

TEST_P(MamModule, Query_FindsWhatWasSentAndReceived) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/desk");
  alice.send(message("bob@example.org", "hello"));
  bob.send(message("alice@example.org/phone", "hi there"));
  const Page mine = query(alice, "", " queryid='a&amp;1'");
  EXPECT_THAT(mine.bodies, ElementsAre("hello", "hi there"));
  EXPECT_TRUE(mine.complete);
  EXPECT_EQ(mine.count, "2");
  EXPECT_THAT(mine.ids, ElementsAre(mine.first, mine.last));
  EXPECT_THAT(mine.answer, HasSubstr("<fin xmlns='urn:xmpp:mam:2' complete='true'>"
                                     "<set xmlns='http://jabber.org/protocol/rsm'>"));
  EXPECT_THAT(query(bob, "").bodies, ElementsAre("hello", "hi there"));

  const auto entries = server_.wait(server_.store().logs().read(
      "alice@example.org", std::string(core::kArchiveLog), {}, 1, false));
  EXPECT_EQ(mine.results[0],
            "<message from='alice@example.org' to='alice@example.org/phone'>"
            "<result xmlns='urn:xmpp:mam:2' queryid='a&amp;1' id='" +
                mine.ids[0] +
                "'><forwarded xmlns='urn:xmpp:forward:0'>"
                "<delay xmlns='urn:xmpp:delay' stamp='" +
                xmpp_datetime_us(core::archive_time_us(entries->entries[0].id)) +
                "'/><message xmlns='jabber:client' from='alice@example.org/phone' "
                "to='bob@example.org' type='chat'><body>hello</body></message>"
                "</forwarded></result></message>");
}

TEST_P(MamModule, LiveMessage_BearsTheIdItHasInTheArchive) {
  TestClient& alice = server_.online("alice@example.org/phone");
  server_.connect("bob@example.org/desk").send(message("alice@example.org", "hi"));
  const auto received = alice.take_as_sent();
  ASSERT_EQ(received.size(), 1U);
  const Page page = query(alice, "");
  EXPECT_THAT(received[0], HasSubstr("<stanza-id xmlns='urn:xmpp:sid:0' by='alice@example.org' "
                                     "id='" +
                                     page.first + "'/>"));
}

TEST_P(MamModule, EmptyArchive) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  for (const auto& content : {std::string(), max(10, "<before/>"), max(0)}) {
    const Page page = query(alice, content);
    EXPECT_THAT(page.results, IsEmpty());
    EXPECT_TRUE(page.complete);
    EXPECT_EQ(page.count, "0");
    EXPECT_EQ(page.first, "");
  }
  EXPECT_THAT(ask(alice, "get", "", "<metadata xmlns='urn:xmpp:mam:2'/>"),
              HasSubstr("<metadata xmlns='urn:xmpp:mam:2'/>"));
}

TEST_P(MamModule, Paging_ForthAndBackFindsEachMessageOnce) {
  fill(25);
  TestClient& alice = server_.connect("alice@example.org/phone");
  std::vector<std::string> expected;
  for (int i = 1; i <= 25; ++i) expected.push_back(std::to_string(i));

  std::vector<std::string> forth;
  std::string after;
  for (bool complete = false; !complete;) {
    const Page page = query(alice, max(10, after.empty() ? "" : "<after>" + after + "</after>"));
    EXPECT_LE(page.bodies.size(), 10U);
    EXPECT_EQ(page.count, "") << "is not known without counting";
    std::ranges::copy(page.bodies, std::back_inserter(forth));
    complete = page.complete;
    after = page.last;
    ASSERT_FALSE(after.empty());
  }
  EXPECT_EQ(forth, expected);

  std::vector<std::string> back;
  std::string before;
  for (bool complete = false; !complete;) {
    const Page page = query(alice, max(5, "<before>" + before + "</before>"));
    EXPECT_TRUE(
        std::ranges::is_sorted(page.bodies, {}, [](const auto& s) { return std::stoi(s); }));
    back.insert(back.begin(), page.bodies.begin(), page.bodies.end());
    complete = page.complete;
    before = page.first;
    ASSERT_FALSE(before.empty());
  }
  EXPECT_EQ(back, expected);
}

TEST_P(MamModule, Complete_IsExact) {
  fill(10);
  TestClient& alice = server_.connect("alice@example.org/phone");
  EXPECT_FALSE(query(alice, max(9)).complete);
  EXPECT_TRUE(query(alice, max(10)).complete);
  EXPECT_FALSE(query(alice, max(9, "<before/>")).complete);
  EXPECT_TRUE(query(alice, max(10, "<before/>")).complete);
  const std::string third = query(alice, max(3)).last;
  EXPECT_FALSE(query(alice, max(6, "<after>" + third + "</after>")).complete);
  EXPECT_TRUE(query(alice, max(7, "<after>" + third + "</after>")).complete);
  EXPECT_TRUE(query(alice, max(2, "<before>" + third + "</before>")).complete);
  // After the last one there is nothing.
  const std::string last = query(alice, "").last;
  const Page nothing = query(alice, set("<after>" + last + "</after>"));
  EXPECT_THAT(nothing.results, IsEmpty());
  EXPECT_TRUE(nothing.complete);
}

TEST_P(MamModule, Count_IsToldWhenAskedFor) {
  fill(25);
  TestClient& alice = server_.connect("alice@example.org/phone");
  const Page page = query(alice, max(0));
  EXPECT_THAT(page.results, IsEmpty());
  EXPECT_EQ(page.count, "25");
  EXPECT_FALSE(page.complete);
  EXPECT_EQ(query(alice, form(field("with", {"carol@example.org"})) + max(0)).count, "0");
}

TEST_P(MamModule, Count_OfALargeArchiveIsLeftOut) {
  fill_quickly(20'000);
  TestClient& alice = server_.connect("alice@example.org/phone");
  EXPECT_EQ(query(alice, max(0)).count, "20000");
  store::LogEntry older;
  older.id = core::archive_id_at(now_us_ - std::int64_t{30'000} * 1'000'000);
  put(std::move(older));
  const Page page = query(alice, max(0));
  EXPECT_EQ(page.count, "");
  EXPECT_FALSE(page.complete);
}

TEST_P(MamModule, Page_IsLimited) {
  fill(260);
  TestClient& alice = server_.connect("alice@example.org/phone");
  EXPECT_EQ(query(alice, "").bodies.size(), 100U);
  const Page page = query(alice, max(100'000));
  EXPECT_EQ(page.bodies.size(), 250U);
  EXPECT_FALSE(page.complete);
  EXPECT_EQ(query(alice, max(100'000, "<before/>")).bodies.back(), "260");
}

TEST_P(MamModule, PageOfLargeMessages_IsLimitedInBytes) {
  const std::string large(core::ArchivePage::kMaxBytes * 2 / 5, 'x');
  for (int i = 0; i < 3; ++i) {
    put({core::archive_id_at(now_us_ + i), "bob@example.org", "phone",
         "<message from='bob@example.org/phone' to='alice@example.org'><body>" + large +
             std::to_string(i) + "</body></message>"});
  }
  put({core::archive_id_at(now_us_ + 4), "bob@example.org", "phone",
       "<message from='bob@example.org/phone' to='alice@example.org'><body>" + large + large +
           large + "4</body></message>"});
  TestClient& alice = server_.connect("alice@example.org/phone");
  const auto last_digits = [](const Page& page) {
    std::string digits;
    for (const auto& body : page.bodies) digits += body.back();
    return digits;
  };
  const Page page = query(alice, "");
  EXPECT_EQ(last_digits(page), "01");
  EXPECT_FALSE(page.complete);
  EXPECT_EQ(page.count, "4");
  // One that is too large by itself comes alone.
  EXPECT_EQ(last_digits(query(alice, set("<before/>"))), "4");
  EXPECT_EQ(last_digits(query(alice, set("<after>" + page.last + "</after>"))), "2");
}

TEST_P(MamModule, UnknownIds_AreNotFound) {
  fill(3);
  TestClient& alice = server_.connect("alice@example.org/phone");
  const auto& uid = server_.home("alice@example.org").archive().uid();
  const std::string never_was = uid.encode(core::archive_id_at(now_us_ - 5));
  for (const std::string& id : {std::string("nonsense"), never_was, uid.encode(0)}) {
    for (const auto& content :
         {set("<after>" + id + "</after>"), set("<before>" + id + "</before>"),
          form(field("after-id", {id})), form(field("before-id", {id})), form(field("ids", {id})),
          form(field("ids", {query(alice, "").first, id}))}) {
      const Page page = query(alice, content);
      EXPECT_THAT(page.answer, HasSubstr("<item-not-found ")) << content;
      EXPECT_THAT(page.results, IsEmpty());
    }
  }
}

TEST_P(MamModule, OthersIds_AreNotFound) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  TestClient& bob = server_.connect("bob@example.org/desk");
  bob.send(message("nobody@example.net", "psst"));
  const std::string id = query(bob, "").first;
  ASSERT_FALSE(id.empty());
  EXPECT_THAT(query(alice, set("<after>" + id + "</after>")).answer, HasSubstr("item-not-found"));
}

TEST_P(MamModule, With_BareFullAndOwnAddress) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/desk");
  TestClient& tablet = server_.connect("bob@example.org/tablet");
  bob.send(message("alice@example.org/phone", "1"));
  tablet.send(message("alice@example.org/phone", "2"));
  alice.send(message("bob@example.org/desk", "3"), message("bob@example.org", "4"),
             message("nobody@example.net", "5"), message("alice@example.org/phone", "6"),
             "<message><body>7</body></message>");
  const auto with = [&](const std::string& jid) {
    return query(alice, form(field("with", {jid}))).bodies;
  };
  EXPECT_THAT(with("bob@example.org"), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(with("BOB@example.org"), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(with("bob@example.org/desk"), ElementsAre("1", "3"));
  EXPECT_THAT(with("bob@example.org/nowhere"), IsEmpty());
  EXPECT_THAT(with("nobody@example.net"), ElementsAre("5"));
  EXPECT_THAT(with("example.org"), IsEmpty());
  // Notes to oneself, not everything that bears one's address.
  EXPECT_THAT(with("alice@example.org"), ElementsAre("6", "7"));
  EXPECT_THAT(with("alice@example.org/tablet"), ElementsAre("6", "7"));
  EXPECT_THAT(query(alice, form(field("with", {""}))).bodies.size(), 7U);
}

TEST_P(MamModule, StartAndEnd_ArePartOfTheRange) {
  fill(5);
  TestClient& alice = server_.connect("alice@example.org/phone");
  const auto at = [&](int i) { return xmpp_datetime_us(now_us_ - (5 - i) * 1'000'000); };
  const auto bodies = [&](const std::string& fields) { return query(alice, form(fields)).bodies; };
  EXPECT_THAT(bodies(field("start", {at(4)})), ElementsAre("4", "5"));
  EXPECT_THAT(bodies(field("end", {at(2)})), ElementsAre("1", "2"));
  EXPECT_THAT(bodies(field("start", {at(2)}) + field("end", {at(3)})), ElementsAre("2", "3"));
  EXPECT_THAT(bodies(field("start", {at(3)}) + field("end", {at(2)})), IsEmpty());
  EXPECT_THAT(bodies(field("start", {"1066-10-14T12:00:00Z"})).size(), 5U);
  EXPECT_THAT(bodies(field("end", {"9999-12-31T23:59:59Z"})).size(), 5U);
  EXPECT_THAT(bodies(field("start", {"9999-12-31T23:59:59Z"})), IsEmpty());
  EXPECT_THAT(bodies(field("end", {"1066-10-14T12:00:00Z"})), IsEmpty());
}

TEST_P(MamModule, IdFields_LimitTheRange) {
  fill(6);
  TestClient& alice = server_.connect("alice@example.org/phone");
  const auto ids = query(alice, "").ids;
  ASSERT_EQ(ids.size(), 6U);
  const auto bodies = [&](const std::string& fields) { return query(alice, form(fields)).bodies; };
  EXPECT_THAT(bodies(field("after-id", {ids[3]})), ElementsAre("5", "6"));
  EXPECT_THAT(bodies(field("before-id", {ids[1]})), ElementsAre("1"));
  const std::string range = field("after-id", {ids[0]}) + field("before-id", {ids[5]});
  EXPECT_THAT(bodies(range), ElementsAre("2", "3", "4", "5"));
  // With paging inside of it.
  EXPECT_THAT(query(alice, form(range) + max(2, "<before/>")).bodies, ElementsAre("4", "5"));
  EXPECT_THAT(query(alice, form(range) + max(9, "<after>" + ids[2] + "</after>")).bodies,
              ElementsAre("4", "5"));
}

TEST_P(MamModule, Ids_AreTheOnlyOnesFound) {
  fill(6);
  TestClient& alice = server_.connect("alice@example.org/phone");
  const auto ids = query(alice, "").ids;
  ASSERT_EQ(ids.size(), 6U);
  const std::string some = field("ids", {ids[4], ids[1], ids[4], ids[2]});
  Page page = query(alice, form(some));
  EXPECT_THAT(page.bodies, ElementsAre("2", "3", "5"));
  EXPECT_TRUE(page.complete);
  EXPECT_EQ(page.count, "3");
  page = query(alice, form(some) + max(2));
  EXPECT_THAT(page.bodies, ElementsAre("2", "3"));
  EXPECT_FALSE(page.complete);
  EXPECT_THAT(query(alice, form(some) + max(2, "<before/>")).bodies, ElementsAre("3", "5"));
  EXPECT_THAT(query(alice, form(some + field("with", {"carol@example.org"}))).bodies, IsEmpty());
  EXPECT_THAT(query(alice, form(field("ids", std::vector(251, ids[0])))).answer,
              HasSubstr("<policy-violation "));
}

TEST_P(MamModule, FlipPage_TurnsThePageOnly) {
  fill(6);
  TestClient& alice = server_.connect("alice@example.org/phone");
  const Page page = query(alice, max(2) + "<flip-page/>");
  EXPECT_THAT(page.bodies, ElementsAre("2", "1"));
  EXPECT_EQ(page.first, page.ids[1]);
  EXPECT_EQ(page.last, page.ids[0]);
}

TEST_P(MamModule, Form_NamesTheFields) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  const std::string form = ask(alice, "get", "", "<query xmlns='urn:xmpp:mam:2'/>");
  EXPECT_THAT(form,
              HasSubstr("<field type='hidden' var='FORM_TYPE'><value>urn:xmpp:mam:2</value>"));
  for (const char* field :
       {"<field type='jid-single' var='with'/>", "<field type='text-single' var='start'/>",
        "<field type='text-single' var='end'/>", "<field type='text-single' var='before-id'/>",
        "<field type='text-single' var='after-id'/>",
        "<field type='list-multi' var='ids'><validate "
        "xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><open/>",
        "<field type='boolean' var='include-groupchat'/>"}) {
    EXPECT_THAT(form, HasSubstr(field));
  }
}

TEST_P(MamModule, BadQueries_AreRefused) {
  fill(1);
  TestClient& alice = server_.connect("alice@example.org/phone");
  const auto expect = [&](const std::string& content, const std::string& condition) {
    const Page page = query(alice, content);
    EXPECT_THAT(page.answer, HasSubstr("<" + condition + " ")) << content;
    EXPECT_THAT(page.results, IsEmpty());
  };
  expect(form(field("{urn:x}search", {"x"})), "feature-not-implemented");
  expect(form(field("with", {"@"})), "jid-malformed");
  expect(form(field("start", {"yesterday"})), "bad-request");
  expect(form(field("end", {"2010-08-07"})), "bad-request");
  expect(form(field("end", {"x"}) + field("end", {"y"})), "bad-request");
  expect("<x xmlns='jabber:x:data' type='submit'/>", "bad-request");
  expect("<x xmlns='jabber:x:data' type='cancel'/>", "bad-request");
  expect(set("<max>many</max>"), "bad-request");
  expect(set("<max>1</max><index>3</index>"), "feature-not-implemented");
  EXPECT_THAT(query(alice, "", " node='x'").answer, HasSubstr("<item-not-found "));
  EXPECT_EQ(query(alice, form(field("include-groupchat", {"true"}))).bodies.size(), 1U);
}

TEST_P(MamModule, Metadata_NamesBothEnds) {
  fill(3);
  TestClient& alice = server_.connect("alice@example.org/phone");
  const Page page = query(alice, "");
  EXPECT_THAT(
      ask(alice, "get", "alice@example.org", "<metadata xmlns='urn:xmpp:mam:2'/>"),
      HasSubstr("<metadata xmlns='urn:xmpp:mam:2'><start id='" + page.first + "' timestamp='" +
                xmpp_datetime_us(now_us_ - 2'000'000) + "'/><end id='" + page.last +
                "' timestamp='" + xmpp_datetime_us(now_us_) + "'/></metadata>"));
}

TEST_P(MamModule, OthersMayNotAsk) {
  fill(1);
  TestClient& bob = server_.connect("bob@example.org/desk");
  for (const char* type : {"get", "set"}) {
    EXPECT_THAT(ask(bob, type, "alice@example.org", "<query xmlns='urn:xmpp:mam:2'/>"),
                HasSubstr("<service-unavailable "));
  }
  EXPECT_THAT(ask(bob, "get", "alice@example.org", "<metadata xmlns='urn:xmpp:mam:2'/>"),
              HasSubstr("<service-unavailable "));
}

TEST_P(MamModule, DamagedEntries_AreLeftOut) {
  fill(3);
  put({core::archive_id_at(now_us_ - 500'000), "bob@example.org", "phone", "<message><bod"});
  put({core::archive_id_at(now_us_ + 1), "bob@example.org", "phone", "<iq type='get' id='1'/>"});
  TestClient& alice = server_.connect("alice@example.org/phone");
  EXPECT_THAT(query(alice, "").bodies, ElementsAre("1", "2", "3"));
  // Paging goes on where only such an entry is.
  const Page page = query(alice, max(1, "<before/>"));
  EXPECT_THAT(page.bodies, IsEmpty());
  EXPECT_THAT(query(alice, max(1, "<before>" + page.first + "</before>")).bodies, ElementsAre("3"));
}

TEST_P(MamModule, StoreFailure_IsTold) {
  fill(1);
  TestClient& alice = server_.connect("alice@example.org/phone");
  for (const std::string& content :
       {std::string(), max(0), max(1, "<after>" + query(alice, "").last + "</after>")}) {
    server_.store().fail_call(1);
    const Page page = query(alice, content);
    EXPECT_THAT(page.answer, HasSubstr("<resource-constraint "));
    EXPECT_THAT(page.results, IsEmpty());
  }
  for (const int call : {1, 2}) {
    server_.store().fail_call(call);
    EXPECT_THAT(ask(alice, "get", "", "<metadata xmlns='urn:xmpp:mam:2'/>"),
                HasSubstr("<resource-constraint "));
  }
  EXPECT_EQ(query(alice, "").bodies.size(), 1U);
}

// A client looks up its own message at once: the write that is under way belongs to the answer.
TEST_P(MamModule, Query_WaitsForWhatIsBeingWritten) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  server_.store().hold();
  alice.send(message("bob@example.org", "hello"));
  const std::size_t writes = server_.store().held();
  alice.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
  EXPECT_EQ(server_.store().held(), writes) << "nothing is read yet";
  server_.release_one_by_one();
  server_.settle();
  const auto received = alice.take();
  ASSERT_EQ(received.size(), 2U);
  EXPECT_THAT(received[0], HasSubstr("<body>hello</body>"));
}

TEST_P(MamModule, ClientThatIsGone_LeavesNoTrace) {
  fill(3);
  TestClient& alice = server_.connect("alice@example.org/phone");
  TestClient& tablet = server_.online("alice@example.org/tablet");
  server_.store().hold();
  alice.send_now("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
  alice.disconnect();
  server_.store().release();
  server_.settle();
  EXPECT_THAT(alice.take(), IsEmpty());
  tablet.take();  // presence, and what waited
  EXPECT_EQ(query(tablet, "").bodies.size(), 3U);
}

TEST_P(MamModule, Account_AdvertisesTheArchive) {
  TestClient& alice = server_.connect("alice@example.org/phone");
  constexpr const char* kInfo = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
  const std::string account = ask(alice, "get", "alice@example.org", kInfo);
  for (const char* feature : {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended",
                              "urn:xmpp:mam:2#groupchat-field", "urn:xmpp:sid:0"}) {
    EXPECT_THAT(account, HasSubstr("<feature var='" + std::string(feature) + "'/>"));
  }
  EXPECT_THAT(ask(alice, "get", "example.org", kInfo), Not(HasSubstr("urn:xmpp:mam:2")));
}

}  // namespace
}  // namespace starling::modules
