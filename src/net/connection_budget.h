// ConnectionBudget: how many connections a listener has at once, in all and of one address.
//
// A connection holds a Ticket for as long as its socket is open. Thread-safe: a ticket may be given
// back on any thread, and limits may change at any time; a lower one ends no connection.
#pragma once

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace starling::net {

class ConnectionBudget : public std::enable_shared_from_this<ConnectionBudget> {
 public:
  // 0: no limit.
  struct Limits {
    std::uint32_t connections = 0;
    std::uint32_t per_address = 0;
  };

  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();

    // The connection is of this address. False if that has too many already. Once per ticket.
    [[nodiscard]] bool count_for(const boost::asio::ip::address& address);

   private:
    friend class ConnectionBudget;
    explicit Ticket(std::shared_ptr<ConnectionBudget> budget) : budget_(std::move(budget)) {}
    void give_back();

    static constexpr std::uint64_t kNoBlock = ~std::uint64_t{0};

    std::shared_ptr<ConnectionBudget> budget_;
    std::uint64_t block_ = kNoBlock;
  };

  // nullopt if there are too many already.
  [[nodiscard]] std::optional<Ticket> take();

  void set_limits(Limits limits);
  [[nodiscard]] Limits limits() const;
  [[nodiscard]] std::uint32_t count() const { return count_; }

 private:
  bool count_for(std::uint64_t block);
  void forget(std::uint64_t block);

  std::atomic<std::uint32_t> max_connections_{0};
  std::atomic<std::uint32_t> max_per_address_{0};
  std::atomic<std::uint32_t> count_{0};
  std::mutex mutex_;
  // By IPv4 address, or /64 of IPv6: what one customer gets. Only while there is a limit.
  std::unordered_map<std::uint64_t, std::uint32_t> per_address_;  // guarded by mutex_
};

}  // namespace starling::net
