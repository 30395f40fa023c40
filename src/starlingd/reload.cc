// Reload: a running node goes by its configuration as it is now. The rest of Node is in node.cc.
//
// What can fail comes first: reading, certificates, new listeners, the log's file. Only then does
// anything change, so nothing is ever applied by half.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "config/table.h"
#include "starlingd/certificates.h"
#include "starlingd/node.h"

namespace starling::starlingd {

namespace {

// The same socket will do.
bool same_socket(const config::ListenOptions& a, const config::ListenOptions& b) {
  return a.ip == b.ip && a.port == b.port && a.module == b.module &&
         (a.port != 0 || a.tls == b.tls);
}

std::vector<std::string> in_words(const std::vector<config::Change>& changes) {
  std::vector<std::string> lines;
  for (const auto& change : changes) {
    const std::string what = change.name + ": " + change.before + " -> " + change.after;
    lines.push_back(change.restart ? what + " (after a restart)" : what);
  }
  if (lines.empty()) lines.emplace_back("nothing is different; the certificates were read again");
  return lines;
}

}  // namespace

Result<Node::Loaded> Node::load() const {
  auto config = load_ ? load_() : Result<config::Config>(*config_);
  if (!config) return std::unexpected(config.error());
  auto changes = config::changes(*config_, *config);
  // Before the certificates: a new data_dir is not ours yet.
  config::keep_until_restart(*config, *config_);
  auto certificates = load_certificates(*config);
  if (!certificates) return std::unexpected(certificates.error());
  return Loaded{std::move(*config), std::move(changes), std::move(*certificates)};
}

Task<Result<std::vector<std::string>>> Node::reload() {
  if (std::exchange(reloading_, true)) {
    co_return fail(Errc::unavailable, "a reload is under way already");
  }
  const auto blocking = [this] { return load(); };
  auto loaded = co_await pool_->run(blocking);
  auto lines = loaded ? apply(std::move(*loaded))
                      : Result<std::vector<std::string>>(std::unexpected(loaded.error()));
  reloading_ = false;
  if (lines) {
    log::info("config_reloaded", {{"lines", lines->size()}});
  } else {
    log::error("config_not_reloaded",
               {{"error", lines.error().message}, {"advice", "what was in force before still is"}});
  }
  co_return lines;
}

Result<std::vector<std::string>> Node::apply(Loaded loaded) {
  const auto fresh = std::make_shared<const config::Config>(std::move(loaded.config));
  auto listeners = renew_listeners(fresh);
  if (!listeners) return std::unexpected(listeners.error());
  auto logging =
      log::configure({fresh->loglevel, fresh->log_levels, fresh->log_format, fresh->log_file});
  if (!logging) {
    for (const auto& opened : *listeners) opened.sockets->close();
    return fail(logging.error().code, "log_file: " + logging.error().message);
  }
  config_ = fresh;
  tls_of_http_->replace(loaded.certificates);
  tls_->replace(std::move(loaded.certificates));
  metrics_->set_hosts(fresh->hosts, tls_);
  server_->login_guard().set_options(fresh->fail2ban);
  memory_watch_->set_max(fresh->max_memory);
  server_->balance().set_options(fresh->balance);
  server_->set_trace_bodies(fresh->trace_bodies);
  load_meter_->set_capacity(fresh->capacity);
  server_->replace_hosts(fresh->host_options);

  std::vector<Listening> serving;
  for (const auto& options : fresh->listen) {
    const auto is_it = [&](const Listening& known) { return same_socket(known.options, options); };
    auto& pool = std::ranges::any_of(listeners_, is_it) ? listeners_ : *listeners;
    const auto found = std::ranges::find_if(pool, is_it);
    found->sockets->reload(fresh, options);
    serving.push_back({options, std::move(found->sockets)});
    pool.erase(found);
  }
  for (const auto& gone : std::exchange(listeners_, std::move(serving))) gone.sockets->close();
  return in_words(loaded.changes);
}

// Opens what `config` has and the node has not. Errors: the first that cannot be opened; then none
// of them is open.
Result<std::vector<Node::Listening>> Node::renew_listeners(
    const std::shared_ptr<const config::Config>& config) {
  std::vector<const config::ListenOptions*> spare;
  for (const auto& known : listeners_) spare.push_back(&known.options);
  std::vector<Listening> opened;
  for (const auto& options : config->listen) {
    const auto is_it = [&](const auto* known) { return same_socket(*known, options); };
    if (const auto found = std::ranges::find_if(spare, is_it); found != spare.end()) {
      spare.erase(found);
      continue;
    }
    auto fresh = listen(config, options);
    if (!fresh) {
      for (const auto& other : opened) other.sockets->close();
      return std::unexpected(fresh.error());
    }
    opened.push_back(std::move(*fresh));
  }
  return opened;
}

}  // namespace starling::starlingd
