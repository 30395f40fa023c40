// The log of this node: levels and files at run time.
#include <array>

#include "admin/call.h"
#include "base/log.h"

namespace starling::admin {

namespace {

Task<Result<Json>> get_loglevel(Call /*call*/) {
  Json levels = Json::object();
  for (const std::string_view name : log::kSubsystems) {
    levels[std::string(name)] = log::to_string(log::level(*log::subsystem_of(name)));
  }
  co_return levels;
}

Task<Result<Json>> set_loglevel(Call call) {
  const log::Level level = *log::level_of(call.arguments[0]);
  const std::string subsystem = call.text(1);
  if (subsystem.empty()) {
    log::set_level(level);
    co_return Json("all subsystems log from " + call.arguments[0] + " on");
  }
  log::set_level(*log::subsystem_of(subsystem), level);
  co_return Json(subsystem + " logs from " + call.arguments[0] + " on");
}

Task<Result<Json>> reopen_log(Call /*call*/) {
  if (auto done = log::reopen(); !done) co_return std::unexpected(done.error());
  log::info("log_reopened");
  co_return Json("reopened");
}

Task<Result<Json>> rotate_log(Call /*call*/) {
  if (auto done = log::rotate(); !done) co_return std::unexpected(done.error());
  log::info("log_rotated");
  co_return Json("rotated");
}

}  // namespace

std::span<const Handler> log_handlers() {
  static constexpr std::array kHandlers{
      Handler{"get_loglevel", get_loglevel},
      Handler{"set_loglevel", set_loglevel},
      Handler{"reopen_log", reopen_log},
      Handler{"rotate_log", rotate_log},
  };
  return kHandlers;
}

}  // namespace starling::admin
