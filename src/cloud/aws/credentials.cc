#include "cloud/aws/credentials.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/log.h"
#include "cloud/aws/answer.h"
#include "cloud/aws/endpoints.h"
#include "cloud/environment.h"

namespace starling::cloud::aws {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kRefreshBeforeUs = 300 * kSecondUs;
constexpr std::int64_t kRetryUs = 15 * kSecondUs;  // while the old ones are good
constexpr std::size_t kMaxTokenFile = 65'536;

// The text of a small file, without white space around it: a token.
Result<std::string> read_token(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.pop_back();
  if (!file || text.empty() || text.size() > kMaxTokenFile) {
    return fail(Errc::unavailable, path + " cannot be read, or holds no token");
  }
  return text;
}

// Where a token may be sent: to whoever it is over TLS, or to this machine and its like.
bool is_trusted(std::string_view url) {
  if (url.starts_with("https://")) return true;
  if (!url.starts_with("http://")) return false;
  std::string_view host = url.substr(7);
  host = host.substr(0, host.find('/'));
  if (host.contains('@')) return false;
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  return host == "localhost" || host == "::1" || host == "169.254.170.2" ||
         host == "169.254.170.23" || host == "fd00:ec2::23" ||
         (host.starts_with("127.") && IpAddress::parse(std::string(host)).has_value());
}

Result<HttpResponse> answered(Result<HttpResponse> answer, const std::string& who) {
  if (!answer) return fail(answer.error().code, who + ": " + answer.error().message);
  if (answer->status == 200) return answer;
  const auto document = parse_xml(answer->body);
  const std::string code = document ? find_text(document->root(), "Code") : "";
  return fail(
      answer->status >= 500 ? Errc::unavailable : Errc::denied,
      who + ": HTTP status " + std::to_string(answer->status) + (code.empty() ? "" : ", " + code));
}

}  // namespace

Result<Credentials> CredentialChain::get() {
  const std::int64_t now = wall_clock_us();
  const auto good_for = [&](std::int64_t time) {
    return known_ && !refused_ && (!known_->expires_us || *known_->expires_us - now > time);
  };
  if (good_for(kRefreshBeforeUs)) return *known_;
  if (good_for(0) && now - tried_us_ < kRetryUs) return *known_;
  tried_us_ = now;
  auto fetched = fetch();
  if (fetched) {
    known_ = std::move(*fetched);
    refused_ = false;
    return *known_;
  }
  if (!good_for(0)) return fetched;
  log::warning("credentials_not_refreshed",
               {{"error", fetched.error().message},
                {"expire_in_s", (*known_->expires_us - now) / kSecondUs}});
  return *known_;
}

Result<Credentials> CredentialChain::fetch() {
  const auto value = [this](const char* name) { return value_of(environment_, name); };
  if (!value("AWS_ACCESS_KEY_ID").empty() && !value("AWS_SECRET_ACCESS_KEY").empty()) {
    return Credentials{.access_key_id = value("AWS_ACCESS_KEY_ID"),
                       .secret_access_key = value("AWS_SECRET_ACCESS_KEY"),
                       .session_token = value("AWS_SESSION_TOKEN")};
  }
  if (!value("AWS_WEB_IDENTITY_TOKEN_FILE").empty() && !value("AWS_ROLE_ARN").empty()) {
    return by_web_identity();
  }
  if (const auto path = value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); !path.empty()) {
    return from_container("http://169.254.170.2" + path);
  }
  if (const auto url = value("AWS_CONTAINER_CREDENTIALS_FULL_URI"); !url.empty()) {
    if (!is_trusted(url)) {
      return fail(Errc::invalid, "AWS_CONTAINER_CREDENTIALS_FULL_URI: " + url +
                                     " is neither https nor this machine's");
    }
    return from_container(url);
  }
  return of_instance();
}

Result<Credentials> CredentialChain::by_web_identity() const {
  const auto token = read_token(value_of(environment_, "AWS_WEB_IDENTITY_TOKEN_FILE"));
  if (!token) return std::unexpected(token.error());
  std::string session = value_of(environment_, "AWS_ROLE_SESSION_NAME");
  if (session.empty()) session = "starling";
  const std::string url = endpoint_of(environment_, kSts, region_) + "/";
  auto answer = answered(
      http_.send({.method = "POST",
                  .url = url,
                  .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
                  .body = form_of({{"Action", "AssumeRoleWithWebIdentity"},
                                   {"Version", kSts.version},
                                   {"RoleArn", value_of(environment_, "AWS_ROLE_ARN")},
                                   {"RoleSessionName", session},
                                   {"WebIdentityToken", *token}})}),
      url + " AssumeRoleWithWebIdentity");
  if (!answer) return std::unexpected(answer.error());
  return credentials_from_xml(answer->body);
}

Result<Credentials> CredentialChain::from_container(const std::string& url) const {
  std::string authorization = value_of(environment_, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
  const std::string file = value_of(environment_, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file.empty()) {
    auto token = read_token(file);
    if (!token) return std::unexpected(token.error());
    authorization = std::move(*token);
  }
  HttpRequest ask{.url = url, .direct = true};
  if (!authorization.empty()) ask.headers = {{"Authorization", authorization}};
  auto answer = answered(http_.send(ask), url);
  if (!answer) return std::unexpected(answer.error());
  return credentials_from_json(answer->body);
}

Result<Credentials> CredentialChain::of_instance() {
  const std::string path = "meta-data/iam/security-credentials/";
  const auto roles = metadata_.get(path);
  if (!roles) return std::unexpected(roles.error());
  const std::string role = *roles ? (*roles)->substr(0, (*roles)->find('\n')) : std::string();
  if (role.empty()) return fail(Errc::unavailable, "the instance has no role");
  const auto found = metadata_.get(path + role);
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail(Errc::unavailable, "the instance's role " + role + " is gone");
  return credentials_from_json(**found);
}

}  // namespace starling::cloud::aws
