// Admin: carries out the commands of commands/commands.h on a running node.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/call.h"
#include "base/result.h"
#include "base/task.h"
#include "commands/commands.h"
#include "core/server.h"

namespace starling::admin {

class Admin {
 public:
  // Used on the loop of worker 0.
  Admin(core::Server& server, Hooks hooks) : server_(server), hooks_(std::move(hooks)) {}
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // `audience` is for commands that go on, and only for them. What may change something is recorded
  // (audit.h). Errors: invalid (no such command, arguments that the command does not take), and
  // what the command itself runs into.
  Task<Result<Json>> run(std::string command, std::vector<std::string> arguments,
                         std::shared_ptr<Audience> audience = nullptr, Caller caller = {});
  // Whether it would be carried out, as far as can be said at once. Errors: invalid.
  [[nodiscard]] Result<> check(const std::string& command,
                               std::vector<std::string> arguments) const;
  [[nodiscard]] const Hooks& hooks() const { return hooks_; }

  // What other nodes call, and this one for itself: commands about accounts that are here, and what
  // commands about the whole cluster gather.
  static void add_procedures(core::Procedures& procedures, Monitor* monitor = nullptr);

 private:
  // The command, if it is one that takes these arguments. Hosts come out prepared.
  Result<const commands::Command*> look_up(const std::string& command,
                                           std::vector<std::string>& arguments) const;
  Task<Result<Json>> carry_out(std::string command, std::vector<std::string> arguments,
                               std::shared_ptr<Audience> audience, Caller caller);
  Task<Result<Json>> run_at(bus::NodeId node, std::string command,
                            std::vector<std::string> arguments, Caller caller);
  static Task<Result<std::string>> run_for(core::Server& server, std::string call);
  Result<> check_addresses(const commands::Command& command,
                           std::vector<std::string>& arguments) const;
  Task<Result<>> check_account(xmpp::Jid account);

  core::Server& server_;
  const Hooks hooks_;
};

}  // namespace starling::admin
