#include "config/ejabberd_table.h"

#include <algorithm>

namespace starling::config {

namespace {

constexpr std::string_view kAlways = "always on here, without a section";
constexpr std::string_view kNotYet = "not there yet";
constexpr std::string_view kSqlite = "accounts and archives are in SQLite, in data_dir";
constexpr std::string_view kTls = "see tls_min_version and tls_ciphers";

constexpr Counterpart kCounterparts[] = {
    // The top level.
    {"hosts", "hosts", ""},
    {"loglevel", "loglevel", ""},
    {"certfiles", "certfiles", "each file holds the chain and the key; patterns are not expanded"},
    {"groups", "groups", ""},
    {"shaper", "shaper", ""},
    {"shaper_rules", "shaper_rules", ""},
    {"access_rules", "access_rules", ""},
    {"acl", "acl", ""},
    {"disable_sasl_mechanisms", "disable_sasl_mechanisms", ""},
    {"negotiation_timeout", "", "set listen.negotiation_timeout of each listener"},
    {"c2s_ciphers", "tls_ciphers", ""},
    {"c2s_protocol_options", "", kTls},
    {"c2s_dhfile", "", kTls},
    {"c2s_cafile", "", "the chain stands in the certificate's own file"},
    {"ca_file", "", "the system's authorities are trusted"},
    {"acme", "", "let certbot or the like renew certificates, and send SIGHUP"},
    {"auth_method", "", "passwords are kept here, as SCRAM keys; there is no other way yet"},
    {"auth_password_format", "", "always scram"},
    {"default_db", "", kSqlite},
    {"new_sql_schema", "", kSqlite},
    {"sql_type", "", kSqlite},
    {"language", "", "texts are in English"},
    {"hide_sensitive_log_data", "", "the log never holds passwords or messages"},
    {"log_rotate_size", "", "let logrotate or journald do it"},
    {"log_rotate_count", "", "let logrotate or journald do it"},
    {"max_fsm_queue", "", "set listen.max_queued_bytes: it is counted in bytes"},
    {"api_permissions", "", "starlingctl is for root and the node's own user; no HTTP API yet"},
    {"s2s_access", "", kNotYet},
    {"s2s_use_starttls", "", kNotYet},
    // Listeners.
    {"listen.port", "listen.port", ""},
    {"listen.ip", "listen.ip", ""},
    {"listen.tls", "listen.tls", ""},
    {"listen.starttls_required", "listen.starttls_required", ""},
    {"listen.use_proxy_protocol", "listen.use_proxy_protocol",
     "set listen.trusted_proxies, too: there, only those may send the header"},
    {"listen.access", "listen.access", ""},
    {"listen.shaper", "listen.shaper", ""},
    {"listen.max_stanza_size", "listen.max_stanza_size", ""},
    {"listen.starttls", "", "STARTTLS is always offered"},
    {"listen.transport", "", "always tcp"},
    {"listen.max_fsm_queue", "", "set max_queued_bytes: it is counted in bytes"},
    {"listen.certfile", "", "name it in certfiles"},
    {"listen.ciphers", "", "set tls_ciphers, for all listeners"},
    {"listen.protocol_options", "", kTls},
    {"listen.dhfile", "", kTls},
    {"listen.tls_compression", "", "never: it is not safe"},
    {"listen.zlib", "", "never: it is not safe"},
    // Modules.
    {"mod_mam", "modules.archive", "on for everybody; each user may change it (XEP-0441)"},
    {"mod_mam.default", "", "on for everybody; each user may change it (XEP-0441)"},
    {"mod_mam.assume_mam_usage", "", "not needed: the archive is where offline messages are"},
    {"mod_offline", "modules.archive", "offline messages are in the archive"},
    {"mod_register", "modules.register", ""},
    {"mod_register.access", "modules.register.access", ""},
    {"mod_register.ip_access", "modules.register.ip_access", ""},
    {"mod_stream_mgmt", "modules.stream_management", ""},
    {"mod_stream_mgmt.resume_timeout", "modules.stream_management.resume_timeout", ""},
    {"mod_stream_mgmt.max_resume_timeout", "modules.stream_management.max_resume_timeout", ""},
    {"mod_stream_mgmt.max_ack_queue", "modules.stream_management.max_unacked_stanzas", ""},
    {"mod_stream_mgmt.resend_on_timeout", "", "messages are always offered to other sessions"},
    {"mod_ping", "modules.ping", "silent clients are always asked"},
    {"mod_ping.ping_interval", "modules.ping.interval", ""},
    {"mod_ping.ping_ack_timeout", "modules.ping.ack_timeout", ""},
    {"mod_ping.send_pings", "", "silent clients are always asked"},
    {"mod_ping.timeout_action", "", "a client that does not answer is always given up"},
    {"mod_fail2ban", "modules.fail2ban", "always on"},
    {"mod_fail2ban.access", "modules.fail2ban.access", ""},
    {"mod_fail2ban.c2s_auth_ban_lifetime", "modules.fail2ban.ban_lifetime", ""},
    {"mod_fail2ban.c2s_max_auth_failures", "modules.fail2ban.max_failures_per_address",
     "counted within modules.fail2ban.window"},
    {"mod_roster", "modules.roster", ""},
    {"mod_roster.versioning", "", kAlways},
    {"mod_configure", "modules.admin_commands", ""},
    {"mod_adhoc", "", kAlways},
    {"mod_admin_extra", "", kAlways},
    {"mod_blocking", "", kAlways},
    {"mod_caps", "", kAlways},
    {"mod_carboncopy", "", kAlways},
    {"mod_client_state", "", kAlways},
    {"mod_disco", "", "always on; for contact addresses see modules.contact"},
    {"mod_last", "", kAlways},
    {"mod_private", "", kAlways},
    {"mod_vcard", "", kAlways},
    {"mod_vcard_xupdate", "", kAlways},
    {"mod_version", "", kAlways},
    {"mod_announce", "", "one of the commands of modules.admin_commands"},
    {"mod_privacy", "", "privacy lists are not there; blocking (XEP-0191) is"},
};

}  // namespace

const Counterpart* counterpart_of(std::string_view theirs) {
  const auto* const found = std::ranges::find(kCounterparts, theirs, &Counterpart::theirs);
  return found == std::end(kCounterparts) ? nullptr : found;
}

std::string ejabberd_hint(std::string_view key) {
  for (const auto& row : kCounterparts) {
    const std::string_view last = row.theirs.substr(row.theirs.rfind('.') + 1);
    if (last != key || row.ours.substr(row.ours.rfind('.') + 1) == key) continue;
    const std::string word(key);
    if (row.ours.empty()) return " (ejabberd's " + word + ": " + std::string(row.note) + ")";
    return " (ejabberd's " + word + " is '" + std::string(row.ours) + "' here)";
  }
  return "";
}

}  // namespace starling::config
