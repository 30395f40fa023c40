#include "cloud/aws/query_api.h"

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "cloud/aws/answer.h"

namespace starling::cloud::aws {

namespace {

constexpr std::int64_t kSkewUs = std::int64_t{240} * 1'000'000;  // AWS takes five minutes

bool is_one_of(std::string_view code, auto... known) {
  return ((code == known) || ...);
}

bool may_be_right_later(int status, std::string_view code) {
  return status >= 500 || status == 429 ||
         is_one_of(code, "Throttling", "ThrottlingException", "ThrottledException",
                   "RequestLimitExceeded", "RequestThrottled", "TooManyRequestsException",
                   "ResourceContention", "ServiceUnavailable", "InternalFailure");
}

// "Wed, 18 Feb 2026 08:22:00 GMT" in microseconds since 1970.
std::optional<std::int64_t> http_date(const HttpResponse& answer) {
  const auto found = answer.headers.find("date");
  if (found == answer.headers.end()) return std::nullopt;
  std::tm time{};
  if (::strptime(found->second.c_str(), "%a, %d %b %Y %H:%M:%S", &time) == nullptr) {
    return std::nullopt;
  }
  return std::int64_t{::timegm(&time)} * 1'000'000;
}

}  // namespace

Result<HttpResponse> QueryApi::send(const Service& service, const std::string& body) {
  const auto credentials = credentials_.get();
  if (!credentials) return std::unexpected(credentials.error());
  const Target target{
      .method = "POST",
      .origin = endpoint_of(environment_, service, region_),
      .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}}};
  return http_.send({.method = target.method,
                     .url = url_of(target),
                     .headers = sign(target, sha256_hex(body), {region_, service.host},
                                     *credentials, wall_clock_us() + clock_behind_us_),
                     .body = body});
}

QueryApi::Refusal QueryApi::refusal_in(const HttpResponse& answer) {
  const auto document = parse_xml(answer.body);
  if (!document) return {};
  return {find_text(document->root(), "Code"), find_text(document->root(), "Message")};
}

// True if the same call may well succeed at once.
bool QueryApi::mend(const Refusal& refusal, const HttpResponse& answer) {
  if (is_one_of(refusal.code, "ExpiredToken", "ExpiredTokenException", "RequestExpired",
                "InvalidClientTokenId", "UnrecognizedClientException")) {
    credentials_.refused();
    return true;
  }
  if (!is_one_of(refusal.code, "SignatureDoesNotMatch", "InvalidSignatureException",
                 "RequestTimeTooSkewed")) {
    return false;
  }
  const auto there = http_date(answer);
  if (!there) return false;
  const std::int64_t behind = *there - wall_clock_us();
  if (std::abs(behind - clock_behind_us_) < kSkewUs) return false;
  clock_behind_us_ = behind;
  return true;
}

Result<xml::DocumentPtr> QueryApi::call(const Service& service, const std::string& action,
                                        const Parameters& parameters) {
  Parameters form{{"Action", action}, {"Version", service.version}};
  form.insert(form.end(), parameters.begin(), parameters.end());
  const std::string body = form_of(form);
  const std::string who = service.host + " " + action + ": ";
  for (bool again = true;; again = false) {
    const auto answer = send(service, body);
    if (!answer) return fail(answer.error().code, who + answer.error().message);
    if (answer->status == 200) {
      if (auto document = parse_xml(answer->body)) return document;
      return fail(Errc::unavailable, who + "the answer is no XML");
    }
    const Refusal refusal = refusal_in(*answer);
    if (again && mend(refusal, *answer)) continue;
    const Errc code =
        may_be_right_later(answer->status, refusal.code) ? Errc::unavailable
        : refusal.code.contains("AccessDenied") ||
                is_one_of(refusal.code, "UnauthorizedOperation", "SignatureDoesNotMatch")
            ? Errc::denied
            : Errc::invalid;
    return fail(code, who + "HTTP status " + std::to_string(answer->status) + " " + refusal.code +
                          (refusal.message.empty() ? "" : ": " + refusal.message));
  }
}

}  // namespace starling::cloud::aws
