// TestHttp: services that a test plays itself.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cloud/http.h"

namespace starling::cloud {

class TestHttp final : public Http {
 public:
  using Answer = std::function<Result<HttpResponse>(const HttpRequest&)>;
  explicit TestHttp(Answer answer) : answer_(std::move(answer)) {}
  Result<HttpResponse> send(const HttpRequest& request) override {
    requests.push_back(request);
    return answer_(request);
  }
  [[nodiscard]] static std::string header(const HttpRequest& request, const std::string& name) {
    for (const auto& [key, value] : request.headers) {
      if (key == name) return value;
    }
    return "";
  }

  std::vector<HttpRequest> requests;

 private:
  Answer answer_;
};

}  // namespace starling::cloud
