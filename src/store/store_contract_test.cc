// The contract of store.h, the same for every backend: a new backend adds itself to
// test_backends.h. Each test has a bystander (another account, host, owner or map) that must be
// left alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/store.h"
#include "store/test_backends.h"

namespace starling::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreContract : public ContractTest {
 protected:
  Accounts& accounts() { return store_->accounts(); }
  Maps& maps() { return store_->maps(); }

  void create(const std::string& host, const std::string& username) {
    ASSERT_TRUE(wait(accounts().create({username, host, 1})));
  }
  void put(const std::string& owner, const std::string& map, const std::string& key,
           const std::string& value) {
    ASSERT_TRUE(wait(maps().apply(owner, {{map, key, value}})));
  }
  std::string get(const std::string& owner, const std::string& map, const std::string& key) {
    auto value = wait(maps().get(owner, map, key));
    if (!value) return "error: " + value.error().message;
    return value->value_or("nothing");
  }
  std::vector<std::string> keys(const std::string& owner, const std::string& map) {
    std::vector<std::string> found;
    const auto entries = wait(maps().scan(owner, map));
    if (entries) {
      for (const auto& entry : *entries) found.push_back(entry.key);
    }
    return found;
  }
};

Credential credential(const std::string& mechanism, const std::string& salt) {
  return {mechanism, salt, 4096, std::string("\0\xff\x01", 3), std::string("k\0y", 3)};
}

template <class T>
Errc code(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Errc::internal : result.error().code;
}

TEST_P(StoreContract, Create_FoundAgainWithAllFieldsAndRawBytes) {
  const Credential sha1 = credential("SCRAM-SHA-1", std::string("\0salt\xfe", 6));
  const Credential sha256 = credential("SCRAM-SHA-256", "");
  ASSERT_TRUE(wait(accounts().create({"alice", "example.org", 1234567890123456, {sha256, sha1}})));
  create("example.org", "bob");

  const auto alice = wait(accounts().find("example.org", "alice"));
  ASSERT_TRUE(alice);
  EXPECT_EQ(alice->username, "alice");
  EXPECT_EQ(alice->host, "example.org");
  EXPECT_EQ(alice->created_at_us, 1234567890123456);
  ASSERT_EQ(alice->credentials.size(), 2u);
  EXPECT_EQ(alice->credentials[0].mechanism, "SCRAM-SHA-1");
  EXPECT_EQ(alice->credentials[0].salt, sha1.salt);
  EXPECT_EQ(alice->credentials[0].iterations, 4096u);
  EXPECT_EQ(alice->credentials[0].stored_key, sha1.stored_key);
  EXPECT_EQ(alice->credentials[0].server_key, sha1.server_key);
  EXPECT_EQ(alice->credentials[1].mechanism, "SCRAM-SHA-256");
  EXPECT_EQ(alice->credentials[1].salt, "");

  const auto bob = wait(accounts().find("example.org", "bob"));
  ASSERT_TRUE(bob);
  EXPECT_THAT(bob->credentials, IsEmpty());
}

TEST_P(StoreContract, Find_UnknownOrOtherHost_NotFound) {
  create("example.org", "alice");
  EXPECT_EQ(code(wait(accounts().find("example.org", "bob"))), Errc::not_found);
  EXPECT_EQ(code(wait(accounts().find("example.net", "alice"))), Errc::not_found);
}

TEST_P(StoreContract, Create_Twice_ExistsAndFirstUnchanged) {
  ASSERT_TRUE(wait(accounts().create({"alice", "example.org", 1, {credential("A", "first")}})));
  const auto again = wait(accounts().create({"alice", "example.org", 2, {credential("B", "x")}}));
  EXPECT_EQ(code(again), Errc::exists);

  const auto alice = wait(accounts().find("example.org", "alice"));
  ASSERT_TRUE(alice);
  EXPECT_EQ(alice->created_at_us, 1);
  ASSERT_EQ(alice->credentials.size(), 1u);
  EXPECT_EQ(alice->credentials[0].salt, "first");
}

TEST_P(StoreContract, Create_SameMechanismTwice_InvalidAndNothingMade) {
  std::vector<Credential> twice = {credential("A", "1"), credential("B", "2"),
                                   credential("A", "3")};
  EXPECT_EQ(code(wait(accounts().create({"alice", "example.org", 1, twice}))), Errc::invalid);
  EXPECT_EQ(code(wait(accounts().find("example.org", "alice"))), Errc::not_found);
}

TEST_P(StoreContract, SetCredentials_ReplacesAllOfThatAccountOnly) {
  const std::vector<Credential> old = {credential("A", "old"), credential("B", "old")};
  ASSERT_TRUE(wait(accounts().create({"alice", "example.org", 1, old})));
  ASSERT_TRUE(wait(accounts().create({"alice", "example.net", 1, old})));

  ASSERT_TRUE(wait(accounts().set_credentials("example.org", "alice", {credential("B", "new")})));
  const auto alice = wait(accounts().find("example.org", "alice"));
  ASSERT_TRUE(alice);
  ASSERT_EQ(alice->credentials.size(), 1u);
  EXPECT_EQ(alice->credentials[0].salt, "new");
  const auto bystander = wait(accounts().find("example.net", "alice"));
  ASSERT_TRUE(bystander);
  ASSERT_EQ(bystander->credentials.size(), 2u);
  EXPECT_EQ(bystander->credentials[1].salt, "old");
}

TEST_P(StoreContract, SetCredentials_Wrong_RefusedAndUnchanged) {
  ASSERT_TRUE(wait(accounts().create({"alice", "example.org", 1, {credential("A", "old")}})));
  EXPECT_EQ(code(wait(accounts().set_credentials("example.org", "bob", {}))), Errc::not_found);
  std::vector<Credential> twice = {credential("A", "1"), credential("A", "2")};
  EXPECT_EQ(code(wait(accounts().set_credentials("example.org", "alice", twice))), Errc::invalid);
  const auto alice = wait(accounts().find("example.org", "alice"));
  ASSERT_TRUE(alice);
  ASSERT_EQ(alice->credentials.size(), 1u);
  EXPECT_EQ(alice->credentials[0].salt, "old");
}

TEST_P(StoreContract, Erase_TakesCredentialsAndMapsAlong_NotThoseOfOthers) {
  ASSERT_TRUE(wait(accounts().create({"alice", "example.org", 1, {credential("A", "old")}})));
  create("example.org", "alice2");
  create("example.net", "alice");
  for (const std::string owner :
       {"alice@example.org", "alice2@example.org", "alice@example.net", "alice@example.orga", ""}) {
    put(owner, "roster", "bob@example.org", "1");
    put(owner, "private", "x", "2");
  }

  ASSERT_TRUE(wait(accounts().erase("example.org", "alice")));
  EXPECT_EQ(code(wait(accounts().find("example.org", "alice"))), Errc::not_found);
  EXPECT_THAT(keys("alice@example.org", "roster"), IsEmpty());
  EXPECT_THAT(keys("alice@example.org", "private"), IsEmpty());
  for (const std::string owner :
       {"alice2@example.org", "alice@example.net", "alice@example.orga", ""}) {
    EXPECT_THAT(keys(owner, "roster"), ElementsAre("bob@example.org")) << owner;
    EXPECT_THAT(keys(owner, "private"), ElementsAre("x")) << owner;
  }
  EXPECT_TRUE(wait(accounts().find("example.org", "alice2")));
  EXPECT_TRUE(wait(accounts().find("example.net", "alice")));

  create("example.org", "alice");  // a new account of that name inherits nothing
  const auto again = wait(accounts().find("example.org", "alice"));
  ASSERT_TRUE(again);
  EXPECT_THAT(again->credentials, IsEmpty());
}

TEST_P(StoreContract, Erase_Unknown_NotFoundAndItsMapsStay) {
  put("ghost@example.org", "roster", "bob", "1");
  EXPECT_EQ(code(wait(accounts().erase("example.org", "ghost"))), Errc::not_found);
  EXPECT_EQ(get("ghost@example.org", "roster", "bob"), "1");
}

TEST_P(StoreContract, List_PagesInByteOrderOfOneHost) {
  for (const std::string username : {"bob", "alice", "\xc3\xa9milie", "Zoe", "carol", "al"}) {
    create("example.org", username);
  }
  create("example.net", "bystander");
  const auto list = [this](const std::string& after, std::uint32_t limit) {
    return wait(accounts().list("example.org", after, limit)).value();
  };
  EXPECT_THAT(list("", 3), ElementsAre("Zoe", "al", "alice"));
  EXPECT_THAT(list("alice", 2), ElementsAre("bob", "carol"));
  EXPECT_THAT(list("carol", 2), ElementsAre("\xc3\xa9milie"));
  EXPECT_THAT(list("\xc3\xa9milie", 2), IsEmpty());
  EXPECT_THAT(list("b", 1), ElementsAre("bob"));
  EXPECT_THAT(list("", 0), IsEmpty());
}

TEST_P(StoreContract, Count_CountsOneHost) {
  create("example.org", "alice");
  create("example.org", "bob");
  create("example.net", "bystander");
  EXPECT_EQ(wait(accounts().count("example.org")).value(), 2u);
  ASSERT_TRUE(wait(accounts().erase("example.org", "bob")));
  EXPECT_EQ(wait(accounts().count("example.org")).value(), 1u);
  EXPECT_EQ(wait(accounts().count("example.com")).value(), 0u);
}

TEST_P(StoreContract, Map_ValuesKeepTheirBytes) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  const std::string large(300'000, 'x');
  put("alice@example.org", "vcard", "bytes", every_byte);
  put("alice@example.org", "vcard", "large", large);
  put("alice@example.org", "vcard", "empty", "");
  EXPECT_EQ(get("alice@example.org", "vcard", "bytes"), every_byte);
  EXPECT_EQ(get("alice@example.org", "vcard", "large"), large);
  EXPECT_EQ(get("alice@example.org", "vcard", "empty"), "");
  EXPECT_EQ(get("alice@example.org", "vcard", "absent"), "nothing");
}

TEST_P(StoreContract, Map_OwnersAndMapsAreApart) {
  put("alice@example.org", "roster", "key", "hers");
  put("bob@example.org", "roster", "key", "his");
  put("alice@example.org", "private", "key", "private");
  put("alice@example.org", "roster", "key", "changed");
  EXPECT_EQ(get("alice@example.org", "roster", "key"), "changed");
  EXPECT_EQ(get("bob@example.org", "roster", "key"), "his");
  EXPECT_EQ(get("alice@example.org", "private", "key"), "private");
}

TEST_P(StoreContract, Map_EmptyOwnerIsTheServersOwn) {
  put("", "server", "secret", "s3");
  EXPECT_EQ(get("", "server", "secret"), "s3");
  EXPECT_THAT(keys("", "server"), ElementsAre("secret"));
  EXPECT_EQ(get("alice@example.org", "server", "secret"), "nothing");
}

TEST_P(StoreContract, Map_ScanInByteOrder) {
  for (const std::string key : {"b", "a", "\xc3\xa9", "B", "ab", ""}) {
    put("alice@example.org", "roster", key, "value of " + key);
  }
  put("alice@example.org", "rosters", "c", "bystander");
  put("alice@example.or", "roster", "c", "bystander");
  EXPECT_THAT(keys("alice@example.org", "roster"),
              ElementsAre("", "B", "a", "ab", "b", "\xc3\xa9"));
  const auto entries = wait(maps().scan("alice@example.org", "roster"));
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->at(2).value, "value of a");
  EXPECT_THAT(keys("alice@example.org", "absent"), IsEmpty());
}

TEST_P(StoreContract, Apply_ManyChangesInTheirOrder) {
  put("alice@example.org", "roster", "gone", "x");
  std::vector<Change> changes = {
      {"roster", "twice", "first"},        {"roster", "gone", std::nullopt},
      {"roster", "never", std::nullopt},   {"version", "roster", "7"},
      {"roster", "twice", "second"},       {"roster", "fleeting", "x"},
      {"roster", "fleeting", std::nullopt}};
  ASSERT_TRUE(wait(maps().apply("alice@example.org", changes)));
  EXPECT_THAT(keys("alice@example.org", "roster"), ElementsAre("twice"));
  EXPECT_EQ(get("alice@example.org", "roster", "twice"), "second");
  EXPECT_EQ(get("alice@example.org", "version", "roster"), "7");
}

TEST_P(StoreContract, Apply_IfAbsent_KeepsWhatIsThere) {
  const std::string alice = "alice@example.org";
  const auto if_absent = [](std::string key, std::optional<std::string> value) {
    return Change{"map", std::move(key), std::move(value), true};
  };
  put(alice, "map", "there", "old");
  put("bob@example.org", "map", "new", "bystander");
  ASSERT_TRUE(wait(maps().apply(alice, {if_absent("there", "x"), if_absent("new", "first")})));
  ASSERT_TRUE(wait(maps().apply(alice, {if_absent("new", "second")})));
  EXPECT_EQ(get(alice, "map", "there"), "old");
  EXPECT_EQ(get(alice, "map", "new"), "first");
  EXPECT_EQ(get("bob@example.org", "map", "new"), "bystander");

  // It never erases.
  ASSERT_TRUE(wait(
      maps().apply(alice, {if_absent("there", std::nullopt), if_absent("never", std::nullopt)})));
  EXPECT_THAT(keys(alice, "map"), ElementsAre("new", "there"));
}

TEST_P(StoreContract, Apply_IfAbsent_SeesTheChangesBeforeIt) {
  const std::string alice = "alice@example.org";
  for (const std::string key : {"erased", "kept", "overwritten"}) put(alice, "map", key, "old");
  std::vector<Change> changes = {
      {"map", "erased", std::nullopt},     {"map", "erased", "again", true},
      {"map", "erased", "x", true},        {"map", "set", "set"},
      {"map", "set", "x", true},           {"map", "twice", "first", true},
      {"map", "twice", "x", true},         {"map", "kept", "x", true},
      {"map", "kept", std::nullopt, true}, {"map", "overwritten", "x", true},
      {"map", "overwritten", "new"},       {"map", "fleeting", "x", true},
      {"map", "fleeting", std::nullopt}};
  ASSERT_TRUE(wait(maps().apply(alice, changes)));
  EXPECT_THAT(keys(alice, "map"), ElementsAre("erased", "kept", "overwritten", "set", "twice"));
  EXPECT_EQ(get(alice, "map", "erased"), "again");
  EXPECT_EQ(get(alice, "map", "set"), "set");
  EXPECT_EQ(get(alice, "map", "twice"), "first");
  EXPECT_EQ(get(alice, "map", "kept"), "old");
  EXPECT_EQ(get(alice, "map", "overwritten"), "new");
}

TEST_P(StoreContract, Apply_NoChanges_Succeeds) {
  EXPECT_TRUE(wait(maps().apply("alice@example.org", {})));
}

TEST_P(StoreContract, Call_NotAwaited_DoesNothing) {
  {
    auto task = maps().apply("alice@example.org", {{"roster", "key", "value"}});
  }
  loop_.run();
  EXPECT_EQ(get("alice@example.org", "roster", "key"), "nothing");
}

// A caller may hold references across co_await only because it never resumes inside the call.
TEST_P(StoreContract, Call_ResumesInALaterTurn) {
  std::optional<Result<>> done;
  Gate gate;
  gate.spawn(collect(maps().apply("alice@example.org", {{"roster", "key", "value"}}), done));
  EXPECT_FALSE(done.has_value());
  pump_until_empty(loop_, gate);
  EXPECT_TRUE(done.has_value());
}

TEST_P(StoreContract, Writes_ManyInFlight_AllDoneInTheirOrder) {
  Gate gate;
  std::vector<std::optional<Result<>>> done(200);
  for (std::size_t i = 0; i < done.size(); ++i) {
    std::vector<Change> changes = {{"counter", "last", std::to_string(i)},
                                   {"counter", std::to_string(i), "x"}};
    gate.spawn(collect(maps().apply("alice@example.org", std::move(changes)), done[i]));
  }
  pump_until_empty(loop_, gate);
  for (const auto& result : done) EXPECT_TRUE(result->has_value());
  EXPECT_EQ(get("alice@example.org", "counter", "last"), "199");
  EXPECT_EQ(keys("alice@example.org", "counter").size(), 201u);
  EXPECT_EQ(store_->stats().writes, 200u);
  EXPECT_LE(store_->stats().commits, 200u);
}

// Two workers at once, each with a loop of its own; both count up in their own map.
TEST_P(StoreContract, Workers_EachResumesOnItsOwnThread) {
  const auto work = [this](const std::string& owner) {
    ManualLoop loop;
    for (int i = 0; i < 50; ++i) {
      std::vector<Change> changes = {{"counter", "n", std::to_string(i)}};
      if (!store::wait(loop, maps().apply(owner, std::move(changes)))) return false;
      const auto read = store::wait(loop, maps().get(owner, "counter", "n"));
      if (!read || *read != std::to_string(i)) return false;  // a worker reads its own writes
    }
    return true;
  };
  bool alice = false;
  bool bob = false;
  std::thread first([&] { alice = work("alice@example.org"); });
  std::thread second([&] { bob = work("bob@example.org"); });
  first.join();
  second.join();
  EXPECT_TRUE(alice);
  EXPECT_TRUE(bob);
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreContract, backends(),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace starling::store
