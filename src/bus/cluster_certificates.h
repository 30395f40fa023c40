// Certificates of a cluster's own: each node makes one for its address, all signed by the one
// authority whose key the members share. So a node proves to another that it belongs to it.
#pragma once

#include <string>

#include "base/result.h"

namespace starling::bus {

struct CertifiedKey {
  std::string certificate;  // PEM
  std::string key;          // PEM, without a passphrase: keep it secret
};

// Errors: internal.
Result<CertifiedKey> make_authority();
// For a server and a client at this address (IPv4 or IPv6), as long as the authority's is.
// Errors: invalid (the authority, the address), internal.
Result<CertifiedKey> make_certificate(const CertifiedKey& authority, const std::string& ip);

}  // namespace starling::bus
