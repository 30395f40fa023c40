// Admin: carries out the commands of commands/commands.h on a running node.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "core/server.h"

namespace starling::admin {

using Json = nlohmann::json;

class Admin {
 public:
  // `stop` asks the process to end. Used on the loop of worker 0.
  Admin(core::Server& server, std::function<void()> stop)
      : server_(server), stop_(std::move(stop)) {}

  // Errors: invalid (no such command, wrong number of arguments, an address that is none), and
  // what the command itself runs into.
  Task<Result<Json>> run(std::string command, std::vector<std::string> arguments);

 private:
  using Arguments = std::vector<std::string>;
  Task<Result<Json>> status();
  Task<Result<Json>> register_account(Arguments arguments);
  Task<Result<Json>> unregister(Arguments arguments);
  Task<Result<Json>> change_password(Arguments arguments);
  Task<Result<Json>> registered_users(Arguments arguments);
  Task<Result<Json>> connected_users();
  Task<Result<Json>> kick_user(Arguments arguments);
  Task<Result<Json>> backup(Arguments arguments);
  [[nodiscard]] Result<xmpp::Jid> account_of(const std::string& user,
                                             const std::string& host) const;

  core::Server& server_;
  std::function<void()> stop_;
};

}  // namespace starling::admin
