#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "cloud/http.h"

namespace starling::cloud {

namespace {

constexpr long kConnectTimeoutMs = 2'000;

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* context) {
  auto& body = static_cast<HttpResponse*>(context)->body;
  if (body.size() + size * count > CurlHttp::kMaxAnswer) return 0;
  body.append(bytes, size * count);
  return size * count;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* context) {
  const std::string_view line(bytes, size * count);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  static_cast<HttpResponse*>(context)->headers[name] = trimmed(line.substr(colon + 1));
  return line.size();
}

int on_progress(void* context, curl_off_t /*to_get*/, curl_off_t /*got*/, curl_off_t /*to_send*/,
                curl_off_t /*sent*/) {
  return static_cast<const std::atomic<bool>*>(context)->load() ? 1 : 0;
}

}  // namespace

CurlHttp::CurlHttp(std::string ca_file) : ca_file_(std::move(ca_file)) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(initialised);
  curl_ = curl_easy_init();
}

CurlHttp::~CurlHttp() {
  curl_easy_cleanup(curl_);
}

Result<HttpResponse> CurlHttp::send(const HttpRequest& request) {
  if (curl_ == nullptr) return fail(Errc::internal, "libcurl does not start");
  if (given_up_) return fail(Errc::unavailable, "given up");
  HttpResponse response;
  curl_slist* headers = nullptr;
  for (const auto& [name, value] : request.headers) {
    std::string line = name;
    line.append(value.empty() ? ";" : ": ").append(value);  // `;`: libcurl's word for an empty one
    headers = curl_slist_append(headers, line.c_str());
  }
  std::array<char, CURL_ERROR_SIZE> words{};
  curl_easy_reset(curl_);
  curl_easy_setopt(curl_, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl_, CURLOPT_PROTOCOLS_STR, "http,https");
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
  }
  curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
  if (request.direct) curl_easy_setopt(curl_, CURLOPT_NOPROXY, "*");
  if (!ca_file_.empty()) curl_easy_setopt(curl_, CURLOPT_CAINFO, ca_file_.c_str());
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &response);
  curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &response);
  curl_easy_setopt(curl_, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl_, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl_, CURLOPT_XFERINFODATA, &given_up_);
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, words.data());
  const CURLcode code = curl_easy_perform(curl_);
  curl_slist_free_all(headers);
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, nullptr);
  if (code != CURLE_OK) {
    const std::string why = words[0] != '\0' ? words.data() : curl_easy_strerror(code);
    return fail(code == CURLE_OPERATION_TIMEDOUT ? Errc::timeout : Errc::unavailable, why);
  }
  long status = 0;
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  return response;
}

}  // namespace starling::cloud
