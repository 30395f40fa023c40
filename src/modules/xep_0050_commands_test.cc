// Ad-hoc commands, with commands made for this test.
#include <string>

#include "core/worker.h"
#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using core::CommandCall;
using core::CommandReply;
using testing::HasSubstr;
using testing::Not;
using xmpp::DataForm;
using xmpp::FieldType;
using Reply = std::expected<CommandReply, xmpp::StanzaError>;

CommandReply form_of(std::string_view var, bool last) {
  CommandReply reply;
  reply.completed = false;
  reply.last_form = last;
  reply.form = DataForm::make(DataForm::Type::form, "urn:test");
  reply.form->add({std::string(var), FieldType::text_single, "", {}, {}, true});
  return reply;
}

// Asks for one thing, then for another, and says both.
Task<Reply> two_stages(CommandCall call) {
  if (call.filled.empty()) co_return form_of("first", false);
  if (call.filled[0].value("first") == "bad") {
    co_return std::unexpected(
        xmpp::StanzaError{xmpp::StanzaCondition::conflict, "not that one", {}});
  }
  if (call.filled.size() == 1) co_return form_of("second", true);
  CommandReply reply;
  reply.note = std::string(call.filled[0].value("first")) + " and " +
               std::string(call.filled[1].value("second"));
  co_return reply;
}

Task<Reply> at_once(CommandCall call) {
  CommandReply reply;
  reply.note = "done for " + call.from.str();
  co_return reply;
}

void setup(core::Host& host) {
  host.on_command({"urn:test#two", "Two stages", false, two_stages});
  host.on_command({"urn:test#once", "At once", true, at_once});
}
constexpr core::Module kTestCommands{"test", {0, ""}, "", setup};

std::vector<const core::Module*> with_commands() {
  std::vector<const core::Module*> modules(all().begin(), all().end());
  modules.push_back(&kTestCommands);
  return modules;
}

config::HostOptions alice_is_admin() {
  config::HostOptions options;
  options.admins = {core::jid("alice@example.org")};
  return options;
}

class Commands : public testing::TestWithParam<std::size_t> {
 protected:
  // <command/> to the host; the answer.
  static std::string run(core::TestClient& client, const std::string& attributes,
                         const std::string& content = "") {
    client.send(
        "<iq type='set' id='q' to='example.org'>"
        "<command xmlns='http://jabber.org/protocol/commands' " +
        attributes + ">" + content + "</command></iq>");
    const auto got = client.take();
    EXPECT_EQ(got.size(), 1U);
    return got.empty() ? "" : got[0];
  }
  static std::string submit(const std::string& var, const std::string& value) {
    return "<x xmlns='jabber:x:data' type='submit'><field var='" + var + "'><value>" + value +
           "</value></field></x>";
  }
  static std::string attribute(const std::string& answer, const std::string& name) {
    const auto document = xml::Document::parse(answer);
    const auto command = document->root().child("command", "http://jabber.org/protocol/commands");
    return command ? std::string(command->attribute(name).value_or("")) : "no command";
  }
  static std::string in(const std::string& session) {
    return "node='urn:test#two' sessionid='" + session + "'";
  }
  static std::string disco(core::TestClient& client, const std::string& kind,
                           const std::string& node) {
    client.send(
        "<iq type='get' id='q' to='example.org'>"
        "<query xmlns='http://jabber.org/protocol/disco#" +
        kind + "' node='" + node + "'/></iq>");
    return client.take().at(0);
  }
  core::TestClient& alice() { return server_.connect("alice@example.org/phone"); }
  core::TestClient& bob() { return server_.connect("bob@example.org/phone"); }
  std::size_t sessions(const char* account) {
    return server_.home(account).command_sessions().count();
  }

  std::vector<const core::Module*> modules_ = with_commands();
  core::TestServer server_{GetParam(), modules_, alice_is_admin()};
};
INSTANTIATE_TEST_SUITE_P(Workers, Commands, testing::Values(1, 3));

// Section 2.2.
TEST_P(Commands, Lists_HoldWhatTheAskerMayRun) {
  const std::string list = "http://jabber.org/protocol/commands";
  const std::string two = "<item jid='example.org' node='urn:test#two' name='Two stages'/>";
  const std::string once = "<item jid='example.org' node='urn:test#once' name='At once'/>";
  core::TestClient& admin = alice();
  core::TestClient& user = bob();
  EXPECT_THAT(disco(admin, "items", list), testing::AllOf(HasSubstr(two), HasSubstr(once)));
  EXPECT_THAT(disco(user, "items", list),
              HasSubstr("<query xmlns='http://jabber.org/protocol/disco#items' node='" + list +
                        "'>" + two + "</query>"));
  EXPECT_THAT(disco(user, "info", list), HasSubstr("category='automation' type='command-list'"));
  EXPECT_THAT(disco(user, "info", "urn:test#two"),
              testing::AllOf(HasSubstr("<identity category='automation' type='command-node' "
                                       "name='Two stages' xml:lang='en'/>"),
                             HasSubstr("<feature var='http://jabber.org/protocol/commands'/>"),
                             HasSubstr("<feature var='jabber:x:data'/>")));
  EXPECT_THAT(disco(user, "items", "urn:test#two"), HasSubstr("node='urn:test#two'/>"));
  EXPECT_THAT(disco(user, "info", "urn:test#once"), HasSubstr("<forbidden "));
  EXPECT_THAT(disco(user, "items", "urn:test#once"), HasSubstr("<forbidden "));
  EXPECT_THAT(disco(user, "info", "urn:test#none"), HasSubstr("<item-not-found "));
}

// Section 2.4.1.
TEST_P(Commands, SingleStage_IsCompletedAtOnce) {
  const std::string answer = run(alice(), "node='urn:test#once' action='execute'");
  EXPECT_EQ(attribute(answer, "status"), "completed");
  EXPECT_THAT(answer, HasSubstr("<note type='info'>done for alice@example.org/phone</note>"));
  EXPECT_EQ(sessions("alice@example.org"), 0U);
  EXPECT_THAT(run(bob(), "node='urn:test#once'"), HasSubstr("<forbidden "));
}

// Section 2.4.2, forth and back.
TEST_P(Commands, Stages_GoForthAndBack) {
  core::TestClient& user = bob();
  std::string answer = run(user, "node='urn:test#two'");
  const std::string id = attribute(answer, "sessionid");
  EXPECT_EQ(attribute(answer, "status"), "executing");
  EXPECT_THAT(answer, HasSubstr("<actions execute='next'><next/></actions>"));
  EXPECT_THAT(answer, HasSubstr("var='first'><required/></field>"));
  answer = run(user, in(id) + " action='next'", submit("first", "one"));
  EXPECT_EQ(attribute(answer, "sessionid"), id);
  EXPECT_THAT(answer, HasSubstr("<actions execute='complete'><prev/><complete/></actions>"));
  answer = run(user, in(id) + " action='prev'");
  EXPECT_THAT(answer, HasSubstr("<actions execute='next'><next/></actions>"));
  EXPECT_THAT(answer, HasSubstr("var='first'><required/><value>one</value></field>"));
  run(user, in(id) + " action='execute'", submit("first", "uno"));
  answer = run(user, in(id) + " action='complete'", submit("second", "two"));
  EXPECT_EQ(attribute(answer, "status"), "completed");
  EXPECT_THAT(answer, HasSubstr("uno and two"));
  EXPECT_THAT(run(user, in(id)), HasSubstr("<session-expired "));
}

// Section 2.4.3.
TEST_P(Commands, Cancel_EndsTheSession) {
  core::TestClient& user = bob();
  const std::string id = attribute(run(user, "node='urn:test#two'"), "sessionid");
  EXPECT_EQ(attribute(run(user, in(id) + " action='cancel'"), "status"), "canceled");
  EXPECT_THAT(run(user, in(id) + " action='next'", submit("first", "one")),
              HasSubstr("<session-expired "));
  EXPECT_EQ(sessions("bob@example.org"), 0U);
}

// Section 4.4.
TEST_P(Commands, Mistakes_HaveTheirErrors) {
  core::TestClient& user = bob();
  const std::string id = attribute(run(user, "node='urn:test#two'"), "sessionid");
  const std::string good = submit("first", "one");
  const std::tuple<std::string, std::string, std::string, std::string> mistakes[] = {
      {"node='urn:test#none'", "", "item-not-found", ""},
      {"", "", "item-not-found", ""},
      {"node='urn:test#two' action='jump'", "", "bad-request", "malformed-action"},
      {"node='urn:test#two' action='next'", good, "bad-request", "bad-action"},
      {in("nonsense"), good, "bad-request", "bad-sessionid"},
      {in(id) + " action='prev'", "", "bad-request", "bad-action"},
      {in(id) + " action='complete'", good, "bad-request", "bad-action"},
      {in(id), "", "bad-request", "bad-payload"},
      {in(id), "<x xmlns='jabber:x:data' type='submit'/>", "bad-request", "bad-payload"},
      {in(id), submit("first", ""), "bad-request", "bad-payload"},
      {in(id), "<x xmlns='jabber:x:data' type='form'/>", "bad-request", "bad-payload"},
      {in(id), submit("first", "bad"), "conflict", ""},
  };
  for (const auto& [attributes, content, condition, own] : mistakes) {
    const std::string answer = run(user, attributes, content);
    EXPECT_THAT(answer, HasSubstr("<" + condition + " ")) << attributes << content;
    if (own.empty()) continue;
    EXPECT_THAT(answer, HasSubstr("<" + own + " xmlns='http://jabber.org/protocol/commands'/>"));
  }
  // None of them has lost the session.
  EXPECT_EQ(attribute(run(user, in(id), good), "status"), "executing");
}

TEST_P(Commands, SessionOfAnother_CannotBeTaken) {
  core::TestClient& user = bob();
  const std::string id = attribute(run(user, "node='urn:test#two'"), "sessionid");
  for (core::TestClient* other : {&alice(), &server_.connect("bob@example.org/tablet")}) {
    EXPECT_THAT(run(*other, in(id), submit("first", "x")), HasSubstr("<session-expired "));
  }
  EXPECT_EQ(attribute(run(user, in(id), submit("first", "one")), "status"), "executing");
}

TEST_P(Commands, SessionOfAnotherCommand_IsRefused) {
  core::TestClient& admin = alice();
  const std::string id = attribute(run(admin, "node='urn:test#two'"), "sessionid");
  EXPECT_THAT(run(admin, "node='urn:test#once' sessionid='" + id + "'"),
              HasSubstr("<bad-sessionid "));
  EXPECT_EQ(sessions("alice@example.org"), 1U);
}

TEST_P(Commands, SessionsOfOneUser_AreBoundedAndExpire) {
  core::TestClient& user = bob();
  const std::string first = attribute(run(user, "node='urn:test#two'"), "sessionid");
  std::string latest;
  for (std::size_t i = 0; i < core::CommandSessions::kMaxPerUser; ++i) {
    latest = attribute(run(user, "node='urn:test#two'"), "sessionid");
  }
  EXPECT_EQ(sessions("bob@example.org"), core::CommandSessions::kMaxPerUser);
  EXPECT_THAT(run(user, in(first), submit("first", "one")), HasSubstr("<session-expired "));
  EXPECT_EQ(attribute(run(user, in(latest), submit("first", "one")), "status"), "executing");
  server_.loop(server_.server().home_of("bob@example.org"))
      .advance(core::CommandSessions::kLifetime);
  EXPECT_THAT(run(user, in(latest), submit("second", "two")), HasSubstr("<session-expired "));
  EXPECT_EQ(sessions("bob@example.org"), 0U);
}

}  // namespace
}  // namespace starling::modules
