#include "cloud/kubernetes.h"

#include "cloud/environment.h"

namespace starling::cloud::kubernetes {

Identity identity(const Environment& environment) {
  return {.name = value_of(environment, "POD_NAME"), .address = value_of(environment, "POD_IP")};
}

}  // namespace starling::cloud::kubernetes
