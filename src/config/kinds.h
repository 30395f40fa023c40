// The kinds of values that options take.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/access.h"
#include "config/table.h"
#include "xmpp/jid.h"

namespace starling::config {

enum class Zero : std::uint8_t { zero, no_limit };  // no_limit: may be written as `infinity`

// Numbers as they are written: digits, and for some a unit. nullopt if it is none, or too large
// for 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);
// "5 minutes", "30s", "1 hour", or a number of seconds.
[[nodiscard]] std::optional<std::uint64_t> parse_seconds(std::string_view text);
// "4 MiB", "64 KB", or a number of bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);

// The same as text and number, with bounds. For the templates below.
struct Amount {
  std::uint64_t min;
  std::uint64_t max;
  Zero zero;
};
Kind<std::uint64_t> number_kind(const std::string& unit, Amount amount);
Kind<std::uint64_t> seconds_kind(Amount amount);
Kind<std::uint64_t> bytes_kind(Amount amount);

template <class To>
Kind<To> convert(const Kind<std::uint64_t>& kind, auto to, auto from) {
  return {.value = kind.value,
          .schema = kind.schema,
          .read =
              [read = kind.read, to](To& target, const YAML::Node& node, Reading& reading) {
                std::uint64_t value = 0;
                read(value, node, reading);
                target = to(value);
              },
          .show = [show = kind.show, from](const To& value) { return show(from(value)); }};
}

// A number of `unit` ("bytes"; "" says none).
template <class N>
Kind<N> number(const std::string& unit, std::uint64_t min, std::uint64_t max,
               Zero zero = Zero::zero) {
  return convert<N>(
      number_kind(unit, {min, max, zero}), [](std::uint64_t n) { return static_cast<N>(n); },
      [](N n) { return static_cast<std::uint64_t>(n); });
}

template <class N>
Kind<N> size(std::uint64_t min, std::uint64_t max, Zero zero = Zero::zero) {
  return convert<N>(
      bytes_kind({min, max, zero}), [](std::uint64_t n) { return static_cast<N>(n); },
      [](N n) { return static_cast<std::uint64_t>(n); });
}

inline Kind<std::chrono::seconds> duration(std::uint64_t min, std::uint64_t max) {
  return convert<std::chrono::seconds>(
      seconds_kind({min, max, Zero::zero}), [](std::uint64_t n) { return std::chrono::seconds(n); },
      [](std::chrono::seconds s) { return static_cast<std::uint64_t>(s.count()); });
}

Kind<bool> true_or_false();
// A text that is not empty, or may be.
Kind<std::string> text(const std::string& value);
Kind<std::string> text_or_empty(const std::string& value);
// A text that `check` takes; it may put it into its normal form.
Kind<std::string> text(const std::string& value, std::function<bool(std::string&)> check);
// May be empty. It is shown without the passwords in it.
Kind<std::string> url(const std::string& value, std::vector<std::string> schemes);
Kind<std::string> ip_address();
Kind<std::string> domain();
Kind<xmpp::Jid> account();  // a bare JID
Kind<IpRange> ip_range();

// One of a few words.
template <class V>
Kind<V> choice(std::vector<std::pair<std::string, V>> words) {
  std::string known;
  Json schema{{"enum", Json::array()}};
  for (const auto& [word, unused] : words) {
    known += (known.empty() ? "" : ", ") + word;
    schema["enum"].push_back(word);
  }
  return {.value = "one of: " + known,
          .schema = schema,
          .read =
              [=](V& target, const YAML::Node& node, Reading& reading) {
                const auto text = reading.scalar(node);
                const auto found = std::ranges::find_if(
                    words, [&](const auto& word) { return text && word.first == *text; });
                if (found == words.end()) throw Mistake{node.Mark(), "expected one of: " + known};
                target = found->second;
              },
          .show = [=](const V& value) -> Json {
            return std::ranges::find(words, value, &std::pair<std::string, V>::second)->first;
          }};
}

// Whether a list of one may be written without the brackets.
enum class Alone : std::uint8_t { no, yes };

template <class V>
Kind<std::vector<V>> list(const Kind<V>& item, const std::string& value, Alone alone = Alone::no) {
  const bool of_sections = item.shape == Shape::section;
  Json schema{{"type", Json::array({"array", "null"})}, {"items", item.schema}};
  if (alone == Alone::yes) schema = {{"anyOf", Json::array({item.schema, schema})}};
  return {.value = value,
          .schema = of_sections ? item.schema : schema,
          .read =
              [value, alone, read = item.read](std::vector<V>& target, const YAML::Node& node,
                                               Reading& reading) {
                target.clear();
                if (node.IsNull()) return;
                const auto read_item = [&](const YAML::Node& of) {
                  read(target.emplace_back(), of, reading);
                };
                if (node.IsSequence()) return reading.each_item(node, read_item);
                if (alone == Alone::no) throw Mistake{node.Mark(), "expected " + value};
                read_item(node);
              },
          .show =
              [show = item.show](const std::vector<V>& values) {
                Json shown = Json::array();
                for (const auto& each : values) shown.push_back(show(each));
                return shown;
              },
          .shape = of_sections ? Shape::list : Shape::value,
          .inside = item.inside};
}

// Names, each with a value. One that is set again replaces what had that name; others stay. Of a
// section that stands in the file, a variable of the environment sets what it names, and no more.
template <class Map>
Kind<Map> named(const Kind<typename Map::mapped_type>& item, const std::string& value) {
  const bool of_sections = item.shape == Shape::section;
  const Json schema{{"type", Json::array({"object", "null"})},
                    {"additionalProperties", item.schema}};
  return {.value = value,
          .schema = of_sections ? item.schema : schema,
          .read =
              [value, of_sections, read = item.read](Map& target, const YAML::Node& node,
                                                     Reading& reading) {
                if (node.IsNull()) return;
                reading.each_entry(node, value, [&](const auto& key, const auto&, const auto& of) {
                  typename Map::mapped_type fresh{};
                  const auto known = target.find(key);
                  if (of_sections && of.IsMap() && reading.variable() && known != target.end()) {
                    fresh = known->second;
                  }
                  reading.within(key, of, [&] { read(fresh, of, reading); });
                  target.insert_or_assign(key, std::move(fresh));
                });
              },
          .show =
              [show = item.show](const Map& values) {
                Json shown = Json::object();
                for (const auto& [key, each] : values) shown[key] = show(each);
                return shown;
              },
          .shape = of_sections ? Shape::named : Shape::value,
          .inside = item.inside};
}

}  // namespace starling::config
