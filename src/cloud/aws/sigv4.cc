#include "cloud/aws/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "base/clock.h"
#include "base/hex.h"

namespace starling::cloud::aws {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::size_t kDigest = 32;

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, kDigest> digest{};
  unsigned size = kDigest;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

// 20261123T210500Z
std::string timestamp(std::int64_t now_us) {
  std::string text = xmpp_datetime(now_us);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

// What HTTP calls Host: without a port that goes without saying.
std::string host_of(const std::string& origin) {
  const auto scheme_end = origin.find("://");
  const std::string scheme = origin.substr(0, scheme_end);
  std::string host = scheme_end == std::string::npos ? origin : origin.substr(scheme_end + 3);
  const std::string_view usual = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(usual)) host.resize(host.size() - usual.size());
  return host;
}

// Without white space around it, and one space where there are several.
std::string canonical_value(std::string_view value) {
  std::string text;
  for (const char c : value) {
    const bool space = c == ' ' || c == '\t';
    if (!space) {
      text += c;
    } else if (!text.empty() && text.back() != ' ') {
      text += ' ';
    }
  }
  if (text.ends_with(' ')) text.pop_back();
  return text;
}

std::string canonical_query(const Target& target) {
  std::vector<std::pair<std::string, std::string>> encoded;
  encoded.reserve(target.query.size());
  for (const auto& [name, value] : target.query) {
    encoded.emplace_back(percent_encode(name), percent_encode(value));
  }
  std::ranges::sort(encoded);
  std::string text;
  for (const auto& [name, value] : encoded) {
    text.append(text.empty() ? "" : "&").append(name).append("=").append(value);
  }
  return text;
}

// S3 takes the path as it is sent; all others encode it once more.
std::string canonical_path(const Target& target, const Scope& scope) {
  const std::string once = percent_encode(target.path, true);
  return scope.service == "s3" ? once : percent_encode(once, true);
}

struct Signer {
  const Target& target;
  const Scope& scope;
  std::string at;                                // the timestamp
  std::map<std::string, std::string> headers{};  // canonical

  Signer(const Target& what, const Scope& where, std::int64_t now_us)
      : target(what), scope(where), at(timestamp(now_us)) {
    add({"host", host_of(what.origin)});
    for (const auto& header : what.headers) add(header);
  }
  void add(const Header& header) {
    std::string name = header.first;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    headers[name] = canonical_value(header.second);
  }
  [[nodiscard]] std::string signed_headers() const {
    std::string names;
    for (const auto& [name, value] : headers) names.append(names.empty() ? "" : ";").append(name);
    return names;
  }
  [[nodiscard]] std::string credential_scope() const {
    return at.substr(0, 8) + "/" + scope.region + "/" + scope.service + "/aws4_request";
  }
  [[nodiscard]] std::string signature(std::string_view payload_hash,
                                      const Credentials& credentials) const {
    std::string request = target.method + "\n" + canonical_path(target, scope) + "\n" +
                          canonical_query(target) + "\n";
    for (const auto& [name, value] : headers) {
      request.append(name).append(":").append(value).append("\n");
    }
    request.append("\n").append(signed_headers()).append("\n").append(payload_hash);
    const std::string to_sign = std::string(kAlgorithm) + "\n" + at + "\n" + credential_scope() +
                                "\n" + sha256_hex(request);
    std::string key = hmac("AWS4" + credentials.secret_access_key, at.substr(0, 8));
    key = hmac(key, scope.region);
    key = hmac(key, scope.service);
    key = hmac(key, "aws4_request");
    return hex(hmac(key, to_sign));
  }
};

}  // namespace

std::string percent_encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slash);
    if (plain) {
      encoded += c;
    } else {
      encoded.append("%").append(1, kDigits[byte >> 4U]).append(1, kDigits[byte & 15U]);
    }
  }
  return encoded;
}

std::string form_of(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    text.append(text.empty() ? "" : "&")
        .append(percent_encode(name))
        .append("=")
        .append(percent_encode(value));
  }
  return text;
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, kDigest> digest{};
  unsigned size = kDigest;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::string url_of(const Target& target) {
  const std::string url = target.origin + percent_encode(target.path, true);
  return target.query.empty() ? url : url + "?" + canonical_query(target);
}

std::vector<Header> sign(const Target& target, std::string_view payload_hash, const Scope& scope,
                         const Credentials& credentials, std::int64_t now_us) {
  Signer signer(target, scope, now_us);
  std::vector<Header> headers = target.headers;
  headers.emplace_back("X-Amz-Date", signer.at);
  if (!credentials.session_token.empty()) {
    headers.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  for (const auto& header : headers) signer.add(header);
  headers.emplace_back("Authorization",
                       std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" +
                           signer.credential_scope() +
                           ", SignedHeaders=" + signer.signed_headers() +
                           ", Signature=" + signer.signature(payload_hash, credentials));
  return headers;
}

std::string presign(Target target, const Scope& scope, const Credentials& credentials,
                    std::int64_t now_us, std::chrono::seconds valid_for) {
  const Signer names(target, scope, now_us);
  auto& query = target.query;
  query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  query.emplace_back("X-Amz-Credential",
                     credentials.access_key_id + "/" + names.credential_scope());
  query.emplace_back("X-Amz-Date", names.at);
  query.emplace_back("X-Amz-Expires", std::to_string(valid_for.count()));
  query.emplace_back("X-Amz-SignedHeaders", names.signed_headers());
  if (!credentials.session_token.empty()) {
    query.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  const Signer signer(target, scope, now_us);
  const std::string_view payload =
      scope.service == "s3" ? kUnsignedPayload
                            // Of nothing: such a request has no body.
                            : "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  return url_of(target) + "&X-Amz-Signature=" + signer.signature(payload, credentials);
}

}  // namespace starling::cloud::aws
