// CredentialChain: by what this machine is known to AWS.
//
// In the order of every SDK: the environment (AWS_ACCESS_KEY_ID and its like); a web identity
// (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN); a container's agent
// (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, _FULL_URI); the role of the instance. The first that is
// set up is the one. They are kept, fetched anew five minutes before they expire, and used as long
// as they are good while that fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cloud/aws/metadata.h"
#include "cloud/aws/sigv4.h"
#include "cloud/http.h"
#include "cloud/lifecycle.h"

namespace starling::cloud::aws {

class CredentialChain {
 public:
  // All outlive it.
  CredentialChain(const Environment& environment, Http& http, Metadata& metadata)
      : environment_(environment), http_(http), metadata_(metadata) {}

  // For the endpoint of STS, as soon as it is known.
  void set_region(std::string region) { region_ = std::move(region); }
  // Blocking. Errors: there are none, in words.
  Result<Credentials> get();
  // AWS took those for expired: get() is to fetch others.
  void refused() { refused_ = true; }

 private:
  [[nodiscard]] Result<Credentials> fetch();
  [[nodiscard]] Result<Credentials> by_web_identity() const;
  [[nodiscard]] Result<Credentials> from_container(const std::string& url) const;
  [[nodiscard]] Result<Credentials> of_instance();

  const Environment& environment_;
  Http& http_;
  Metadata& metadata_;
  std::string region_;
  std::optional<Credentials> known_;
  bool refused_ = false;
  std::int64_t tried_us_ = 0;
};

}  // namespace starling::cloud::aws
