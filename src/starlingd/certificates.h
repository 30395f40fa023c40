// The certificates a node serves: those the operator names in certfiles, and a self-signed one for
// each host that none of them is for.
#pragma once

#include "base/result.h"
#include "config/config.h"
#include "net/tls.h"

namespace starling::starlingd {

// Reads the certfiles, and checks tls_ciphers even if there are none. Warns in the log of one that
// has expired, or is for no host. Errors name the file and say what is wrong with it.
Result<net::TlsContext::Table> load_certfiles(const config::Config& config);

// The same, with a self-signed certificate for each host left, made in data_dir/certs if it is not
// there or has expired.
Result<net::TlsContext::Table> load_certificates(const config::Config& config);

}  // namespace starling::starlingd
