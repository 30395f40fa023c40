#include "http/message.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/ip_address.h"

namespace starling::http {

namespace {

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Cuts off what comes before the next separator.
std::string_view next(std::string_view& rest, char separator) {
  const auto at = rest.find(separator);
  const std::string_view part = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return part;
}

// "0", "0.0", ... (RFC 9110 section 12.4.2)
bool weighs_nothing(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view parameter = trimmed(next(parameters, ';'));
    if (parameter.size() < 3 || !same(parameter.substr(0, 2), "q=")) continue;
    return parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
  }
  return false;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return plain;
}

}  // namespace

std::string_view Fields::get(std::string_view name) const {
  const auto found =
      std::ranges::find_if(fields_, [&](const Field& field) { return same(field.first, name); });
  return found == fields_.end() ? std::string_view() : found->second;
}

std::size_t Fields::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      fields_, [name](const Field& field) { return same(field.first, name); }));
}

std::string Fields::joined(std::string_view name) const {
  std::string all;
  for (const auto& [key, value] : fields_) {
    if (!same(key, name)) continue;
    if (!all.empty()) all += ", ";
    all += value;
  }
  return all;
}

bool Fields::lists(std::string_view name, std::string_view token) const {
  const std::string all = joined(name);
  std::string_view rest = all;
  while (!rest.empty()) {
    std::string_view element = next(rest, ',');
    const std::string_view found = trimmed(next(element, ';'));
    if (same(found, token)) return !weighs_nothing(element);
  }
  return false;
}

bool Request::is_private() const {
  if (secure) return true;
  if (relayed) return false;
  const auto address = IpAddress::parse(remote);
  return address && (address->masked(8) == *IpAddress::parse("127.0.0.0") ||
                     *address == *IpAddress::parse("::1"));
}

std::string Request::cookie(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (!same(key, "cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      std::string_view one = trimmed(next(rest, ';'));
      if (next(one, '=') == name) return std::string(one);
    }
  }
  return "";
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(
    std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    std::string_view one = next(query, '&');
    if (one.empty()) continue;
    auto name = decoded(next(one, '='));
    auto value = decoded(one);
    if (!name || !value) return std::nullopt;
    pairs.emplace_back(*std::move(name), *std::move(value));
  }
  return pairs;
}

std::string reason(unsigned status) {
  namespace beast = boost::beast::http;
  return std::string(beast::obsolete_reason(beast::int_to_status(status)));
}

Response problem(unsigned status, std::string_view detail) {
  nlohmann::ordered_json body = {
      {"type", "about:blank"}, {"title", reason(status)}, {"status", status}};
  if (!detail.empty()) body["detail"] = detail;
  // A detail may hold a client's own words.
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  return {.status = status,
          .content_type = "application/problem+json",
          .body = body.dump(-1, ' ', false, kReplace) + "\n"};
}

}  // namespace starling::http
