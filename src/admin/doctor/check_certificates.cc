#include <algorithm>

#include "admin/doctor/checks.h"
#include "base/clock.h"

namespace starling::admin::doctor {

namespace {

constexpr std::int64_t kDay = 86'400;
// Who renews by ACME does so 30 days before: by now that has failed.
constexpr std::int64_t kSoonDays = 14;

std::string date_of(std::int64_t seconds) {
  return xmpp_datetime(seconds * 1'000'000).substr(0, std::string_view("2000-01-01").size());
}

// What clients will say to this certificate; true if there is something.
bool complain(const CertificateFile& file, const std::string& host, std::int64_t now_s,
              Report& report) {
  const auto& facts = file.facts;
  const std::string subject = host + ": " + facts.path;
  const std::string renew = "renew it, then `starlingctl reload_config`";
  if (facts.not_after <= now_s) {
    report.error(subject + " expired on " + date_of(facts.not_after) + ": clients refuse it",
                 renew);
  } else if (facts.not_before > now_s) {
    report.error(subject + " counts only from " + date_of(facts.not_before) + " on",
                 "check this machine's clock, or wait");
  } else if (const auto days = (facts.not_after - now_s) / kDay; days < kSoonDays) {
    report.warning(
        subject + " expires in " + std::to_string(days) + " days, on " + date_of(facts.not_after),
        "see why it was not renewed; " + renew);
  } else if (facts.self_signed) {
    report.warning(subject + " is self-signed: clients warn of it or refuse it",
                   "get one from an authority and name its file in certfiles");
  } else if (!facts.distrust.empty()) {
    report.warning(subject + " is not believed by who trusts what this system trusts: " +
                       facts.distrust + " (issuer: " + facts.issuer + ")",
                   "put the authority's intermediate certificates behind the host's own, as in "
                   "fullchain.pem; if the authority is your own, its users must trust it");
  } else {
    return false;
  }
  return true;
}

}  // namespace

void check_certificates(const Facts& facts, Findings& findings) {
  Report report(findings, "certificate");
  for (const auto& file : facts.certificates) {
    if (!file.error.empty()) {
      report.error(file.error,
                   "repair the file or its name in certfiles; the node goes on with "
                   "what it has loaded until it is started again");
    } else if (file.facts.others_can_read) {
      report.warning(file.facts.path + " can be read by every user of this machine, with its key",
                     "chmod 0640, and chgrp to the node's group");
    }
  }
  for (const auto& host : facts.hosts) {
    const auto found = std::ranges::find_if(facts.certificates, [&](const CertificateFile& file) {
      return std::ranges::find(file.hosts, host) != file.hosts.end();
    });
    if (found == facts.certificates.end()) {
      report.error("no certificate is for " + host, "name one in certfiles");
    } else if (!complain(*found, host, facts.clock.now_s, report)) {
      report.ok(host + ": " + found->facts.path + ", until " + date_of(found->facts.not_after));
    }
  }
}

}  // namespace starling::admin::doctor
