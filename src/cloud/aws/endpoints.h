// Endpoints: where AWS's services are.
#pragma once

#include <string>

#include "cloud/environment.h"

namespace starling::cloud::aws {

// A service, by the names that it has in different places.
struct Service {
  std::string host;      // https://HOST.REGION.amazonaws.com; also the signing name
  std::string variable;  // AWS_ENDPOINT_URL_VARIABLE
  std::string version;   // of its Query API
};

inline const Service kAutoScaling{"autoscaling", "AUTO_SCALING", "2011-01-01"};
inline const Service kCloudWatch{"monitoring", "CLOUDWATCH", "2010-08-01"};
inline const Service kSts{"sts", "STS", "2011-06-15"};

// AWS_ENDPOINT_URL_..., else AWS_ENDPOINT_URL, else by region. Without a slash at its end.
[[nodiscard]] inline std::string endpoint_of(const Environment& environment, const Service& service,
                                             const std::string& region) {
  std::string url;
  if (!is_true(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
    url = value_of(environment, "AWS_ENDPOINT_URL_" + service.variable);
    if (url.empty()) url = value_of(environment, "AWS_ENDPOINT_URL");
  }
  if (url.empty()) {
    url = "https://" + service.host + "." + region + ".amazonaws.com";
    if (region.starts_with("cn-")) url += ".cn";
  }
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// As the environment says; "": ask the metadata service.
[[nodiscard]] inline std::string region_of(const Environment& environment) {
  const std::string region = value_of(environment, "AWS_REGION");
  return region.empty() ? value_of(environment, "AWS_DEFAULT_REGION") : region;
}

}  // namespace starling::cloud::aws
