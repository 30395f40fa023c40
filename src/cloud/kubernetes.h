// Kubernetes as the provider: it tells a pod who it is by the downward API, ends it by SIGTERM, and
// asks /health whether to send it clients. There is nothing to answer.
#pragma once

#include "cloud/lifecycle.h"

namespace starling::cloud::kubernetes {

// From POD_NAME and POD_IP, which the pod's `env` takes from metadata.name and status.podIP.
[[nodiscard]] Identity identity(const Environment& environment);

}  // namespace starling::cloud::kubernetes
