// Messages that a node had taken in and could neither deliver nor keep: a fault of the service, not
// of who wrote. There should be none. Their senders get an error, where it is known who they are.
#pragma once

#include <cstdint>
#include <string_view>

namespace starling::core {

enum class Lost : std::uint8_t {
  not_stored,  // the store refused to write it
  damaged,     // it came unreadable from another node
  in_circles,  // the nodes sent it to each other, again and again
};
[[nodiscard]] std::string_view to_string(Lost why);

// Any thread.
void message_lost(Lost why);
// Since the node was started.
[[nodiscard]] std::uint64_t messages_lost();

}  // namespace starling::core
