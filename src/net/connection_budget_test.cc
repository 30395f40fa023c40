#include "net/connection_budget.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace starling::net {
namespace {

using boost::asio::ip::make_address;
using Ticket = ConnectionBudget::Ticket;

std::shared_ptr<ConnectionBudget> budget(ConnectionBudget::Limits limits) {
  auto made = std::make_shared<ConnectionBudget>();
  made->set_limits(limits);
  return made;
}
// A ticket of that address; nullopt if it has too many.
std::optional<Ticket> take(ConnectionBudget& from, const char* address) {
  auto ticket = from.take();
  if (!ticket || !ticket->count_for(make_address(address))) return std::nullopt;
  return ticket;
}

TEST(ConnectionBudget, NoLimit_TakesAll) {
  const auto all = budget({});
  std::vector<Ticket> tickets;
  for (int i = 0; i < 1'000; ++i) tickets.push_back(*take(*all, "192.0.2.1"));
  EXPECT_EQ(all->count(), 1'000U);
  tickets.clear();
  EXPECT_EQ(all->count(), 0U);
}

TEST(ConnectionBudget, Connections_AreLimitedUntilOneEnds) {
  const auto two = budget({.connections = 2});
  auto first = two->take();
  const auto second = two->take();
  EXPECT_FALSE(two->take());
  EXPECT_EQ(two->count(), 2U);
  Ticket moved = *std::move(first);
  EXPECT_FALSE(two->take());
  moved = Ticket();
  EXPECT_TRUE(two->take());
}

TEST(ConnectionBudget, OneAddress_IsLimitedAndOthersAreNot) {
  const auto two = budget({.per_address = 2});
  const auto a = take(*two, "192.0.2.1");
  auto b = take(*two, "::ffff:192.0.2.1");  // the same
  EXPECT_FALSE(take(*two, "192.0.2.1"));
  EXPECT_TRUE(take(*two, "192.0.2.2"));
  EXPECT_EQ(two->count(), 2U);
  b.reset();
  EXPECT_TRUE(take(*two, "192.0.2.1"));
}

TEST(ConnectionBudget, IPv6_CountsByItsFirst64Bits) {
  const auto two = budget({.per_address = 2});
  const auto a = take(*two, "2001:db8:0:1::1");
  const auto b = take(*two, "2001:db8:0:1:ffff::2");
  EXPECT_FALSE(take(*two, "2001:db8:0:1:8::3"));
  EXPECT_TRUE(take(*two, "2001:db8:0:2::1"));
}

TEST(ConnectionBudget, LimitsThatChange_ActOnTheNext) {
  const auto one = budget({.connections = 1});
  auto first = one->take();
  EXPECT_FALSE(one->take());
  one->set_limits({.connections = 2, .per_address = 1});
  const auto second = take(*one, "192.0.2.1");
  EXPECT_TRUE(second);
  first.reset();
  EXPECT_FALSE(take(*one, "192.0.2.1"));
  one->set_limits({});
  EXPECT_TRUE(take(*one, "192.0.2.1"));
}

TEST(ConnectionBudget, Threads_LeaveNothingBehind) {
  const auto shared = budget({.connections = 50, .per_address = 20});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 2'000; ++n) {
        const auto ticket = take(*shared, "192.0.2.1");
        EXPECT_LE(shared->count(), 54U);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(shared->count(), 0U);
}

}  // namespace
}  // namespace starling::net
