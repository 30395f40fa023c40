// Call: what the handler of a command gets, and how handlers are listed.
//
// Handlers are in files by subject (account_commands.cc, ...). They run on the loop of worker 0, as
// coroutines, and reach accounts through core only: in the account's turn, on its home worker.
// What the table of commands/ says of the arguments is checked before: numbers are numbers, choices
// are among the choices, hosts are served (and in their prepared form), addresses are addresses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/doctor/facts.h"
#include "base/result.h"
#include "base/task.h"
#include "config/options.h"
#include "config/show.h"
#include "core/server.h"

namespace starling::admin {

class Monitor;

using Json = nlohmann::ordered_json;

// What only the composition root can do. A function that is not set: the command is refused.
struct Hooks {
  std::function<void()> stop;  // asks the process to end
  // Reads the configuration again; the answer's lines. Resumes on the caller's loop.
  std::function<Task<Result<std::vector<std::string>>>()> reload_config;
  std::function<std::string()> dump_config;    // as YAML
  std::function<Task<doctor::Facts>()> facts;  // what the doctor judges
  Monitor* monitor = nullptr;
  // What the node serves certificates from; reads the files.
  std::function<Task<std::vector<doctor::CertificateFile>>()> certificates{};
  std::function<std::vector<config::Described>()> options{};  // in force, and from where
  // What the nodes are configured to be able to do.
  std::function<config::CapacityOptions()> capacity{};
  // Whether the configuration names this account an administrator of the whole server.
  std::function<bool(const xmpp::Jid& account)> is_admin{};
};

// Who gives a command.
struct Caller {
  std::string who = "the node itself";  // "alice@example.org", "token backup", "uid 0"
  std::string from{};                   // "203.0.113.7", "starlingctl"
  std::string account{};                // bare JID, if it is one that has signed in
  bool is_token = false;
};

// Whoever waits for the answer of a command that goes on. On the loop of worker 0.
class Audience {
 public:
  explicit Audience(std::function<bool(const Json&)> tell) : tell_(std::move(tell)) {}
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;

  // One more line. False if it is not taken: too much waits for the caller, or nobody is there.
  bool tell(const Json& line) { return tell_ && tell_(line); }
  // The caller is gone, the server stops, or the command has said all: gone() resumes.
  void leave();
  // Ends when leave() was called. For one waiter.
  Task<void> gone();

 private:
  std::function<bool(const Json&)> tell_;
  bool left_ = false;
  std::move_only_function<void(bool)> when_left_;
};

struct Call {
  core::Server& server;
  const Hooks& hooks;
  std::vector<std::string> arguments;
  std::shared_ptr<Audience> audience;  // of a command that goes on; else nullptr
  Caller caller;

  // The argument; "" if it is an optional one that was left out.
  [[nodiscard]] std::string text(std::size_t i) const {
    return i < arguments.size() ? arguments[i] : std::string();
  }
  [[nodiscard]] bool has(std::size_t i) const { return !text(i).empty(); }
  [[nodiscard]] std::int64_t integer(std::size_t i) const { return std::stoll(arguments[i]); }
  // LIMIT at `i`: how many of a list are wanted at most.
  [[nodiscard]] std::size_t limit(std::size_t i) const {
    constexpr std::int64_t kUsual = 100;
    constexpr std::int64_t kMost = 1'000;
    return static_cast<std::size_t>(
        std::clamp<std::int64_t>(has(i) ? integer(i) : kUsual, 1, kMost));
  }
  // USER at `i` and the domain behind it.
  [[nodiscard]] xmpp::Jid account(std::size_t i = 0) const {
    return *xmpp::Jid::make(arguments[i], arguments[i + 1]);
  }
  [[nodiscard]] xmpp::Jid jid(std::size_t i) const { return *xmpp::Jid::parse(arguments[i]); }
};

struct Handler {
  std::string_view command;
  Task<Result<Json>> (*run)(Call);
  // The account that the first two arguments name must exist.
  bool of_account = false;
};

[[nodiscard]] std::span<const Handler> server_handlers();
[[nodiscard]] std::span<const Handler> cluster_handlers();
[[nodiscard]] std::span<const Handler> advise_handlers();
[[nodiscard]] std::span<const Handler> overview_handlers();
[[nodiscard]] std::span<const Handler> account_page_handlers();
[[nodiscard]] std::span<const Handler> session_page_handlers();
[[nodiscard]] std::span<const Handler> configuration_handlers();
[[nodiscard]] std::span<const Handler> log_line_handlers();
void add_ban_procedures(core::Procedures& procedures);
void add_cluster_procedures(core::Procedures& procedures);
// `monitor` may be nullptr: then nothing is remembered.
void add_overview_procedures(core::Procedures& procedures, Monitor* monitor);
void add_session_page_procedures(core::Procedures& procedures);
void add_account_page_procedures(core::Procedures& procedures);
void add_log_line_procedures(core::Procedures& procedures);
[[nodiscard]] std::span<const Handler> why_handlers();
[[nodiscard]] std::span<const Handler> where_handlers();
void add_why_procedures(core::Procedures& procedures);
[[nodiscard]] std::span<const Handler> trace_handlers();
void add_trace_procedures(core::Procedures& procedures);
void add_where_procedures(core::Procedures& procedures);
[[nodiscard]] std::span<const Handler> doctor_handlers();
[[nodiscard]] std::span<const Handler> log_handlers();
[[nodiscard]] std::span<const Handler> account_handlers();
[[nodiscard]] std::span<const Handler> ban_handlers();
[[nodiscard]] std::span<const Handler> session_handlers();
[[nodiscard]] std::span<const Handler> roster_handlers();
[[nodiscard]] std::span<const Handler> profile_handlers();
[[nodiscard]] std::span<const Handler> message_handlers();
[[nodiscard]] std::span<const Handler> api_handlers();

// All of these.
[[nodiscard]] std::span<const std::span<const Handler>> all_handlers();
// The handler of the command, or nullptr.
[[nodiscard]] const Handler* find_handler(std::string_view command);

}  // namespace starling::admin
