// Ad-hoc commands (XEP-0050) of the host: what other modules registered with Host::on_command.
#include <algorithm>
#include <utility>

#include "base/random.h"
#include "core/module.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/disco_info.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

using core::At;
using core::Command;
using core::CommandSession;
using core::IqReply;
using core::IqRequest;
using xmpp::StanzaCondition;
using xmpp::StanzaError;

constexpr std::size_t kIdCharacters = 20;

enum class Action : std::uint8_t { execute, cancel, prev, next, complete };

std::optional<Action> action_of(const xml::Element& command) {
  const std::string_view name = command.attribute("action").value_or("execute");
  if (name == "execute") return Action::execute;
  if (name == "cancel") return Action::cancel;
  if (name == "prev") return Action::prev;
  if (name == "next") return Action::next;
  if (name == "complete") return Action::complete;
  return std::nullopt;
}

IqReply refuse(StanzaCondition condition, std::string_view text = {}) {
  return std::unexpected(StanzaError{condition, std::string(text), {}});
}

// The errors of section 4.4 that have a condition of their own.
IqReply refuse(StanzaCondition condition, std::string_view own, std::string_view text) {
  xml::Writer w;
  w.open(own, xmpp::ns::kCommands).close();
  return std::unexpected(StanzaError{condition, std::string(text), std::move(w).take()});
}

bool may_run(const core::Host& host, const Command& command, const xmpp::Jid& user) {
  return !command.admins_only || host.options().is_admin(user);
}

std::string command_xml(const CommandSession& session, std::string_view status,
                        const core::CommandReply& reply) {
  xml::Writer w;
  w.open("command", xmpp::ns::kCommands).attribute("node", session.node);
  w.attribute("sessionid", session.id).attribute("status", status);
  if (!reply.completed) {
    const std::string_view forward = reply.last_form ? "complete" : "next";
    w.open("actions").attribute("execute", forward);
    if (!session.filled.empty()) w.open("prev").close();
    w.open(forward).close().close();
  }
  if (reply.form) w.raw(reply.form->to_xml());
  if (!reply.note.empty()) w.open("note").attribute("type", "info").text(reply.note).close();
  w.close();
  return std::move(w).take();
}

// Takes in what was filled in; false if it is not what was asked for.
bool fill_in(CommandSession& session, const xml::Element& command) {
  const auto x = command.child("x", xmpp::ns::kDataForms);
  auto form = x ? xmpp::DataForm::parse(*x) : std::nullopt;
  // Section 3.5.1 wants 'cancel' to be taken like 'submit'.
  if (!form || form->type == xmpp::DataForm::Type::form) return false;
  const bool all_there = std::ranges::all_of(session.asked.fields, [&](const auto& field) {
    return !field.required || !form->value(field.var).empty();
  });
  if (all_there) session.filled.push_back(std::move(*form));
  return all_there;
}

// The form of an earlier stage shows what was filled in there.
void prefill(xmpp::DataForm& form, const xmpp::DataForm& filled) {
  for (auto& field : form.fields) {
    const auto* known = filled.find(field.var);
    if (known != nullptr && field.var != "FORM_TYPE") field.values = known->values;
  }
}

// Runs the command's next step with what is filled in. `before` is the session to go back to if
// that ends in an error, if there is one.
Task<IqReply> step(IqRequest request, const Command* command, CommandSession session,
                   std::optional<CommandSession> before = std::nullopt,
                   std::optional<xmpp::DataForm> shown = std::nullopt) {
  core::Worker& worker = *request.worker;
  const xmpp::Jid user = request.stanza.from();
  core::CommandCall call{&worker, request.host, user, session.filled};
  auto reply = co_await command->handler(std::move(call));
  auto& sessions = worker.command_sessions();
  const TimePoint now = worker.loop().now();
  if (!reply) {
    if (before) sessions.put(user, std::move(*before), now);
    co_return std::unexpected(reply.error());
  }
  if (reply->completed) co_return command_xml(session, "completed", *reply);
  if (shown) prefill(*reply->form, *shown);
  std::string answer = command_xml(session, "executing", *reply);
  session.asked = std::move(*reply->form);
  session.last_form = reply->last_form;
  sessions.put(user, std::move(session), now);
  co_return answer;
}

Task<IqReply> go_on(IqRequest request, const Command* command, Action action,
                    CommandSession session) {
  auto& sessions = request.worker->command_sessions();
  const xmpp::Jid user = request.stanza.from();
  const TimePoint now = request.worker->loop().now();
  std::optional<CommandSession> before = session;
  std::optional<xmpp::DataForm> shown;
  const bool possible = action == Action::execute ||
                        (action == Action::prev && !session.filled.empty()) ||
                        action == (session.last_form ? Action::complete : Action::next);
  if (!possible) {
    sessions.put(user, std::move(session), now);
    co_return refuse(StanzaCondition::bad_request, "bad-action", "not at this stage");
  }
  if (action == Action::prev) {
    shown = std::move(session.filled.back());
    session.filled.pop_back();
  } else if (!fill_in(session, request.payload())) {
    sessions.put(user, std::move(session), now);
    co_return refuse(StanzaCondition::bad_request, "bad-payload",
                     "a form with all required fields is needed");
  }
  co_return co_await step(std::move(request), command, std::move(session), std::move(before),
                          std::move(shown));
}

Task<IqReply> execute(IqRequest request) {
  const xml::Element payload = request.payload();
  const xmpp::Jid user = request.stanza.from();
  const std::string node(payload.attribute("node").value_or(""));
  const Command* command = request.host->find_command(node);
  if (command == nullptr) co_return refuse(StanzaCondition::item_not_found, "no such command");
  if (!may_run(*request.host, *command, user)) co_return refuse(StanzaCondition::forbidden);
  const auto action = action_of(payload);
  if (!action) co_return refuse(StanzaCondition::bad_request, "malformed-action", "unknown");
  const std::string id(payload.attribute("sessionid").value_or(""));
  if (id.empty()) {
    if (*action != Action::execute) {
      co_return refuse(StanzaCondition::bad_request, "bad-action", "begin with execute");
    }
    CommandSession fresh;
    fresh.id = random_token(kIdCharacters);
    fresh.node = node;
    co_return co_await step(std::move(request), command, std::move(fresh));
  }
  auto& sessions = request.worker->command_sessions();
  const TimePoint now = request.worker->loop().now();
  auto session = sessions.take(user, id, now);
  if (!session) {
    if (id.size() == kIdCharacters) {
      co_return refuse(StanzaCondition::not_allowed, "session-expired", "it is over");
    }
    co_return refuse(StanzaCondition::bad_request, "bad-sessionid", "no such session");
  }
  if (session->node != node) {
    sessions.put(user, std::move(*session), now);
    co_return refuse(StanzaCondition::bad_request, "bad-sessionid", "of another command");
  }
  if (*action == Action::cancel) co_return command_xml(*session, "canceled", {});
  co_return co_await go_on(std::move(request), command, *action, std::move(*session));
}

// Section 2.2: the list of commands, and each of them.
std::optional<IqReply> info(const core::Host& host, const xmpp::Jid& asker, std::string_view node) {
  xmpp::DiscoInfo info;
  info.features = {std::string(xmpp::ns::kCommands), std::string(xmpp::ns::kDataForms)};
  if (node == xmpp::ns::kCommands) {
    info.identities = {{"automation", "command-list", "en", "Commands"}};
    return info.to_xml(node);
  }
  const Command* command = host.find_command(node);
  if (command == nullptr) return std::nullopt;
  if (!may_run(host, *command, asker)) return refuse(StanzaCondition::forbidden);
  info.identities = {{"automation", "command-node", "en", command->name}};
  return info.to_xml(node);
}

std::optional<IqReply> items(const core::Host& host, const xmpp::Jid& asker,
                             std::string_view node) {
  const Command* command = host.find_command(node);
  if (command != nullptr && !may_run(host, *command, asker)) {
    return refuse(StanzaCondition::forbidden);
  }
  if (command == nullptr && node != xmpp::ns::kCommands) return std::nullopt;
  xml::Writer w;
  w.open("query", xmpp::ns::kDiscoItems).attribute("node", node);
  for (const Command& one : host.commands()) {
    if (command != nullptr || !may_run(host, one, asker)) continue;
    w.open("item").attribute("jid", host.name()).attribute("node", one.node);
    w.attribute("name", one.name).close();
  }
  w.close();
  return std::move(w).take();
}

void setup(core::Host& host) {
  host.disco_feature(At::host, xmpp::ns::kCommands);
  host.disco_node(
      {[&host](const xmpp::Jid& asker, std::string_view node) { return info(host, asker, node); },
       [&host](const xmpp::Jid& asker, std::string_view node) {
         return items(host, asker, node);
       }});
  host.on_iq(At::host, xmpp::StanzaType::set, "command", xmpp::ns::kCommands, execute);
}

}  // namespace

extern const core::Module kCommands;
const core::Module kCommands{"commands", {50, "1.3.0"}, "Ad-hoc commands", setup};

}  // namespace starling::modules
