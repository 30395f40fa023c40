// The known word that is nearest to the one somebody typed: for "did you mean ...?".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling {

// nullopt if none is near. A letter left out, added, changed, or swapped with the next one is one
// step; a third of the word may be wrong.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word,
                                                 const std::vector<std::string>& known);

// ": did you mean 'WORD'?", or "" if none is near: the end of a message.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string>& known);

}  // namespace starling
