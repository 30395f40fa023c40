#include "config/kinds.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <span>

namespace starling::config {

namespace {

constexpr const char* kInfinity = "infinity";

struct Unit {
  const char* name;
  std::uint64_t factor;
};
// The first name of each is how it is shown, the largest that fits without a rest.
constexpr Unit kTimes[] = {
    {"days", 86'400}, {"day", 86'400}, {"d", 86'400},      {"hours", 3'600},
    {"hour", 3'600},  {"h", 3'600},    {"minutes", 60},    {"minute", 60},
    {"min", 60},      {"m", 60},       {"seconds", 1},     {"second", 1},
    {"sec", 1},       {"s", 1},        {"weeks", 604'800}, {"week", 604'800}};
constexpr Unit kSizes[] = {{"GiB", 1ULL << 30U},  {"MiB", 1ULL << 20U}, {"KiB", 1ULL << 10U},
                           {"GB", 1'000'000'000}, {"MB", 1'000'000},    {"KB", 1'000},
                           {"kB", 1'000},         {"bytes", 1},         {"B", 1}};

std::optional<std::uint64_t> with_unit(std::string_view text, std::span<const Unit> units) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc()) return std::nullopt;
  std::string_view rest(stop, static_cast<std::size_t>(end - stop));
  if (rest.empty()) return value;
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  for (const auto& unit : units) {
    if (rest != unit.name) continue;
    if (value > std::numeric_limits<std::uint64_t>::max() / unit.factor) return std::nullopt;
    return value * unit.factor;
  }
  return std::nullopt;
}

// "5 minutes", "4 MiB"; a plain number if no larger unit fits.
Json shown_with(std::uint64_t value, std::span<const Unit> units) {
  for (const auto& unit : units) {
    if (value == 0 || unit.factor == 1 || value % unit.factor != 0) continue;
    const auto number = value / unit.factor;
    std::string name = unit.name;
    if (number == 1 && name.ends_with('s')) name.pop_back();
    return std::to_string(number) + " " + name;
  }
  return value;
}

std::string pattern_of(std::span<const Unit> units) {
  std::string names;
  for (const auto& unit : units) names += (names.empty() ? "" : "|") + std::string(unit.name);
  return "^[0-9]+( *(" + names + "))?$";
}

Json amount_schema(const Amount& amount) {
  return {{"type", "integer"}, {"minimum", amount.min}, {"maximum", amount.max}};
}

Json or_words(Json schema, const Amount& amount, const std::string& pattern) {
  Json any = Json::array({std::move(schema)});
  if (!pattern.empty()) any.push_back({{"type", "string"}, {"pattern", pattern}});
  if (amount.zero == Zero::no_limit) any.push_back({{"const", kInfinity}});
  return any.size() == 1 ? any.front() : Json{{"anyOf", any}};
}

Kind<std::uint64_t> amount_kind(std::string value, Json schema, Amount amount,
                                std::function<std::optional<std::uint64_t>(std::string_view)> parse,
                                std::function<Json(std::uint64_t)> show) {
  if (amount.zero == Zero::no_limit) value += ", or infinity";
  return {.value = value,
          .schema = std::move(schema),
          .read =
              [=](std::uint64_t& target, const YAML::Node& node, Reading& reading) {
                const auto text = reading.scalar(node);
                auto number = text ? parse(*text) : std::nullopt;
                if (text == kInfinity && amount.zero == Zero::no_limit) number = 0;
                if (!number || *number < amount.min || *number > amount.max) {
                  throw Mistake{node.Mark(), "expected " + value};
                }
                target = *number;
              },
          .show = [=](const std::uint64_t& number) -> Json {
            if (number == 0 && amount.zero == Zero::no_limit) return kInfinity;
            return show(number);
          }};
}

std::string plain(const Json& shown) {
  return shown.is_string() ? shown.get<std::string>() : shown.dump();
}

bool is_plain(const std::string& text) {
  return !text.contains('\0');
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  return with_unit(text, {});
}

std::optional<std::uint64_t> parse_seconds(std::string_view text) {
  return with_unit(text, kTimes);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  return with_unit(text, kSizes);
}

Kind<std::uint64_t> number_kind(const std::string& unit, Amount amount) {
  return amount_kind("a number" + (unit.empty() ? "" : " of " + unit) + " from " +
                         std::to_string(amount.min) + " to " + std::to_string(amount.max),
                     or_words(amount_schema(amount), amount, ""), amount, parse_number,
                     [](std::uint64_t n) { return Json(n); });
}

Kind<std::uint64_t> seconds_kind(Amount amount) {
  const auto show = [](std::uint64_t n) { return shown_with(n, kTimes); };
  return amount_kind("a number of seconds, or a time such as \"5 minutes\", from " +
                         plain(show(amount.min)) + " to " + plain(show(amount.max)),
                     or_words(amount_schema(amount), amount, pattern_of(kTimes)), amount,
                     parse_seconds, show);
}

Kind<std::uint64_t> bytes_kind(Amount amount) {
  const auto show = [](std::uint64_t n) { return shown_with(n, std::span(kSizes).first(3)); };
  return amount_kind("a number of bytes, or a size such as \"4 MiB\", from " +
                         plain(show(amount.min)) + " to " + plain(show(amount.max)),
                     or_words(amount_schema(amount), amount, pattern_of(kSizes)), amount,
                     parse_bytes, show);
}

Kind<bool> true_or_false() {
  return {.value = "true or false",
          .schema = {{"type", "boolean"}},
          .read =
              [](bool& target, const YAML::Node& node, Reading& reading) {
                const auto text = reading.scalar(node);
                if (!text || !YAML::convert<bool>::decode(YAML::Node(*text), target)) {
                  throw Mistake{node.Mark(), "expected true or false"};
                }
              },
          .show = [](const bool& value) { return Json(value); }};
}

Kind<std::string> text(const std::string& value, std::function<bool(std::string&)> check) {
  return {.value = value,
          .schema = {{"type", "string"}},
          .read =
              [value, check = std::move(check)](std::string& target, const YAML::Node& node,
                                                Reading& reading) {
                auto text = reading.scalar(node);
                if (!text || !check(*text)) throw Mistake{node.Mark(), "expected " + value};
                target = std::move(*text);
              },
          .show = [](const std::string& shown) { return Json(shown); }};
}

Kind<std::string> text(const std::string& value) {
  return text(value, [](std::string& of) { return !of.empty() && is_plain(of); });
}

Kind<std::string> text_or_empty(const std::string& value) {
  return text(value, [](std::string& of) { return is_plain(of); });
}

namespace {

// A URL with its passwords taken out: postgresql://USER:PASSWORD@HOST/NAME?password=PASSWORD
std::string without_password(std::string url) {
  const auto begin = url.find("://");
  if (begin == std::string::npos) return url;
  const auto at = url.rfind('@', url.find_first_of("/?", begin + 3));
  const auto colon = url.find(':', begin + 3);
  if (at != std::string::npos && colon < at) url.replace(colon + 1, at - colon - 1, kHidden);
  constexpr std::string_view kParameter = "password=";
  for (auto found = url.find(kParameter, begin); found != std::string::npos;
       found = url.find(kParameter, found)) {
    found += kParameter.size();
    url.replace(found, std::min(url.find('&', found), url.size()) - found, kHidden);
  }
  return url;
}

}  // namespace

Kind<std::string> url(const std::string& value, std::vector<std::string> schemes) {
  auto kind = text(value, [schemes = std::move(schemes)](const std::string& of) {
    return of.empty() || std::ranges::any_of(schemes, [&](const std::string& scheme) {
             return of.starts_with(scheme);
           });
  });
  kind.show = [](const std::string& of) -> Json { return without_password(of); };
  return kind;
}

Kind<std::string> ip_address() {
  return text("an IP address, such as 192.0.2.1 or \"::\"",
              [](std::string& of) { return IpAddress::parse(of).has_value(); });
}

Kind<std::string> domain() {
  return text("a domain, such as example.org", [](std::string& of) {
    auto prepared = xmpp::prepare_domain(of);
    if (prepared) of = std::move(*prepared);
    return prepared.has_value();
  });
}

Kind<xmpp::Jid> account() {
  const std::string value = "an account's address, such as admin@example.org";
  return {.value = value,
          .schema = {{"type", "string"}, {"pattern", "^[^@/]+@[^@/]+$"}},
          .read =
              [value](xmpp::Jid& target, const YAML::Node& node, Reading& reading) {
                const auto text = reading.scalar(node);
                const auto jid = text ? xmpp::Jid::parse(*text) : std::nullopt;
                if (!jid || jid->local().empty() || !jid->is_bare()) {
                  throw Mistake{node.Mark(), "expected " + value};
                }
                target = *jid;
              },
          .show = [](const xmpp::Jid& jid) { return Json(jid.str()); }};
}

Kind<IpRange> ip_range() {
  const std::string value = "an IP address or a range of them, such as 192.0.2.0/24";
  return {.value = value,
          .schema = {{"type", "string"}},
          .read =
              [value](IpRange& target, const YAML::Node& node, Reading& reading) {
                const auto text = reading.scalar(node);
                const auto range = text ? IpRange::parse(*text) : std::nullopt;
                if (!range) throw Mistake{node.Mark(), "expected " + value};
                target = *range;
              },
          .show = [](const IpRange& range) { return Json(range.to_string()); }};
}

}  // namespace starling::config
