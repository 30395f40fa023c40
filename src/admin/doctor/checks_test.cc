#include "admin/doctor/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace starling::admin::doctor {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kDay = 86'400;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

auto is_ok(const std::string& what) {
  return AllOf(Field(&Finding::state, State::ok), Field(&Finding::what, HasSubstr(what)),
               Field(&Finding::advice, ""));
}
auto is_bad(State state, const std::string& what, const std::string& advice) {
  return AllOf(Field(&Finding::state, state), Field(&Finding::what, HasSubstr(what)),
               Field(&Finding::advice, HasSubstr(advice)));
}
auto is_warning(const std::string& what, const std::string& advice) {
  return is_bad(State::warning, what, advice);
}
auto is_error(const std::string& what, const std::string& advice) {
  return is_bad(State::error, what, advice);
}

// A host with nothing to complain about.
Facts healthy() {
  Facts facts;
  facts.hosts = {"example.org"};
  auto& file = facts.certificates.emplace_back();
  file.facts.path = "example.pem";
  file.facts.not_before = kNow - 30 * kDay;
  file.facts.not_after = kNow + 60 * kDay;
  file.hosts = facts.hosts;
  facts.listeners = {{.ip = "::", .port = 5222}, {.ip = "::", .port = 5223, .tls = true}};
  auto& records = facts.dns.hosts.emplace_back();
  records.host = records.name = "example.org";
  records.starttls.services = {{.priority = 5, .port = 5222, .target = "xmpp.example.org"}};
  records.direct_tls.services = {{.priority = 5, .port = 5223, .target = "xmpp.example.org"}};
  facts.dns.addresses["xmpp.example.org"].own = {"192.0.2.1"};
  facts.dns.addresses["example.org"].foreign = {"192.0.2.80"};
  facts.files = {.soft_limit = 65'536, .hard_limit = 65'536, .in_use = 100, .reserved = 64};
  facts.clock = {.now_s = kNow, .asked = true, .synchronised = true};
  facts.disk.folder = "/var/lib/starling";
  facts.disk.total_bytes = 100 * kGiB;
  facts.disk.free_bytes = 50 * kGiB;
  facts.disk.total_inodes = facts.disk.free_inodes = 1'000'000;
  facts.memory = {.system_bytes = 4 * kGiB, .budget_bytes = 3 * kGiB, .in_use_bytes = kGiB};
  facts.versions = "Starling 1";
  return facts;
}

struct DoctorTest : ::testing::Test {
  Facts facts = healthy();

  Findings after(void (*check)(const Facts&, Findings&)) const {
    Findings findings;
    check(facts, findings);
    return findings;
  }
  Findings certificates() const { return after(check_certificates); }
  Findings dns() const { return after(check_dns); }
  template <class Part>
  static Findings after(void (*check)(const Part&, Findings&), const Part& part) {
    Findings findings;
    check(part, findings);
    return findings;
  }
};

TEST_F(DoctorTest, HealthyNode_HasNothingToDo) {
  const Findings findings = examine(facts);
  std::vector<std::string> checks;
  for (const auto& finding : findings) {
    EXPECT_EQ(finding.state, State::ok) << finding.what;
    checks.push_back(finding.check);
  }
  EXPECT_THAT(checks, ElementsAre("certificate", "dns", "dns", "port", "port", "files", "clock",
                                  "disk", "memory", "version"));
}

TEST_F(DoctorTest, Certificate_ThatEndsIsToldByDays) {
  auto& file = facts.certificates[0].facts;
  EXPECT_THAT(certificates(), ElementsAre(is_ok("example.org: example.pem, until 2027-03-16")));
  file.not_after = kNow + 13 * kDay;
  EXPECT_THAT(certificates(), ElementsAre(is_warning("expires in 13 days", "renew")));
  file.not_after = kNow;
  EXPECT_THAT(certificates(), ElementsAre(is_error("expired on 2027-01-15", "renew")));
  file.not_before = kNow + kDay;
  file.not_after = kNow + 90 * kDay;
  EXPECT_THAT(certificates(), ElementsAre(is_error("counts only from 2027-01-16", "clock")));
}

TEST_F(DoctorTest, Certificate_ThatClientsDistrustIsTold) {
  auto& file = facts.certificates[0].facts;
  file.distrust = "unable to get local issuer certificate";
  EXPECT_THAT(certificates(), ElementsAre(is_warning("local issuer", "intermediate")));
  file.self_signed = true;
  EXPECT_THAT(certificates(), ElementsAre(is_warning("self-signed", "certfiles")));
}

TEST_F(DoctorTest, CertificateFile_ThatCannotBeServedIsTold) {
  facts.certificates[0].error = "example.pem: cannot be read";
  facts.certificates[0].hosts.clear();
  EXPECT_THAT(certificates(),
              ElementsAre(is_error("cannot be read", "repair"),
                          is_error("no certificate is for example.org", "name one")));
}

TEST_F(DoctorTest, CertificateFile_ThatOthersCanReadIsTold) {
  facts.certificates[0].facts.others_can_read = true;
  EXPECT_THAT(certificates(), ElementsAre(is_warning("every user", "chmod"), is_ok("until")));
}

TEST_F(DoctorTest, Host_WithoutCertificateIsTold) {
  facts.hosts.emplace_back("other.example");
  EXPECT_THAT(certificates(), ElementsAre(is_ok("example.org"), is_error("other.example", "")));
}

TEST_F(DoctorTest, ServiceRecords_ThatLeadElsewhereAreTold) {
  facts.dns.addresses["xmpp.example.org"] = {.own = {}, .foreign = {"192.0.2.9"}, .error = ""};
  EXPECT_THAT(dns(), ElementsAre(is_warning("192.0.2.9 is not of this machine", "router"),
                                 is_warning("192.0.2.9 is not of this machine", "router")));
  facts.dns.addresses["xmpp.example.org"] = {};
  EXPECT_THAT(dns(), ElementsAre(is_error("has no address", "AAAA record for xmpp.example.org"),
                                 is_error("has no address", "")));
  facts.dns.addresses["xmpp.example.org"].error = "Timeout";
  EXPECT_THAT(dns(), ElementsAre(is_warning("not known: Timeout", "dns_servers"),
                                 is_warning("not known: Timeout", "dns_servers")));
}

TEST_F(DoctorTest, ServiceRecord_WithAPortOfNoListenerIsTold) {
  facts.dns.hosts[0].starttls.services[0].port = 5322;
  facts.dns.hosts[0].direct_tls.services[0].port = 5222;  // has STARTTLS
  EXPECT_THAT(dns(), ElementsAre(is_error("port 5322: no listener", "change the record"),
                                 is_error("tls: true has this port", "listen")));
}

TEST_F(DoctorTest, ServiceRecord_ThatDeniesTheServiceIsTold) {
  facts.dns.hosts[0].direct_tls.services = {{.port = 0, .target = ""}};
  EXPECT_THAT(dns(), ElementsAre(is_ok("this node"), is_error("no such service", "SRV 5 0 5223")));
  facts.listeners.pop_back();
  EXPECT_THAT(dns(), ElementsAre(is_ok("this node"), is_ok("not offered")));
}

TEST_F(DoctorTest, NoServiceRecords_ClientsGoToTheHostItself) {
  facts.dns.hosts[0].starttls = facts.dns.hosts[0].direct_tls = {};
  EXPECT_THAT(dns(), ElementsAre(is_warning("192.0.2.80 is not of this machine", ""),
                                 is_warning("do not find direct TLS",
                                            "_xmpps-client._tcp.example.org. 3600 IN SRV 5 0 5223 "
                                            "example.org.")));
  facts.dns.addresses["example.org"] = facts.dns.addresses["xmpp.example.org"];
  EXPECT_THAT(dns(),
              ElementsAre(is_ok("clients find example.org and port 5222"), is_warning("", "")));
  facts.listeners[0].port = 5322;
  EXPECT_THAT(dns(), ElementsAre(is_error("nothing listens on port 5222", "SRV 5 0 5322"),
                                 is_warning("", "")));
}

TEST_F(DoctorTest, NameServer_ThatDoesNotAnswerIsTold) {
  facts.dns.hosts[0].starttls = {.services = {}, .addresses = {}, .error = "no answer"};
  EXPECT_THAT(dns(), ElementsAre(is_warning("_xmpp-client._tcp.example.org: not known: no answer",
                                            "dns_servers"),
                                 is_ok("this node")));
  facts.dns.error = "no name server";
  EXPECT_THAT(dns(), ElementsAre(is_warning("no name server", "resolv.conf")));
}

TEST_F(DoctorTest, HostOutsideTheDns_IsNotLookedUp) {
  facts.dns.hosts[0] = {.host = "localhost"};
  EXPECT_THAT(dns(), ElementsAre(is_ok("localhost is no name of the public DNS")));
}

TEST_F(DoctorTest, Port_ThatDoesNotAnswerIsTold) {
  facts.listeners[1].trouble = "TLS is not answered";
  EXPECT_THAT(after(check_ports, facts.listeners),
              ElementsAre(is_ok("5222 on :: (STARTTLS) answers"),
                          is_error("5223 on :: (direct TLS) does not answer", "log")));
}

TEST_F(DoctorTest, Port_ForProxiesOnlyIsNotTried) {
  facts.listeners[0].proxied = facts.listeners[0].closed_to_node = true;
  EXPECT_THAT(after(check_ports, facts.listeners),
              ElementsAre(is_ok("only its proxies may connect"), is_ok("answers")));
}

TEST_F(DoctorTest, Files_AreComparedWithTheLimit) {
  EXPECT_THAT(after(check_files, facts.files), ElementsAre(is_ok("100 of 65536")));
  facts.files.in_use = 60'000;
  EXPECT_THAT(after(check_files, facts.files), ElementsAre(is_warning("60000", "LimitNOFILE")));
  facts.files.in_use = 65'472;
  EXPECT_THAT(after(check_files, facts.files), ElementsAre(is_error("wait", "LimitNOFILE")));
  facts.files = {.soft_limit = 1'024, .hard_limit = 1'024, .in_use = 100, .reserved = 64};
  EXPECT_THAT(after(check_files, facts.files), ElementsAre(is_warning("1024", "LimitNOFILE")));
}

TEST_F(DoctorTest, Clock_MustBeSynchronisedAndNotBehindTheArchive) {
  facts.clock.behind_store_s = 3'600;
  EXPECT_THAT(after(check_clock, facts.clock),
              ElementsAre(is_error("3600 seconds behind", "set it right"), is_ok("synchronised")));
  facts.clock.behind_store_s = 1;  // ids are reserved a second ahead
  facts.clock.synchronised = false;
  EXPECT_THAT(after(check_clock, facts.clock), ElementsAre(is_warning("not synchronised", "NTP")));
  facts.clock.asked = false;
  EXPECT_THAT(after(check_clock, facts.clock), ElementsAre(is_warning("not tell", "timedatectl")));
}

TEST_F(DoctorTest, Disk_ThatFillsUpIsTold) {
  EXPECT_THAT(after(check_disk, facts.disk), ElementsAre(is_ok("50.0 GiB of 100.0 GiB free")));
  facts.disk.database_bytes = 60 * kGiB;
  EXPECT_THAT(after(check_disk, facts.disk), ElementsAre(is_warning("backup", "make room")));
  facts.disk.free_bytes = kGiB / 64;
  EXPECT_THAT(after(check_disk, facts.disk), ElementsAre(is_error("16.0 MiB", "make room")));
}

TEST_F(DoctorTest, Disk_InodesLogAndFailedWritesAreTold) {
  facts.disk.free_inodes = 10;
  facts.disk.wal_bytes = kGiB;
  facts.disk.failed_writes = 3;
  EXPECT_THAT(after(check_disk, facts.disk),
              ElementsAre(is_ok("free"), is_error("10 inodes", "remove"),
                          is_warning("1.0 GiB", "fuser"), is_error("3 writes", "backup")));
  facts.disk.total_inodes = facts.disk.free_inodes = 0;  // a file system that counts none
  facts.disk.wal_bytes = facts.disk.failed_writes = 0;
  EXPECT_THAT(after(check_disk, facts.disk), ElementsAre(is_ok("free")));
  facts.disk.error = "Permission denied";
  EXPECT_THAT(after(check_disk, facts.disk), ElementsAre(is_error("Permission denied", "give")));
}

TEST_F(DoctorTest, Memory_IsComparedWithTheBudget) {
  facts.memory.in_use_bytes = 2'900 * (kGiB / 1'024);
  EXPECT_THAT(after(check_memory, facts.memory), ElementsAre(is_warning("94 %", "more memory")));
  facts.memory.in_use_bytes = 4 * kGiB;
  EXPECT_THAT(after(check_memory, facts.memory), ElementsAre(is_error("nobody new", "larger")));
  facts.memory.budget_bytes = 8 * kGiB;
  facts.memory.overcommit = 2;
  EXPECT_THAT(after(check_memory, facts.memory),
              ElementsAre(is_error("kernel", "set max_memory below"),
                          is_warning("vm.overcommit_memory", "sysctl")));
}

}  // namespace
}  // namespace starling::admin::doctor
