// `starlingctl doctor`: what admin/doctor/ finds, as an answer.
#include <array>

#include "admin/call.h"
#include "admin/doctor/checks.h"

namespace starling::admin {

namespace {

std::string_view name_of(doctor::State state) {
  switch (state) {
    case doctor::State::ok:
      return "ok";
    case doctor::State::warning:
      return "warning";
    case doctor::State::error:
      return "error";
  }
  return "?";
}

Task<Result<Json>> examine(Call call) {
  if (!call.hooks.facts) co_return fail(Errc::invalid, "there is nothing to examine");
  const doctor::Facts facts = co_await call.hooks.facts();
  Json findings = Json::array();
  for (const auto& finding : doctor::examine(facts)) {
    findings.push_back({{"state", name_of(finding.state)},
                        {"check", finding.check},
                        {"what", finding.what},
                        {"advice", finding.advice}});
  }
  co_return findings;
}

}  // namespace

std::span<const Handler> doctor_handlers() {
  static constexpr std::array kHandlers{Handler{"doctor", examine}};
  return kHandlers;
}

}  // namespace starling::admin
