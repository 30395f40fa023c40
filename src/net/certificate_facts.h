// What a certificate file says about itself, and whether clients will believe it. For people who
// look after a server; serving it is Certificate's (net/tls.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace starling::net {

struct CertificateFacts {
  std::string path;
  std::string subject;             // of the leaf
  std::string issuer;              // of the leaf
  std::vector<std::string> names;  // whom the leaf is for: DNS names and addresses
  std::string fingerprint;         // SHA-256 of the leaf, in hexadecimal: "3f:0a:..."
  std::int64_t not_before = 0;     // seconds since 1970
  std::int64_t not_after = 0;      // seconds since 1970; of the chain's certificate that ends first
  bool self_signed = false;        // the leaf is its own issuer
  bool others_can_read = false;    // the file, with its private key, by any user of this machine
  // Why a client that trusts what this system trusts does not believe it now; "" if it does. Time
  // and names are no reason here.
  std::string distrust;
};

// `path` is a PEM file, the leaf first. Blocking. Errors: unavailable (cannot be read), invalid (no
// certificate in it).
Result<CertificateFacts> certificate_facts(const std::string& path);

}  // namespace starling::net
