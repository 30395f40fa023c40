#include "net/connection_budget.h"

#include <utility>

namespace starling::net {

namespace ip = boost::asio::ip;

namespace {

// No IPv6 address that is routed begins with 32 zero bits, so the two kinds cannot meet; nor with
// 64 ones (kNoBlock).
std::uint64_t block_of(const ip::address& address) {
  if (address.is_v4()) return address.to_v4().to_uint();
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6).to_uint();
  std::uint64_t block = 0;
  const auto bytes = v6.to_bytes();
  for (std::size_t i = 0; i < 8; ++i) block = block << 8U | bytes[i];
  return block;
}

}  // namespace

ConnectionBudget::Ticket::Ticket(Ticket&& other) noexcept
    : budget_(std::move(other.budget_)), block_(std::exchange(other.block_, kNoBlock)) {}

ConnectionBudget::Ticket& ConnectionBudget::Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  budget_ = std::move(other.budget_);
  block_ = std::exchange(other.block_, kNoBlock);
  return *this;
}

ConnectionBudget::Ticket::~Ticket() {
  give_back();
}

bool ConnectionBudget::Ticket::count_for(const ip::address& address) {
  if (budget_->max_per_address_ == 0) return true;
  const std::uint64_t block = block_of(address);
  if (!budget_->count_for(block)) return false;
  block_ = block;
  return true;
}

void ConnectionBudget::Ticket::give_back() {
  if (!budget_) return;
  if (block_ != kNoBlock) budget_->forget(std::exchange(block_, kNoBlock));
  --budget_->count_;
  budget_.reset();
}

std::optional<ConnectionBudget::Ticket> ConnectionBudget::take() {
  const std::uint32_t limit = max_connections_;
  if (++count_ > limit && limit != 0) {
    --count_;
    return std::nullopt;
  }
  return Ticket(shared_from_this());
}

void ConnectionBudget::set_limits(Limits limits) {
  max_connections_ = limits.connections;
  max_per_address_ = limits.per_address;
}

ConnectionBudget::Limits ConnectionBudget::limits() const {
  return {max_connections_, max_per_address_};
}

bool ConnectionBudget::count_for(std::uint64_t block) {
  const std::lock_guard lock(mutex_);
  std::uint32_t& count = per_address_[block];
  if (count >= max_per_address_) {
    if (count == 0) per_address_.erase(block);
    return false;
  }
  ++count;
  return true;
}

void ConnectionBudget::forget(std::uint64_t block) {
  const std::lock_guard lock(mutex_);
  const auto found = per_address_.find(block);
  if (--found->second == 0) per_address_.erase(found);
}

}  // namespace starling::net
