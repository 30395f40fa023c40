// The node as a whole: status, numbers, configuration, backup, end.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "admin/call.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/version.h"
#include "core/operations.h"

namespace starling::admin {

namespace {

std::int64_t uptime_seconds(const core::Server& server) {
  return (wall_clock_us() - server.started_at_us()) / 1'000'000;
}

Task<Result<Json>> status(Call call) {
  Json status = Json::object();
  status["version"] = kVersionText;
  status["uptime_seconds"] = uptime_seconds(call.server);
  status["hosts"] = call.server.host_names();
  status["workers"] = call.server.worker_count();
  status["sessions"] = call.server.session_count();
  const auto drain = call.server.drain().status();
  status["draining"] = drain.begun;
  if (drain.begun) {
    status["sessions_before"] = drain.sessions_then;
    status["draining_seconds"] = drain.since.count();
  }
  co_return status;
}

Task<Result<Json>> stop(Call call) {
  call.hooks.stop();
  co_return Json("stopping");
}

Task<Result<Json>> reload_config(Call call) {
  if (!call.hooks.reload_config) co_return fail(Errc::invalid, "there is nothing to reload");
  const auto lines = co_await call.hooks.reload_config();
  if (!lines) co_return std::unexpected(lines.error());
  co_return Json(*lines);
}

// A new file of our own; none if it cannot be written whole.
Result<> write_file(const std::string& path, std::string_view text) {
  const auto trouble = [&path] {
    return fail(Errc::unavailable,
                path + ": " + std::error_code(errno, std::generic_category()).message());
  };
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return trouble();
  Result<> written;
  while (written && !text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0) {
      written = trouble();
    } else {
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  if (::close(fd) != 0 && written) written = trouble();
  if (!written) ::unlink(path.c_str());
  return written;
}

Task<Result<Json>> dump_config(Call call) {
  if (!call.hooks.dump_config) co_return fail(Errc::invalid, "there is no configuration to show");
  const std::string yaml = call.hooks.dump_config();
  if (call.arguments.empty()) co_return Json(yaml);
  if (auto written = write_file(call.arguments[0], yaml); !written) {
    co_return std::unexpected(written.error());
  }
  co_return Json("wrote " + call.arguments[0]);
}

Task<Result<Json>> registered_vhosts(Call call) {
  co_return Json(call.server.host_names());
}

Task<Result<Json>> registered(core::Server* server, std::string host) {
  const auto count = co_await server->store().accounts().count(std::move(host));
  if (!count) co_return std::unexpected(count.error());
  co_return Json(*count);
}

Task<Result<Json>> stats(Call call) {
  const std::string& name = call.arguments[0];
  if (name == "uptimeseconds") co_return Json(uptime_seconds(call.server));
  if (name != "registeredusers") co_return Json(co_await core::session_count(call.server));
  const std::vector<std::string> hosts = call.server.host_names();
  std::uint64_t sum = 0;
  for (const auto& host : hosts) {
    const auto count = co_await registered(&call.server, host);
    if (!count) co_return std::unexpected(count.error());
    sum += count->get<std::uint64_t>();
  }
  co_return Json(sum);
}

Task<Result<Json>> stats_host(Call call) {
  const std::string host = call.arguments[1];
  if (call.arguments[0] == "registeredusers") co_return co_await registered(&call.server, host);
  const auto connected = co_await core::connected_jids(call.server);
  co_return Json(std::ranges::count(connected, host, &xmpp::Jid::domain));
}

Task<Result<Json>> show_metrics(Call /*call*/) {
  std::string text = metrics::text();
  while (text.ends_with('\n')) text.pop_back();  // starlingctl ends the line
  co_return Json(text);
}

Task<Result<Json>> backup(Call call) {
  const std::string& file = call.arguments[0];
  if (!file.starts_with('/')) co_return fail(Errc::invalid, "not an absolute path: " + file);
  const auto made = co_await call.server.store().backup(file);
  if (!made) {
    log::error("backup_failed", {{"file", file}, {"error", made.error().message}});
    co_return std::unexpected(made.error());
  }
  log::info("backup_made", {{"file", file}, {"bytes", made->bytes}});
  Json result = Json::object();
  result["file"] = file;
  result["bytes"] = made->bytes;
  result["accounts"] = made->accounts;
  result["map_entries"] = made->map_entries;
  result["log_entries"] = made->log_entries;
  co_return result;
}

}  // namespace

std::span<const Handler> server_handlers() {
  static constexpr std::array kHandlers{
      Handler{"status", status},
      Handler{"stop", stop},
      Handler{"reload_config", reload_config},
      Handler{"dump_config", dump_config},
      Handler{"registered_vhosts", registered_vhosts},
      Handler{"stats", stats},
      Handler{"stats_host", stats_host},
      Handler{"metrics", show_metrics},
      Handler{"backup", backup},
  };
  return kHandlers;
}

}  // namespace starling::admin
