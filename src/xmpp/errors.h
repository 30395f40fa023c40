// Stanza errors (RFC 6120 section 8.3) and stream errors (section 4.9).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::xmpp {

// RFC 6120 section 8.3.3, in its order.
enum class StanzaCondition : std::uint8_t {
  bad_request,
  conflict,
  feature_not_implemented,
  forbidden,
  gone,
  internal_server_error,
  item_not_found,
  jid_malformed,
  not_acceptable,
  not_allowed,
  not_authorized,
  policy_violation,
  recipient_unavailable,
  redirect,
  registration_required,
  remote_server_not_found,
  remote_server_timeout,
  resource_constraint,
  service_unavailable,
  subscription_required,
  undefined_condition,
  unexpected_request,
};
[[nodiscard]] std::string_view to_string(StanzaCondition condition);
// The error type that section 8.3.3 names for the condition: auth, cancel, modify or wait.
[[nodiscard]] std::string_view error_type(StanzaCondition condition);

struct StanzaError {
  StanzaCondition condition;
  std::string text;         // for people, in English; may be empty
  std::string application;  // an application-specific condition as XML; may be empty
};
// The <error/> child.
[[nodiscard]] std::string to_xml(const StanzaError& error);

// RFC 6120 section 4.9.3, in its order.
enum class StreamCondition : std::uint8_t {
  bad_format,
  bad_namespace_prefix,
  conflict,
  connection_timeout,
  host_gone,
  host_unknown,
  improper_addressing,
  internal_server_error,
  invalid_from,
  invalid_namespace,
  invalid_xml,
  not_authorized,
  not_well_formed,
  policy_violation,
  remote_connection_failed,
  reset,
  resource_constraint,
  restricted_xml,
  see_other_host,
  system_shutdown,
  undefined_condition,
  unsupported_encoding,
  unsupported_feature,
  unsupported_stanza_type,
  unsupported_version,
};
[[nodiscard]] std::string_view to_string(StreamCondition condition);

// <stream:error>...</stream:error>, for a stream whose header declares the prefix `stream`. `text`
// is for people; of see_other_host it is the other host's address (RFC 6120 section 4.9.3.19).
[[nodiscard]] std::string stream_error_xml(StreamCondition condition, std::string_view text);

}  // namespace starling::xmpp
