// QueryApi: calls of AWS's services that take a form and answer XML.
//
// One try each, but where only the credentials or the clock were wrong; when to try again is for
// whoever calls. Blocking.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cloud/aws/credentials.h"
#include "cloud/aws/endpoints.h"
#include "cloud/http.h"
#include "xml/document.h"

namespace starling::cloud::aws {

using Parameters = std::vector<std::pair<std::string, std::string>>;

class QueryApi {
 public:
  // All outlive it.
  QueryApi(const Environment& environment, Http& http, CredentialChain& credentials)
      : environment_(environment), http_(http), credentials_(credentials) {}

  void set_region(std::string region) { region_ = std::move(region); }

  // What the service answers. Errors: denied; invalid (it will never be right); unavailable and
  // timeout (it may be next time: throttling, trouble there, the network). The message has the
  // service's own code and words.
  Result<xml::DocumentPtr> call(const Service& service, const std::string& action,
                                const Parameters& parameters);

 private:
  struct Refusal {
    std::string code;
    std::string message;
  };
  Result<HttpResponse> send(const Service& service, const std::string& body);
  [[nodiscard]] static Refusal refusal_in(const HttpResponse& answer);
  bool mend(const Refusal& refusal, const HttpResponse& answer);

  const Environment& environment_;
  Http& http_;
  CredentialChain& credentials_;
  std::string region_;
  std::int64_t clock_behind_us_ = 0;  // this machine's, behind AWS's, where that matters
};

}  // namespace starling::cloud::aws
