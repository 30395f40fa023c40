// What the tests of commands share: a whole server without sockets, and who gives it commands.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "admin/admin.h"
#include "core/test_server.h"

namespace starling::admin {

class TestAdmin {
 public:
  explicit TestAdmin(std::size_t workers = 1, Hooks hooks = {})
      : server_(workers), admin_(server_.server(), std::move(hooks)) {
    Admin::add_procedures(server_.server().procedures(), nullptr);
  }

  Result<Json> run(std::string command, std::vector<std::string> arguments = {}) {
    auto result = server_.wait(admin_.run(std::move(command), std::move(arguments)));
    server_.settle();
    return result;
  }
  // The answer of a command that must succeed.
  Json ask(std::string command, std::vector<std::string> arguments = {}) {
    auto result = run(std::move(command), std::move(arguments));
    EXPECT_TRUE(result) << result.error().message;
    return result.value_or(Json{});
  }
  Error refusal(std::string command, std::vector<std::string> arguments = {}) {
    const auto result = run(std::move(command), std::move(arguments));
    EXPECT_FALSE(result) << *result;
    return result ? Error{} : result.error();
  }

 protected:
  core::TestServer server_;
  Admin admin_;
};

}  // namespace starling::admin
