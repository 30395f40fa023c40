// What `starlingctl doctor` found, and what to do about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::admin::doctor {

enum class State : std::uint8_t { ok, warning, error };

struct Finding {
  std::string check;  // what was looked at: "certificate", "dns", …
  State state = State::ok;
  std::string what;    // one line
  std::string advice;  // what to do; "" if there is nothing to be done
};
using Findings = std::vector<Finding>;

// Adds to the findings of one check.
class Report {
 public:
  Report(Findings& findings, std::string_view check) : findings_(findings), check_(check) {}
  void ok(std::string what) { add(State::ok, std::move(what), {}); }
  void warning(std::string what, std::string advice) {
    add(State::warning, std::move(what), std::move(advice));
  }
  void error(std::string what, std::string advice) {
    add(State::error, std::move(what), std::move(advice));
  }

 private:
  void add(State state, std::string what, std::string advice) {
    findings_.push_back({std::string(check_), state, std::move(what), std::move(advice)});
  }

  Findings& findings_;
  std::string_view check_;
};

}  // namespace starling::admin::doctor
