// The contract of members.h, the same for every backend that several nodes can share. Each node
// has a store of its own on the database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <set>
#include <thread>

#include "store/memory.h"
#include "store/postgres.h"
#include "store/store.h"
#include "store/test_postgres.h"
#include "store/test_support.h"

namespace starling::store {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What nodes share.
class SharedDatabase {
 public:
  virtual ~SharedDatabase() = default;
  virtual std::unique_ptr<Store> open() = 0;
  // Lets the database's clock go on.
  virtual void pass(std::chrono::milliseconds time) = 0;
};

class SharedMemory final : public SharedDatabase {
 public:
  explicit SharedMemory(ManualLoop& loop) : loop_(loop) {}
  std::unique_ptr<Store> open() override { return database_.open(); }
  void pass(std::chrono::milliseconds time) override { loop_.advance(time); }

 private:
  ManualLoop& loop_;
  MemoryDatabase database_;
};

class SharedPostgres final : public SharedDatabase {
 public:
  std::unique_ptr<Store> open() override { return open_postgres(url_).value(); }
  void pass(std::chrono::milliseconds time) override {
    const std::string past = "interval '" + std::to_string(time.count()) + " ms'";
    PostgresSession(url_).run("UPDATE starling.node SET joined_at = joined_at - " + past +
                              ", renewed_at = renewed_at - " + past);
  }

 private:
  const std::string url_ = TestPostgres::get().new_database();
};

struct MembersBackend {
  std::string name;
  std::function<std::unique_ptr<SharedDatabase>(ManualLoop&)> make;
};

MemberFacts facts(const std::string& name, MemberState state = MemberState::joining) {
  return {state, "[2001:db8::1]:6222", name, "1.2.3", 4'000'000'000};
}

std::vector<std::string> names(const Roll& roll) {
  std::vector<std::string> all;
  for (const Member& member : roll.members) all.push_back(member.facts.name);
  return all;
}

template <class T>
Errc code(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Errc::internal : result.error().code;
}

class MembersContract : public ::testing::TestWithParam<MembersBackend> {
 protected:
  template <class T>
  T wait(Task<T> task) {
    return store::wait(loop_, std::move(task));
  }
  Member join(Store& store, const std::string& name) {
    return wait(store.members()->join(facts(name))).value();
  }

  ManualLoop loop_;
  std::unique_ptr<SharedDatabase> database_ = GetParam().make(loop_);
  std::unique_ptr<Store> one_ = database_->open();
  std::unique_ptr<Store> other_ = database_->open();
  Members& mine_ = *one_->members();
  Members& theirs_ = *other_->members();
};

TEST_P(MembersContract, Join_OthersReadWhatItSays) {
  const Member joined = wait(mine_.join(facts("one"))).value();
  EXPECT_EQ(joined.slot, 0);
  EXPECT_EQ(joined.facts, facts("one"));
  EXPECT_EQ(joined.silent_for, 0ms);

  const Roll roll = wait(theirs_.read()).value();
  ASSERT_EQ(roll.members.size(), 1U);
  EXPECT_EQ(roll.members[0].epoch, joined.epoch);
  EXPECT_EQ(roll.members[0].slot, joined.slot);
  EXPECT_EQ(roll.members[0].facts, facts("one"));
  EXPECT_EQ(roll.members[0].joined_at_us, joined.joined_at_us);
  EXPECT_GE(roll.now_us, joined.joined_at_us);
}

TEST_P(MembersContract, Nobody_EmptyRollWithTheTime) {
  database_->pass(1s);
  const Roll roll = wait(mine_.read()).value();
  EXPECT_THAT(roll.members, IsEmpty());
  EXPECT_GT(roll.now_us, 0);
}

TEST_P(MembersContract, JoinsTogether_EachHasASlotAndAnEpochOfItsOwn) {
  constexpr std::size_t kNodes = 12;
  std::vector<std::unique_ptr<Store>> stores;
  std::vector<std::optional<Result<Member>>> joined(kNodes);
  Gate gate;
  for (auto& member : joined) {
    stores.push_back(database_->open());
    gate.spawn(collect(stores.back()->members()->join(facts("node")), member));
  }
  pump_until_empty(loop_, gate);
  std::set<std::uint64_t> epochs;
  std::set<std::uint16_t> slots;
  for (const auto& member : joined) {
    ASSERT_TRUE(member->has_value());
    epochs.insert((*member)->epoch);
    slots.insert((*member)->slot);
  }
  EXPECT_EQ(epochs.size(), kNodes);
  EXPECT_EQ(slots.size(), kNodes);
  EXPECT_EQ(*slots.rbegin(), kNodes - 1);  // the least ones

  const Member last = join(*one_, "last");
  EXPECT_GT(last.epoch, *epochs.rbegin());
  const Roll roll = wait(mine_.read()).value();
  EXPECT_TRUE(std::ranges::is_sorted(roll.members, {}, &Member::epoch));
}

TEST_P(MembersContract, Renew_TellsTheFactsAndGivesEverybody) {
  const Member one = join(*one_, "one");
  const Member other = join(*other_, "other");
  database_->pass(5s);
  MemberFacts now = facts("one", MemberState::up);
  now.address = "10.0.1.7:6222";
  const Roll roll = wait(mine_.renew(one.epoch, now)).value();
  ASSERT_THAT(names(roll), ElementsAre("one", "other"));
  EXPECT_EQ(roll.members[0].facts, now);
  EXPECT_EQ(roll.members[0].slot, one.slot);
  EXPECT_LT(roll.members[0].silent_for, 5s);
  EXPECT_EQ(roll.members[1].facts, facts("other"));
  EXPECT_GE(roll.members[1].silent_for, 5s);
  EXPECT_LT(roll.members[1].silent_for, 60s);
  EXPECT_GE(roll.now_us - roll.members[0].joined_at_us, 5'000'000);

  database_->pass(1s);
  now.state = MemberState::draining;
  ASSERT_TRUE(wait(mine_.renew(one.epoch, now)));
  EXPECT_EQ(wait(theirs_.renew(other.epoch, facts("other")))->members[0].facts, now);
}

TEST_P(MembersContract, RemoveDead_OnlyWhoeverIsSilentForSoLong) {
  const Member one = join(*one_, "one");
  const Member other = join(*other_, "other");
  database_->pass(10s);
  EXPECT_FALSE(wait(theirs_.remove_dead(one.epoch, 15s)).value());
  database_->pass(10s);
  ASSERT_TRUE(wait(theirs_.renew(other.epoch, facts("other"))));
  EXPECT_FALSE(wait(mine_.remove_dead(other.epoch, 15s)).value());
  EXPECT_TRUE(wait(theirs_.remove_dead(one.epoch, 15s)).value());
  EXPECT_FALSE(wait(theirs_.remove_dead(one.epoch, 15s)).value());
  EXPECT_EQ(code(wait(mine_.renew(one.epoch, facts("one")))), Errc::not_found);
  EXPECT_THAT(names(wait(mine_.read()).value()), ElementsAre("other"));
}

TEST_P(MembersContract, Renew_Unknown_NotFoundAndMakesNone) {
  EXPECT_EQ(code(wait(mine_.renew(7, facts("one")))), Errc::not_found);
  const Member other = join(*other_, "other");
  EXPECT_EQ(code(wait(mine_.renew(other.epoch + 1, facts("one")))), Errc::not_found);
  EXPECT_THAT(names(wait(mine_.read()).value()), ElementsAre("other"));
}

TEST_P(MembersContract, Leave_FreesTheSlotButNotTheEpoch) {
  const Member one = join(*one_, "one");
  const Member other = join(*other_, "other");
  ASSERT_TRUE(wait(mine_.leave(one.epoch)));
  EXPECT_TRUE(wait(mine_.leave(one.epoch)));  // not there: no error
  EXPECT_THAT(names(wait(theirs_.read()).value()), ElementsAre("other"));
  const Member again = join(*one_, "one");
  EXPECT_EQ(again.slot, one.slot);
  EXPECT_GT(again.epoch, other.epoch);
  EXPECT_THAT(names(wait(theirs_.read()).value()), ElementsAre("other", "one"));
}

TEST_P(MembersContract, Full_Limit) {
  for (int i = 0; i < Member::kSlots; ++i) ASSERT_EQ(join(*one_, "node").slot, i);
  EXPECT_EQ(code(wait(theirs_.join(facts("one too many")))), Errc::limit);
  const auto roll = wait(theirs_.read()).value();
  ASSERT_EQ(roll.members.size(), Member::kSlots);
  ASSERT_TRUE(wait(theirs_.leave(roll.members[500].epoch)));
  EXPECT_EQ(join(*other_, "new").slot, 500);
}

TEST_P(MembersContract, OnChange_ToldWhenOthersComeChangeAndGo) {
  const Member one = join(*one_, "one");  // connected from here on
  std::atomic<int> told = 0;
  mine_.on_change([&told] { ++told; });
  const auto told_of = [&](auto call) {
    const int before = told;
    auto result = wait(std::move(call)).value();
    while (told == before) std::this_thread::yield();
    return result;
  };
  const Member other = told_of(theirs_.join(facts("other")));
  told_of(theirs_.renew(other.epoch, facts("other", MemberState::up)));
  EXPECT_TRUE(told_of(theirs_.remove_dead(other.epoch, 0ms)));
  const Member third = told_of(theirs_.join(facts("third")));
  EXPECT_TRUE(wait(theirs_.leave(third.epoch)));
  mine_.on_change(nullptr);
  const int before = told;
  join(*other_, "fourth");
  ASSERT_TRUE(wait(mine_.renew(one.epoch, facts("one"))));
  EXPECT_EQ(told, before);
}

TEST_P(MembersContract, Lease_TheFirstHasItUnderATermOfItsOwn) {
  const Member one = join(*one_, "one");
  const Member other = join(*other_, "other");
  const Lease lease = wait(mine_.acquire("b", one.epoch)).value();
  EXPECT_EQ(lease.name, "b");
  EXPECT_EQ(lease.holder, one.epoch);
  EXPECT_GT(lease.term, 0U);
  EXPECT_EQ(wait(theirs_.acquire("b", other.epoch)).value(), lease);
  EXPECT_EQ(wait(mine_.acquire("b", one.epoch)).value(), lease);  // again: the same
  const Lease second = wait(theirs_.acquire("a", other.epoch)).value();
  EXPECT_GT(second.term, lease.term);
  EXPECT_THAT(wait(mine_.leases()).value(), ElementsAre(second, lease));
  EXPECT_EQ(code(wait(mine_.acquire("c", other.epoch + 1))), Errc::not_found);
}

TEST_P(MembersContract, LeaseTakenTogether_OneHasIt) {
  constexpr std::size_t kNodes = 8;
  std::vector<std::unique_ptr<Store>> stores;
  std::vector<std::optional<Result<Lease>>> taken(kNodes);
  std::vector<std::uint64_t> epochs;
  for (std::size_t i = 0; i < kNodes; ++i) {
    stores.push_back(database_->open());
    epochs.push_back(join(*stores.back(), "node").epoch);
  }
  Gate gate;
  for (std::size_t i = 0; i < kNodes; ++i) {
    gate.spawn(collect(stores[i]->members()->acquire("one", epochs[i]), taken[i]));
  }
  pump_until_empty(loop_, gate);
  for (const auto& lease : taken) EXPECT_EQ(lease->value(), taken[0]->value());
}

TEST_P(MembersContract, LeaseHandedOver_OnlyByWhoHasItAndUnderANewTerm) {
  const Member one = join(*one_, "one");
  const Member other = join(*other_, "other");
  const Lease first = wait(mine_.acquire("b", one.epoch)).value();
  EXPECT_EQ(code(wait(mine_.hand_over(first, other.epoch + 1))), Errc::not_found);
  const Lease given = wait(mine_.hand_over(first, other.epoch)).value();
  EXPECT_EQ(given.holder, other.epoch);
  EXPECT_GT(given.term, first.term);
  EXPECT_EQ(code(wait(mine_.hand_over(first, one.epoch))), Errc::not_found);
  EXPECT_THAT(wait(mine_.leases()).value(), ElementsAre(given));
  EXPECT_GT(wait(theirs_.hand_over(given, one.epoch))->term, given.term);
}

TEST_P(MembersContract, WhoIsNoMemberAnyMore_HoldsNoLease) {
  const Member one = join(*one_, "one");
  const Member other = join(*other_, "other");
  const Member third = join(*one_, "third");
  const Lease dead = wait(mine_.acquire("dead", one.epoch)).value();
  ASSERT_TRUE(wait(mine_.acquire("left", third.epoch)));
  const Lease kept = wait(theirs_.acquire("kept", other.epoch)).value();
  EXPECT_TRUE(wait(theirs_.remove_dead(one.epoch, 0ms)).value());
  EXPECT_TRUE(wait(mine_.leave(third.epoch)));
  EXPECT_THAT(wait(mine_.leases()).value(), ElementsAre(kept));
  EXPECT_GT(wait(theirs_.acquire("dead", other.epoch))->term, dead.term);
}

TEST_P(MembersContract, FencedWrite_OnlyWhileTheLeaseIsHeldUnderItsTerm) {
  const Member one = join(*one_, "one");
  const Member other = join(*other_, "other");
  const Lease first = wait(mine_.acquire("b", one.epoch)).value();
  const auto put = [&](const Lease& lease, const std::string& value) {
    return wait(one_->maps().apply(
        "", {{"map", "set", value}, {"map", value, value, true}, {"map", "gone", std::nullopt}},
        Fence{lease.name, lease.term}));
  };
  ASSERT_TRUE(wait(one_->maps().apply("", {{"map", "gone", "there"}})));
  ASSERT_TRUE(put(first, "first"));
  const Lease second = wait(mine_.hand_over(first, other.epoch)).value();
  ASSERT_TRUE(wait(one_->maps().apply("", {{"map", "gone", "there"}})));
  EXPECT_EQ(code(put(first, "late")), Errc::not_found);
  EXPECT_EQ(code(put({"other", other.epoch, second.term}, "late")), Errc::not_found);
  const auto all = [&] {
    std::vector<std::string> keys;
    const auto entries = wait(other_->maps().scan("", "map")).value();
    for (const Entry& entry : entries) keys.push_back(entry.key + "=" + entry.value);
    return keys;
  };
  EXPECT_THAT(all(), ElementsAre("first=first", "gone=there", "set=first"));
  ASSERT_TRUE(put(second, "second"));
  EXPECT_THAT(all(), ElementsAre("first=first", "second=second", "set=second"));
  EXPECT_TRUE(wait(theirs_.leave(other.epoch)));
  EXPECT_EQ(code(put(second, "late")), Errc::not_found);
}

TEST_P(MembersContract, OnChange_ToldOfLeases) {
  const Member one = join(*one_, "one");
  const Member other = join(*other_, "other");
  std::atomic<int> told = 0;
  mine_.on_change([&told] { ++told; });
  const auto wait_told = [&](int times) {
    while (told < times) std::this_thread::yield();
  };
  const Lease first = wait(theirs_.acquire("b", other.epoch)).value();
  wait_told(1);
  ASSERT_TRUE(wait(theirs_.hand_over(first, one.epoch)));
  wait_told(2);
  mine_.on_change(nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    Backends, MembersContract,
    ::testing::Values(
        MembersBackend{"Memory",
                       [](ManualLoop& loop) { return std::make_unique<SharedMemory>(loop); }},
        MembersBackend{"Postgres", [](ManualLoop&) { return std::make_unique<SharedPostgres>(); }}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace starling::store
