// Scenario: what happens in a run, read from a small text file (README.md has the language).
// Ranges are drawn while it is read, so it is concrete: one seed, one course of events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/random.h"

namespace starling::sim {

struct Scenario {
  std::string name;
  unsigned nodes = 3;
  unsigned workers = 2;
  unsigned users = 10;
  unsigned devices = 2;   // of each user, at most
  unsigned managed = 80;  // percent of the users: all their devices have stream management
  unsigned contacts = 2;  // of each user, about
  Duration length{std::chrono::seconds(60)};
  // A second; 0: none.
  unsigned messages = 20;
  unsigned logins = 2;  // a device comes or goes
  unsigned drops = 1;   // a connection breaks
  Duration resume{std::chrono::seconds(10)};

  struct Event {
    Duration at{};
    std::vector<std::string> words;
  };
  std::vector<Event> events;  // in no order

  // For a small number of seeds, since a run is long.
  unsigned cost = 1;
};

// Errors: invalid, with the line.
[[nodiscard]] Result<Scenario> read_scenario(std::string_view text, Random& random);

// "10s", "500ms", "-2h"; nullopt if it is none. The same with a range: one of it.
[[nodiscard]] std::optional<Duration> duration_of(std::string_view text);
[[nodiscard]] std::optional<Duration> draw_duration(std::string_view text, Random& random);
[[nodiscard]] std::optional<unsigned> draw_number(std::string_view text, Random& random);

}  // namespace starling::sim
