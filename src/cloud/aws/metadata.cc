#include "cloud/aws/metadata.h"

#include <charconv>
#include <cmath>

#include "cloud/environment.h"

namespace starling::cloud::aws {

namespace {

constexpr std::chrono::seconds kTokenTtl{21'600};  // the longest there is
constexpr const char* kTtlHeader = "x-aws-ec2-metadata-token-ttl-seconds";

std::string endpoint_of(const Environment& environment) {
  std::string endpoint = value_of(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (endpoint.empty()) {
    const std::string mode = value_of(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    const bool v6 = mode == "IPv6" || mode == "ipv6";
    endpoint = v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
  }
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

std::chrono::milliseconds timeout_of(const Environment& environment) {
  const std::string text = value_of(environment, "AWS_METADATA_SERVICE_TIMEOUT");
  double seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec != std::errc() || !(seconds > 0 && seconds <= 60)) seconds = 1;
  return std::chrono::milliseconds(std::lround(seconds * 1'000));
}

std::unexpected<Error> refused(const HttpRequest& request, int status) {
  const Errc code = status == 401 || status == 403 ? Errc::denied : Errc::unavailable;
  return fail(code, request.url + ": HTTP status " + std::to_string(status));
}

}  // namespace

Metadata::Metadata(const Environment& environment, Http& http, const EventLoop& loop)
    : http_(http),
      loop_(loop),
      disabled_(is_true(environment, "AWS_EC2_METADATA_DISABLED")),
      endpoint_(endpoint_of(environment)),
      timeout_(timeout_of(environment)) {}

HttpRequest Metadata::request(const std::string& path) const {
  return {.url = endpoint_ + "/latest/" + path, .timeout = timeout_, .direct = true};
}

Result<> Metadata::renew_token() {
  HttpRequest ask = request("api/token");
  ask.method = "PUT";
  ask.headers = {{kTtlHeader, std::to_string(kTokenTtl.count())}};
  const auto answer = http_.send(ask);
  if (!answer) return fail(answer.error().code, ask.url + ": " + answer.error().message);
  if (answer->status != 200 || answer->body.empty()) return refused(ask, answer->status);
  std::chrono::seconds ttl = kTokenTtl;
  if (const auto told = answer->headers.find(kTtlHeader); told != answer->headers.end()) {
    long seconds = 0;
    const std::string& text = told->second;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (read.ec == std::errc() && seconds > 0 && seconds < ttl.count()) {
      ttl = std::chrono::seconds(seconds);
    }
  }
  token_ = answer->body;
  token_until_ = loop_.now() + ttl / 2;
  return {};
}

Result<std::optional<std::string>> Metadata::get(const std::string& path) {
  if (disabled_) return fail(Errc::unavailable, "AWS_EC2_METADATA_DISABLED is set");
  const bool fresh = token_.empty() || loop_.now() >= token_until_;
  if (fresh) {
    if (auto renewed = renew_token(); !renewed) return std::unexpected(renewed.error());
  }
  for (bool again = !fresh;; again = false) {
    HttpRequest ask = request(path);
    ask.headers = {{"x-aws-ec2-metadata-token", token_}};
    auto answer = http_.send(ask);
    if (!answer) return fail(answer.error().code, ask.url + ": " + answer.error().message);
    if (answer->status == 200) return std::move(answer->body);
    if (answer->status == 404) return std::nullopt;
    token_.clear();
    if (answer->status != 401 || !again) return refused(ask, answer->status);
    if (auto renewed = renew_token(); !renewed) return std::unexpected(renewed.error());
  }
}

}  // namespace starling::cloud::aws
