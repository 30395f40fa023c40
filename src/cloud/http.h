// Http: a request to a service of the provider, and its answer. Blocking, with a bound.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace starling::cloud {

using Header = std::pair<std::string, std::string>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http or https
  std::vector<Header> headers{};
  std::string body{};
  std::chrono::milliseconds timeout{5'000};  // for all of it
  bool direct = false;                       // past a proxy that the environment names
};

struct HttpResponse {
  int status = 0;
  std::string body{};
  std::map<std::string, std::string> headers{};  // names in lower case
};

class Http {
 public:
  virtual ~Http() = default;
  // Any status is an answer. Errors: timeout, unavailable.
  virtual Result<HttpResponse> send(const HttpRequest& request) = 0;
  // From now on every request fails, also one that is under way. Any thread.
  virtual void give_up() {}
};

// By libcurl, with connections kept for the next request. One thread at a time, but for give_up().
class CurlHttp final : public Http {
 public:
  static constexpr std::size_t kMaxAnswer = 1 << 20;  // bytes

  // `ca_file`: whose certificates are trusted, PEM; "": the system's.
  explicit CurlHttp(std::string ca_file = "");
  ~CurlHttp() override;
  CurlHttp(const CurlHttp&) = delete;
  CurlHttp& operator=(const CurlHttp&) = delete;
  Result<HttpResponse> send(const HttpRequest& request) override;
  void give_up() override { given_up_ = true; }

 private:
  const std::string ca_file_;
  void* curl_;  // CURL
  std::atomic<bool> given_up_ = false;
};

}  // namespace starling::cloud
