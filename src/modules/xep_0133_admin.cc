// Service administration (XEP-0133): commands for those whom the configuration names as admins.
#include <algorithm>
#include <charconv>
#include <utility>

#include "core/account_removal.h"
#include "core/module.h"
#include "core/operations.h"
#include "core/server.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

using core::CommandCall;
using core::CommandReply;
using xmpp::DataForm;
using xmpp::FieldType;
using xmpp::Jid;
using xmpp::StanzaCondition;
using xmpp::StanzaError;
using Reply = std::expected<CommandReply, StanzaError>;

std::unexpected<StanzaError> refuse(StanzaCondition condition, std::string text) {
  return std::unexpected(StanzaError{condition, std::move(text), {}});
}

std::unexpected<StanzaError> refuse(const Error& error) {
  switch (error.code) {
    case Errc::not_found:
      return refuse(StanzaCondition::item_not_found, error.message);
    case Errc::exists:
      return refuse(StanzaCondition::conflict, error.message);
    case Errc::invalid:
      return refuse(StanzaCondition::not_acceptable, error.message);
    default:
      return refuse(StanzaCondition::resource_constraint, "the store is unavailable at present");
  }
}

DataForm::Field field(std::string_view var, FieldType type, std::string_view label,
                      bool required = true) {
  return {std::string(var), type, std::string(label), {}, {}, required};
}

CommandReply ask(std::string_view title, std::string_view instructions,
                 std::vector<DataForm::Field> fields) {
  DataForm form = DataForm::make(DataForm::Type::form, xmpp::ns::kAdmin);
  form.title = title;
  form.instructions.emplace_back(instructions);
  for (auto& one : fields) form.add(std::move(one));
  CommandReply reply;
  reply.completed = false;
  reply.form = std::move(form);
  return reply;
}

CommandReply answer(std::string_view var, std::string_view label, std::vector<std::string> values) {
  CommandReply reply;
  reply.form = DataForm::make(DataForm::Type::result, xmpp::ns::kAdmin);
  reply.form->add(
      {std::string(var), FieldType::unspecified, std::string(label), std::move(values), {}, false});
  return reply;
}

// The addresses in a field, each of an account of this host, or of a resource of one.
std::expected<std::vector<Jid>, StanzaError> accounts_in(const CommandCall& call,
                                                         std::string_view var, bool bare_only) {
  std::vector<Jid> jids;
  for (const auto& value : call.filled[0].find(var)->values) {
    const auto jid = Jid::parse(value);
    if (!jid || jid->local().empty() || (bare_only && !jid->is_bare())) {
      return refuse(StanzaCondition::jid_malformed, "not an account's address: " + value);
    }
    if (jid->domain() != call.host->name()) {
      return refuse(StanzaCondition::not_acceptable, "not an account of this host: " + value);
    }
    jids.push_back(*jid);
  }
  return jids;
}

// Section 4.1.
Task<Reply> add_user(CommandCall call) {
  if (call.filled.empty()) {
    co_return ask(
        "Adding a User", "Fill out this form to add a user.",
        {field("accountjid", FieldType::jid_single, "The Jabber ID for the account to be added"),
         field("password", FieldType::text_private, "The password for this account"),
         field("password-verify", FieldType::text_private, "Retype password", false)});
  }
  const DataForm& form = call.filled[0];
  const auto accounts = accounts_in(call, "accountjid", true);
  if (!accounts) co_return std::unexpected(accounts.error());
  const std::string password(form.value("password"));
  const std::string verify(form.value("password-verify"));
  if (!verify.empty() && verify != password) {
    co_return refuse(StanzaCondition::not_acceptable, "the two passwords differ");
  }
  auto& authenticator = call.worker->server().authenticator();
  const auto created = co_await authenticator.create_account(accounts->front(), password);
  if (!created) co_return refuse(created.error());
  co_return CommandReply{};
}

// Section 4.2.
Task<Reply> delete_user(CommandCall call) {
  if (call.filled.empty()) {
    co_return ask("Deleting a User", "Fill out this form to delete a user.",
                  {field("accountjids", FieldType::jid_multi, "The Jabber ID(s) to delete")});
  }
  const auto accounts = accounts_in(call, "accountjids", true);
  if (!accounts) co_return std::unexpected(accounts.error());
  for (const Jid& account : *accounts) {
    const auto removed = co_await core::remove_account(call.worker->server(), account);
    if (removed) continue;
    // Those before it are gone.
    co_return refuse(Error{removed.error().code, account.str() + ": " + removed.error().message});
  }
  co_return CommandReply{};
}

// Section 4.5.
Task<Reply> end_user_session(CommandCall call) {
  if (call.filled.empty()) {
    co_return ask(
        "Ending a User Session", "Fill out this form to end a user's session.",
        {field("accountjids", FieldType::jid_multi, "The Jabber ID(s) for which to end sessions")});
  }
  const auto jids = accounts_in(call, "accountjids", false);
  if (!jids) co_return std::unexpected(jids.error());
  for (const Jid& jid : *jids) {
    co_await core::end_sessions(call.worker->server(), jid, "ended by an administrator");
  }
  co_return CommandReply{};
}

// Section 4.7.
Task<Reply> change_user_password(CommandCall call) {
  if (call.filled.empty()) {
    co_return ask("Changing a User Password", "Fill out this form to change a user's password.",
                  {field("accountjid", FieldType::jid_single, "The Jabber ID for this account"),
                   field("password", FieldType::text_private, "The password for this account")});
  }
  const auto accounts = accounts_in(call, "accountjid", true);
  if (!accounts) co_return std::unexpected(accounts.error());
  const std::string password(call.filled[0].value("password"));
  auto& authenticator = call.worker->server().authenticator();
  const auto changed = co_await authenticator.change_password(accounts->front(), password);
  if (!changed) co_return refuse(changed.error());
  co_return CommandReply{};
}

// Section 4.13.
Task<Reply> registered_number(CommandCall call) {
  auto& store = call.worker->server().store();
  const auto count = co_await store.accounts().count(call.host->name());
  if (!count) co_return refuse(count.error());
  std::vector<std::string> value{std::to_string(*count)};
  co_return answer("registeredusersnum", "The number of registered users", std::move(value));
}

Task<std::vector<std::string>> online_users(CommandCall call) {
  const auto jids = co_await core::connected_jids(call.worker->server());
  std::vector<std::string> users;
  for (const Jid& jid : jids) {
    if (jid.domain() != call.host->name()) continue;
    if (users.empty() || users.back() != jid.bare()) users.emplace_back(jid.bare());
  }
  co_return users;
}

// Section 4.15: users, however many resources each of them has.
Task<Reply> online_number(CommandCall call) {
  const auto users = co_await online_users(std::move(call));
  std::vector<std::string> value{std::to_string(users.size())};
  co_return answer("onlineusersnum", "The number of online users", std::move(value));
}

CommandReply ask_how_many(std::string_view title, std::string_view instructions) {
  DataForm::Field items =
      field("max_items", FieldType::list_single, "Maximum number of items to show", false);
  for (const char* number : {"25", "50", "75", "100", "150", "200"}) {
    items.options.push_back({number, number});
  }
  items.options.push_back({"None", "none"});
  return ask(title, instructions, {std::move(items)});
}

std::size_t how_many(const DataForm& form) {
  const std::string_view text = form.value("max_items");
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : SIZE_MAX;
}

// Section 4.18.
Task<Reply> registered_list(CommandCall call) {
  if (call.filled.empty()) {
    co_return ask_how_many("Requesting List of Registered Users",
                           "Fill out this form to request the registered users of this service.");
  }
  auto names = co_await core::registered_names(call.worker->server(), call.host->name(),
                                               how_many(call.filled[0]));
  if (!names) co_return refuse(names.error());
  for (auto& name : *names) name += "@" + call.host->name();
  co_return answer("registereduserjids", "The list of all users", std::move(*names));
}

// Section 4.20.
Task<Reply> online_list(CommandCall call) {
  if (call.filled.empty()) {
    co_return ask_how_many("Requesting List of Online Users",
                           "Fill out this form to request the online users of this service.");
  }
  const std::size_t most = how_many(call.filled[0]);
  auto users = co_await online_users(std::move(call));
  users.resize(std::min(users.size(), most));
  co_return answer("onlineuserjids", "The list of all online users", std::move(users));
}

// Section 4.23.
Task<Reply> announce(CommandCall call) {
  if (call.filled.empty()) {
    co_return ask("Making an Announcement",
                  "Fill out this form to make an announcement to all active users of this service.",
                  {field("announcement", FieldType::text_multi, "Announcement")});
  }
  std::string text;
  for (const auto& line : call.filled[0].find("announcement")->values) {
    text += (text.empty() ? "" : "\n") + line;
  }
  xml::Writer w;
  w.open("message").attribute("type", "headline");
  w.open("subject").text("Announcement").close().open("body").text(text).close().close();
  auto message = xmpp::Stanza::from_text(std::move(w).take());
  const std::size_t reached =
      co_await core::announce(call.worker->server(), call.host->name(), std::move(message));
  CommandReply reply;
  reply.note = "sent to " + std::to_string(reached) + " sessions";
  co_return reply;
}

// What was filled in, for the record: passwords and what people write are not told.
std::vector<std::pair<std::string, std::string>> harmless_values(const DataForm& form) {
  std::vector<std::pair<std::string, std::string>> told;
  for (const char* var : {"accountjid", "accountjids"}) {
    const DataForm::Field* const accounts = form.find(var);
    if (accounts == nullptr) continue;
    std::string text;
    for (const auto& account : accounts->values) text += (text.empty() ? "" : " ") + account;
    told.emplace_back(var, std::move(text));
  }
  for (const char* var : {"password", "announcement"}) {
    if (form.find(var) != nullptr) told.emplace_back(var, "***");
  }
  return told;
}

using Handler = Task<Reply> (*)(CommandCall);

// A step of a command that changes something: what becomes of what was filled in is recorded
// before the admin is told.
Task<Reply> recorded(std::string command, Handler handler, CommandCall call) {
  const core::Recorder& recorder = call.worker->server().recorder();
  if (call.filled.empty() || !recorder) co_return co_await handler(std::move(call));
  core::ChangeRecord record;
  record.who = call.from.full();
  record.command = std::move(command);
  record.arguments = harmless_values(call.filled[0]);
  auto reply = co_await handler(std::move(call));
  record.result = reply ? "done" : reply.error().text;
  co_await recorder(std::move(record));
  co_return reply;
}

void setup(core::Host& host) {
  enum class Changes : bool { no, yes };
  const struct {
    std::string_view node;
    std::string_view name;
    Handler handler;
    Changes changes = Changes::no;
  } commands[] = {
      {"add-user", "Add User", add_user, Changes::yes},
      {"delete-user", "Delete User", delete_user, Changes::yes},
      {"end-user-session", "End User Session", end_user_session, Changes::yes},
      {"change-user-password", "Change User Password", change_user_password, Changes::yes},
      {"get-registered-users-num", "Get Number of Registered Users", registered_number},
      {"get-online-users-num", "Get Number of Online Users", online_number},
      {"get-registered-users-list", "Get List of Registered Users", registered_list},
      {"get-online-users-list", "Get List of Online Users", online_list},
      {"announce", "Send Announcement to Online Users", announce, Changes::yes},
  };
  for (const auto& one : commands) {
    const std::string node(one.node);
    core::CommandHandler handler = one.handler;
    if (one.changes == Changes::yes) {
      handler = [node, step = one.handler](CommandCall call) {
        return recorded(node, step, std::move(call));
      };
    }
    host.on_command({std::string(xmpp::ns::kAdmin) + "#" + node, std::string(one.name), true,
                     std::move(handler)});
  }
}

}  // namespace

extern const core::Module kAdmin;
const core::Module kAdmin{"admin", {133, "1.3.1"}, "Service administration", setup};

}  // namespace starling::modules
