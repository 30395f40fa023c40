// What the world sees of the node: certificates, ports, DNS records.
#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <filesystem>
#include <set>

#include "admin/doctor/gather.h"
#include "admin/doctor/gather_parts.h"
#include "net/probe.h"
#include "net/tls.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"

namespace starling::admin::doctor {

namespace {

using namespace std::chrono_literals;

constexpr auto kPortBound = 3s;
constexpr auto kDnsBound = 4s;  // for each of two rounds of questions

// PROXY protocol version 2, command LOCAL: a connection of the sender's own, as for a health check.
constexpr std::string_view kLocalProxyHeader{"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16};

bool is_address(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host.starts_with('[') ? host.substr(1, host.size() - 2) : host,
                                error);
  return !error;
}

// The host as DNS knows it; "" if it is no name of the DNS.
std::string dns_name_of(const std::string& host) {
  if (is_address(host) || !host.contains('.') || host.ends_with(".localhost")) return {};
  return xmpp::domain_in_ascii(host).value_or("");
}

CertificateFile ask_certificate(const std::string& path, const std::vector<std::string>& hosts) {
  CertificateFile file;
  const auto loaded = net::Certificate::load(path);
  auto facts = net::certificate_facts(path);
  if (!loaded || !facts) {
    file.error = (!loaded ? loaded.error() : facts.error()).message;
    return file;
  }
  file.facts = std::move(*facts);
  for (const auto& host : hosts) {
    if ((*loaded)->matches(host)) file.hosts.push_back(host);
  }
  return file;
}

void ask_addresses(const config::Config& config, const std::set<std::string>& names,
                   DnsFacts& facts) {
  std::vector<net::DnsQuestion> questions;
  for (const auto& name : names) {
    questions.push_back({net::DnsType::a, name});
    questions.push_back({net::DnsType::aaaa, name});
  }
  const auto answers = net::ask_dns(config.dns_servers, questions, kDnsBound);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    Addresses& addresses = facts.addresses[questions[i].name];
    if (!answers) {
      addresses.error = answers.error().message;
      continue;
    }
    const auto& answer = (*answers)[i];
    if (!answer.error.empty()) addresses.error = answer.error;
    for (const auto& ip : answer.addresses) {
      (net::is_own_address(ip) ? addresses.own : addresses.foreign).push_back(ip);
    }
  }
}

}  // namespace

std::vector<CertificateFile> ask_certificates(const config::Config& config) {
  std::vector<CertificateFile> files;
  for (const auto& path : config.certfiles) files.push_back(ask_certificate(path, config.hosts));
  // For whom there is no other, the node has made one itself.
  for (const auto& host : config.hosts) {
    const std::string own = config.data_dir + "/certs/" + host + ".pem";
    std::error_code ignored;
    const bool covered = std::ranges::any_of(files, [&](const CertificateFile& file) {
      return std::ranges::find(file.hosts, host) != file.hosts.end();
    });
    if (!covered && std::filesystem::exists(own, ignored)) {
      files.push_back(ask_certificate(own, {host}));
    }
  }
  return files;
}

std::string address_for_node(const std::string& ip) {
  return ip == "::" ? "::1" : ip == "0.0.0.0" ? "127.0.0.1" : ip;
}

void ask_port(ListenerFacts& listener, const std::string& host) {
  if (listener.closed_to_node) return;
  net::Probe probe;
  probe.ip = address_for_node(listener.ip);
  probe.port = listener.port;
  if (listener.proxied) probe.before_tls = kLocalProxyHeader;
  probe.tls = listener.tls;
  probe.server_name = dns_name_of(host);
  probe.alpn = "xmpp-client";
  probe.word = "<?xml version='1.0'?><stream:stream to='" + host +
               "' version='1.0' xmlns='jabber:client' xmlns:stream='" +
               std::string(xmpp::ns::kStream) + "'>";
  probe.answer = "<stream:features";
  if (auto answered = net::probe(probe, kPortBound); !answered) {
    listener.trouble = answered.error().message;
  }
}

DnsFacts ask_records(const config::Config& config) {
  DnsFacts facts;
  std::vector<net::DnsQuestion> questions;
  for (const auto& host : config.hosts) {
    auto& records = facts.hosts.emplace_back();
    records.host = host;
    records.name = dns_name_of(host);
    if (records.name.empty()) continue;
    questions.push_back({net::DnsType::srv, "_xmpp-client._tcp." + records.name});
    questions.push_back({net::DnsType::srv, "_xmpps-client._tcp." + records.name});
  }
  if (questions.empty()) return facts;
  auto answers = net::ask_dns(config.dns_servers, questions, kDnsBound);
  if (!answers) {
    facts.error = answers.error().message;
    return facts;
  }
  std::set<std::string> names;
  auto answer = answers->begin();
  for (auto& host : facts.hosts) {
    if (host.name.empty()) continue;
    host.starttls = std::move(*answer++);
    host.direct_tls = std::move(*answer++);
    names.insert(host.name);
    for (const auto* services : {&host.starttls.services, &host.direct_tls.services}) {
      for (const auto& service : *services) {
        if (!service.target.empty()) names.insert(service.target);
      }
    }
  }
  ask_addresses(config, names, facts);
  return facts;
}

}  // namespace starling::admin::doctor
