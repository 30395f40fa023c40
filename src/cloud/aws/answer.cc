#include "cloud/aws/answer.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "xml/stream_scanner.h"

namespace starling::cloud::aws {

namespace {

std::string_view without_space(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Result<Credentials> checked(Credentials found, const std::string& expiration) {
  if (found.access_key_id.empty() || found.secret_access_key.empty()) {
    return fail(Errc::invalid, "there are no credentials in the answer");
  }
  if (!expiration.empty()) {
    found.expires_us = parse_xmpp_datetime(expiration);
    if (!found.expires_us) {
      return fail(Errc::invalid, "the credentials expire at no time: " + expiration);
    }
  }
  return found;
}

std::string text_of(const nlohmann::json& object, std::string_view member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

xml::DocumentPtr parse_xml(std::string_view text) {
  text = without_space(text);
  if (text.starts_with("<?xml")) {
    const auto end = text.find("?>");
    if (end == std::string_view::npos) return nullptr;
    text = without_space(text.substr(end + 2));
  }
  const xml::Limits limits{
      .max_stanza_bytes = CurlHttp::kMaxAnswer, .max_depth = 32, .max_elements = 32'768};
  const auto scanned = xml::scan_element(text, "", limits);
  return scanned ? *scanned : nullptr;
}

std::optional<xml::Element> find_element(const xml::Element& within, std::string_view name) {
  for (const xml::Element child : within.children()) {
    if (child.name() == name) return child;
    if (const auto deeper = find_element(child, name)) return deeper;
  }
  return std::nullopt;
}

std::string find_text(const xml::Element& within, std::string_view name) {
  const auto found = find_element(within, name);
  return found ? found->text() : std::string();
}

std::vector<xml::Element> members_of(const xml::Element& within, std::string_view name) {
  std::vector<xml::Element> members;
  if (const auto list = find_element(within, name)) {
    for (const xml::Element child : list->children()) {
      if (child.name() == "member") members.push_back(child);
    }
  }
  return members;
}

Result<Credentials> credentials_from_json(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(Errc::invalid, "the answer is no JSON object");
  if (const std::string code = text_of(json, "Code"); !code.empty() && code != "Success") {
    return fail(Errc::unavailable, "no credentials: " + code + ": " + text_of(json, "Message"));
  }
  return checked({.access_key_id = text_of(json, "AccessKeyId"),
                  .secret_access_key = text_of(json, "SecretAccessKey"),
                  .session_token = text_of(json, "Token")},
                 text_of(json, "Expiration"));
}

Result<Credentials> credentials_from_xml(std::string_view text) {
  const auto document = parse_xml(text);
  const auto found =
      document ? find_element(document->root(), "Credentials") : std::optional<xml::Element>();
  if (!found) return fail(Errc::invalid, "there are no credentials in the answer");
  return checked({.access_key_id = find_text(*found, "AccessKeyId"),
                  .secret_access_key = find_text(*found, "SecretAccessKey"),
                  .session_token = find_text(*found, "SessionToken")},
                 find_text(*found, "Expiration"));
}

std::optional<std::string> json_text(std::string_view object, std::string_view member) {
  const auto json = nlohmann::json::parse(object, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto found = json.find(member);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

}  // namespace starling::cloud::aws
