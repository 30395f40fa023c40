#include "sim/scenario.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace starling::sim {

namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

std::pair<std::string_view, std::string_view> ends_of(std::string_view text) {
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) return {text, text};
  return {text.substr(0, dots), text.substr(dots + 2)};
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// `at 10s WORDS`, `every 5s from 10s to 50s WORDS`.
bool read_event(Scenario& scenario, std::vector<std::string> words, Random& random) {
  const auto take = [&words](std::size_t n) { words.erase(words.begin(), words.begin() + n); };
  if (words[0] == "at" && words.size() >= 3) {
    const auto at = draw_duration(words[1], random);
    take(2);
    if (at) scenario.events.push_back({*at, std::move(words)});
    return at.has_value();
  }
  if (words[0] != "every" || words.size() < 7 || words[2] != "from" || words[4] != "to") {
    return false;
  }
  const std::string every = words[1];
  const auto from = draw_duration(words[3], random);
  const auto to = draw_duration(words[5], random);
  take(6);
  if (!from || !to) return false;
  for (Duration at = *from; at <= *to;) {
    scenario.events.push_back({at, words});
    const auto step = draw_duration(every, random);
    if (!step || *step <= Duration()) return false;
    at += *step;
  }
  return true;
}

bool read_line(Scenario& scenario, const std::vector<std::string>& words, Random& random) {
  if (words[0] == "at" || words[0] == "every") return read_event(scenario, words, random);
  if (words.size() != 2) return false;
  const std::map<std::string, unsigned*, std::less<>> numbers{
      {"nodes", &scenario.nodes},       {"workers", &scenario.workers},
      {"users", &scenario.users},       {"devices", &scenario.devices},
      {"managed", &scenario.managed},   {"contacts", &scenario.contacts},
      {"messages", &scenario.messages}, {"logins", &scenario.logins},
      {"drops", &scenario.drops},       {"cost", &scenario.cost},
  };
  const std::map<std::string, Duration*, std::less<>> durations{{"for", &scenario.length},
                                                                {"resume", &scenario.resume}};
  if (const auto number = numbers.find(words[0]); number != numbers.end()) {
    const auto value = draw_number(words[1], random);
    if (value) *number->second = *value;
    return value.has_value();
  }
  const auto duration = durations.find(words[0]);
  if (duration == durations.end()) return false;
  const auto value = draw_duration(words[1], random);
  if (value) *duration->second = *value;
  return value.has_value();
}

}  // namespace

std::optional<Duration> duration_of(std::string_view text) {
  static constexpr std::pair<std::string_view, Duration> kUnits[] = {
      {"us", std::chrono::microseconds(1)}, {"ms", std::chrono::milliseconds(1)},
      {"min", std::chrono::minutes(1)},     {"s", std::chrono::seconds(1)},
      {"h", std::chrono::hours(1)},
  };
  for (const auto& [unit, length] : kUnits) {
    if (!text.ends_with(unit)) continue;
    const auto count = integer_of(text.substr(0, text.size() - unit.size()));
    if (!count) return std::nullopt;
    return *count * length;
  }
  return std::nullopt;
}

std::optional<Duration> draw_duration(std::string_view text, Random& random) {
  const auto [first, last] = ends_of(text);
  const auto least = duration_of(first);
  const auto most = duration_of(last);
  if (!least || !most) return std::nullopt;
  return random.between(*least, *most);
}

// A unit, as in 20/s and 10%, is for the reader.
std::optional<unsigned> draw_number(std::string_view text, Random& random) {
  if (text.ends_with("/s")) text.remove_suffix(2);
  if (text.ends_with("%")) text.remove_suffix(1);
  const auto [first, last] = ends_of(text);
  const auto least = integer_of(first);
  const auto most = integer_of(last);
  if (!least || !most || *least < 0 || *most < *least) return std::nullopt;
  return static_cast<unsigned>(*least + static_cast<std::int64_t>(random.below(
                                            static_cast<std::uint64_t>(*most - *least + 1))));
}

Result<Scenario> read_scenario(std::string_view text, Random& random) {
  Scenario scenario;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const auto words = words_of(line);
    if (words.empty()) continue;
    if (!read_line(scenario, words, random)) {
      return fail(Errc::invalid, "line " + std::to_string(number) + ": " + std::string(line));
    }
  }
  return scenario;
}

}  // namespace starling::sim
