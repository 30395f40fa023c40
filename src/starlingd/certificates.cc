#include "starlingd/certificates.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace starling::starlingd {

namespace {

using CertificatePtr = std::shared_ptr<const net::Certificate>;

net::TlsPolicy policy_of(const config::Config& config) {
  return {.only_tls13 = config.tls_min_version == "1.3", .ciphers = config.tls_ciphers};
}

bool expired(const net::Certificate& certificate) {
  return certificate.not_after() < wall_clock_us() / 1'000'000;
}

std::string date_of(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm tm{};
  ::gmtime_r(&time, &tm);
  char text[sizeof "2000-01-01"];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &tm)};
}

// Makes the file anew, also over an expired one.
Result<CertificatePtr> make(const std::string& path, const std::string& host,
                            const net::TlsPolicy& policy) {
  std::error_code error;
  const auto folder = std::filesystem::path(path).parent_path();
  std::filesystem::create_directories(folder, error);
  if (error) {
    return fail(Errc::unavailable, folder.string() + ": cannot be made: " + error.message());
  }
  if (auto made = net::make_self_signed(path, host); !made) return std::unexpected(made.error());
  log::warning("certificate_self_signed",
               {{"host", host}, {"file", path}, {"advice", "name a real one in certfiles"}});
  return net::Certificate::load(path, policy);
}

Result<CertificatePtr> load_or_make(const std::string& path, const std::string& host,
                                    const net::TlsPolicy& policy) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return make(path, host, policy);
  auto certificate = net::Certificate::load(path, policy);
  if (certificate && expired(**certificate)) return make(path, host, policy);
  return certificate;
}

}  // namespace

Result<net::TlsContext::Table> load_certfiles(const config::Config& config) {
  if (auto good = net::check_policy(policy_of(config)); !good) {
    return std::unexpected(good.error());
  }
  net::TlsContext::Table table;
  for (const auto& file : config.certfiles) {
    auto certificate = net::Certificate::load(file, policy_of(config));
    if (!certificate) {
      return fail(certificate.error().code, "certfiles: " + certificate.error().message);
    }
    if (expired(**certificate)) {
      log::warning("certificate_expired",
                   {{"file", file},
                    {"on", date_of((*certificate)->not_after())},
                    {"advice", "put the renewed one there, then `starlingctl reload_config`"}});
    }
    const bool useful = std::ranges::any_of(
        config.hosts, [&](const std::string& host) { return (*certificate)->matches(host); });
    if (!useful) {
      log::warning("certificate_for_no_host",
                   {{"file", file}, {"advice", "it names none of the configured hosts"}});
    }
    table.push_back(std::move(*certificate));
  }
  return table;
}

Result<net::TlsContext::Table> load_certificates(const config::Config& config) {
  auto table = load_certfiles(config);
  if (!table) return table;
  for (const auto& host : config.hosts) {
    const bool covered = std::ranges::any_of(
        *table, [&](const CertificatePtr& certificate) { return certificate->matches(host); });
    if (covered) continue;
    auto certificate =
        load_or_make(config.data_dir + "/certs/" + host + ".pem", host, policy_of(config));
    if (!certificate) return std::unexpected(certificate.error());
    table->push_back(std::move(*certificate));
  }
  return table;
}

}  // namespace starling::starlingd
