// Ledger: what became of each message, wherever its sender and its addressee were meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "latency.h"
#include "result.h"
#include "survivor.h"

namespace load {

class Ledger {
 public:
  explicit Ledger(const Options& options) : options_(options), seen_(options.sessions) {}

  // The text of a new message.
  std::string write(const Survivor& from, const Survivor& to, std::uint64_t& message);
  void acknowledged(std::uint64_t message) { fates_[message].acknowledged = true; }
  void sent_again(std::uint64_t message) { fates_[message].sent_again = true; }
  // A message as its addressee got it.
  void received(const Survivor& by, std::string_view text);
  // A message from its addressee's archive.
  void found(const Survivor& by, std::string_view text);

  // Messages that were acknowledged and did not come to their addressee, nor are in an archive that
  // has been looked into.
  [[nodiscard]] std::vector<bool> who_misses() const;
  [[nodiscard]] std::uint64_t sent() const { return fates_.size(); }
  [[nodiscard]] std::uint64_t received() const { return received_; }
  // Messages that were acknowledged and have not come, though their addressees are there, and it is
  // so long since they were sent that somebody would ask after them.
  [[nodiscard]] std::uint64_t overdue(const std::function<bool(unsigned)>& is_there) const;
  // How long messages were under way, of those that came since this was called last.
  [[nodiscard]] Latencies take_latest() { return std::exchange(latest_, {}); }
  void report(Result& result, const std::vector<bool>& is_managed) const;

 private:
  struct Fate {
    unsigned from = 0;
    unsigned to = 0;
    std::int64_t sent_ns = 0;
    bool acknowledged = false;
    bool sent_again = false;
    bool received = false;
    std::int64_t received_ns = 0;
    std::string id;  // under which it came first
    bool archived = false;
    bool refused = false;  // it came back as an error
  };
  // When a client first got what has this id.
  struct Sight {
    unsigned session = 0;
    std::uint32_t index = 0;  // among the stanzas of the session
  };
  void note_id(const Survivor& by, std::string id);

  const Options& options_;
  std::vector<Fate> fates_;
  std::vector<std::unordered_map<std::string, Sight>> seen_;  // of each client, by <stanza-id/>
  std::uint64_t received_ = 0;
  std::uint64_t came_twice_ = 0, came_twice_unexplained_ = 0;
  std::uint64_t same_session_ = 0, again_acknowledged_ = 0, again_open_ = 0, again_unmanaged_ = 0;
  Latencies latencies_, latest_;
};

}  // namespace load
