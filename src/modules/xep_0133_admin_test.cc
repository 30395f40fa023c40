#include <string>
#include <thread>
#include <vector>

#include "modules/test_modules.h"

namespace starling::modules {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kNode = "http://jabber.org/protocol/admin#";

class AdminModule : public ModuleTest {
 protected:
  static config::HostOptions options() {
    config::HostOptions options;
    options.admins = {core::jid("alice@example.org")};
    return options;
  }
  AdminModule() : ModuleTest(options()) {}

  static std::string command(core::TestClient& client, const std::string& name,
                             const std::string& host = "example.org") {
    client.send("<iq type='set' id='q' to='" + host +
                "'>"
                "<command xmlns='http://jabber.org/protocol/commands' node='" +
                kNode + name + "'/></iq>");
    std::string answer;
    for (auto& xml : client.take()) {
      if (xml.find(" id='q'") != std::string::npos) answer = std::move(xml);
    }
    return answer;
  }
  // The command with these fields filled in: var, then values; the answer to that.
  std::string run(const std::string& name, const std::vector<std::vector<std::string>>& fields,
                  const std::string& host = "example.org") {
    const std::string form = command(admin_, name, host);
    EXPECT_THAT(form, HasSubstr("status='executing'"));
    const auto from = form.find("sessionid='") + 11;
    const std::string session = form.substr(from, form.find('\'', from) - from);
    std::string content =
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
        "<value>http://jabber.org/protocol/admin</value></field>";
    for (const auto& field : fields) {
      EXPECT_THAT(form, HasSubstr(" var='" + field[0] + "'"));
      content += "<field var='" + field[0] + "'>";
      for (std::size_t i = 1; i < field.size(); ++i) content += "<value>" + field[i] + "</value>";
      content += "</field>";
    }
    // Keys are derived on another thread.
    admin_.send("<iq type='set' id='q' to='" + host +
                "'>"
                "<command xmlns='http://jabber.org/protocol/commands' node='" +
                kNode + name + "' sessionid='" + session + "'>" + content + "</x></command></iq>");
    std::string answer;
    while (answer.empty()) {
      server_.settle();
      for (auto& xml : admin_.take()) {
        if (xml.find(" id='q'") != std::string::npos) answer = std::move(xml);
      }
      std::this_thread::yield();
    }
    return answer;
  }
  bool password_is(const char* account, const char* password) {
    return server_
        .wait(server_.server().authenticator().check_password(core::jid(account), password))
        .value();
  }

  core::TestClient& admin_ = server_.connect("alice@example.org/desk");
};
INSTANTIATE_TEST_SUITE_P(Workers, AdminModule, testing::Values(1, 3));

TEST_P(AdminModule, OthersThanAdmins_MayDoNothing) {
  core::TestClient& bob = server_.connect("bob@example.org/phone");
  for (const char* name : {"add-user", "delete-user", "end-user-session", "change-user-password",
                           "get-registered-users-num", "get-online-users-num",
                           "get-registered-users-list", "get-online-users-list", "announce"}) {
    EXPECT_THAT(command(bob, name), HasSubstr("<forbidden ")) << name;
  }
  EXPECT_THAT(ask(bob, "get", "example.org",
                  "<query xmlns='http://jabber.org/protocol/disco#items' "
                  "node='http://jabber.org/protocol/commands'/>"),
              Not(HasSubstr("<item ")));
}

TEST_P(AdminModule, AddUser_MakesAnAccount) {
  EXPECT_THAT(run("add-user", {{"accountjid", "dora@example.org"},
                               {"password", "R0m30"},
                               {"password-verify", "R0m30"}}),
              HasSubstr("status='completed'/>"));
  EXPECT_TRUE(password_is("dora@example.org", "R0m30"));
  EXPECT_THAT(run("add-user", {{"accountjid", "dora@example.org"}, {"password", "x"}}),
              HasSubstr("<conflict "));
  EXPECT_THAT(
      run("add-user",
          {{"accountjid", "eve@example.org"}, {"password", "R0m30"}, {"password-verify", "R0m31"}}),
      HasSubstr("<not-acceptable "));
  EXPECT_THAT(run("add-user", {{"accountjid", "eve@example.net"}, {"password", "x"}}),
              HasSubstr("<not-acceptable "));
  EXPECT_THAT(run("add-user", {{"accountjid", "example.org"}, {"password", "x"}}),
              HasSubstr("<jid-malformed "));
  EXPECT_FALSE(password_is("eve@example.org", "R0m30"));
}

TEST_P(AdminModule, DeleteUser_EndsSessionsAndErasesAccounts) {
  core::TestClient& bob = server_.connect("bob@example.org/phone");
  server_.create_account(core::jid("dora@example.org"));
  EXPECT_THAT(run("delete-user", {{"accountjids", "bob@example.org", "dora@example.org"}}),
              HasSubstr("status='completed'/>"));
  EXPECT_EQ(bob.ended(), xmpp::StreamCondition::not_authorized);
  EXPECT_EQ(server_.wait(server_.store().accounts().count("example.org")), 2U);
  EXPECT_THAT(run("delete-user", {{"accountjids", "bob@example.org"}}),
              HasSubstr("<item-not-found "));
  EXPECT_THAT(run("delete-user", {{"accountjids", "carol@example.org/x"}}),
              HasSubstr("<jid-malformed "));
}

// Section 4.5: a full JID is one session, a bare one all of them.
TEST_P(AdminModule, EndUserSession_EndsOneOrAll) {
  core::TestClient& phone = server_.connect("bob@example.org/phone");
  core::TestClient& desk = server_.connect("bob@example.org/desk");
  core::TestClient& third = server_.connect("bob@example.org/third");
  run("end-user-session", {{"accountjids", "bob@example.org/phone", "bob@example.org/none"}});
  EXPECT_TRUE(phone.ended());
  EXPECT_FALSE(desk.ended());
  run("end-user-session", {{"accountjids", "bob@example.org"}});
  EXPECT_TRUE(desk.ended());
  EXPECT_TRUE(third.ended());
}

TEST_P(AdminModule, ChangeUserPassword_ChangesIt) {
  EXPECT_THAT(
      run("change-user-password", {{"accountjid", "bob@example.org"}, {"password", "V3r0n4"}}),
      HasSubstr("status='completed'/>"));
  EXPECT_TRUE(password_is("bob@example.org", "V3r0n4"));
  EXPECT_THAT(
      run("change-user-password", {{"accountjid", "nobody@example.org"}, {"password", "V3r0n4"}}),
      HasSubstr("<item-not-found "));
}

TEST_P(AdminModule, Numbers_CountUsersOfTheHost) {
  server_.connect("bob@example.org/1");
  server_.connect("bob@example.org/2");
  server_.connect("zoe@example.net/1");
  EXPECT_THAT(command(admin_, "get-registered-users-num"),
              AllOf(HasSubstr("status='completed'"),
                    HasSubstr("var='registeredusersnum'><value>3</value>")));
  EXPECT_THAT(command(admin_, "get-online-users-num"),
              HasSubstr("var='onlineusersnum'><value>3</value>"));  // carol, the bystander, too
}

TEST_P(AdminModule, Lists_NameUsersOfTheHost) {
  server_.connect("bob@example.org/1");
  server_.connect("bob@example.org/2");
  server_.connect("zoe@example.net/1");
  const std::string three =
      "<value>alice@example.org</value><value>bob@example.org</value>"
      "<value>carol@example.org</value></field>";
  EXPECT_THAT(run("get-registered-users-list", {{"max_items", "none"}}),
              HasSubstr("var='registereduserjids'>" + three));
  EXPECT_THAT(run("get-online-users-list", {{"max_items", "25"}}),
              HasSubstr("var='onlineuserjids'>" + three));
  EXPECT_THAT(run("get-registered-users-list", {{"max_items", "1"}}),
              HasSubstr("'><value>alice@example.org</value></field>"));
  EXPECT_THAT(run("get-online-users-list", {{"max_items", "1"}}),
              HasSubstr("'><value>alice@example.org</value></field>"));
}

TEST_P(AdminModule, StoreFailure_IsAnError) {
  server_.store().fail_call(1);
  EXPECT_THAT(command(admin_, "get-registered-users-num"), HasSubstr("<resource-constraint "));
}

// Section 4.23: those of the host who are available, and nobody else.
TEST_P(AdminModule, Announce_ReachesWhoIsOnline) {
  core::TestClient& zoe = server_.online("zoe@example.net/1");
  core::TestClient& low = server_.online("yan@example.net/1", -1);
  core::TestClient& silent = server_.connect("zoe@example.net/2");
  core::TestClient& bob = server_.online("bob@example.org/1");
  EXPECT_THAT(run("announce", {{"announcement", "Down &lt;soon&gt;.", "Sorry."}}, "example.net"),
              AllOf(HasSubstr("status='completed'"), HasSubstr("sent to 2 sessions")));
  EXPECT_THAT(zoe.take(),
              testing::ElementsAre("<message from='example.net' to='zoe@example.net/1' "
                                   "type='headline'><subject>Announcement</subject>"
                                   "<body>Down &lt;soon&gt;.\nSorry.</body></message>"));
  EXPECT_EQ(low.take().size(), 1U);
  EXPECT_THAT(silent.take(), testing::IsEmpty());
  EXPECT_THAT(bob.take(), testing::IsEmpty());
}

TEST_P(AdminModule, Changes_AreRecordedWithWhatCameOfThem) {
  std::vector<std::string> records;
  server_.server().set_recorder([&records](const core::ChangeRecord& record) {
    std::string text = record.who + " " + record.command;
    for (const auto& [name, value] : record.arguments) text += " " + name + "=" + value;
    records.push_back(text + ": " + record.result);
    return completed();
  });
  run("add-user", {{"accountjid", "dora@example.org"}, {"password", "R0m30"}});
  run("add-user", {{"accountjid", "dora@example.net"}, {"password", "R0m30"}});
  run("change-user-password", {{"accountjid", "dora@example.org"}, {"password", "V3r0n4"}});
  run("announce", {{"announcement", "Down soon."}}, "example.net");
  run("end-user-session", {{"accountjids", "dora@example.org", "bob@example.org/phone"}});
  run("delete-user", {{"accountjids", "dora@example.org", "nobody@example.org"}});
  run("get-registered-users-list", {{"max_items", "25"}});
  command(admin_, "delete-user");  // asks for the form only
  EXPECT_THAT(
      records,
      testing::ElementsAre(
          "alice@example.org/desk add-user accountjid=dora@example.org password=***: done",
          "alice@example.org/desk add-user accountjid=dora@example.net password=***: not an "
          "account of this host: dora@example.net",
          "alice@example.org/desk change-user-password accountjid=dora@example.org "
          "password=***: done",
          "alice@example.org/desk announce announcement=***: done",
          "alice@example.org/desk end-user-session accountjids=dora@example.org "
          "bob@example.org/phone: done",
          HasSubstr("alice@example.org/desk delete-user accountjids=dora@example.org "
                    "nobody@example.org: nobody@example.org: ")));
  server_.server().set_recorder({});
}

}  // namespace
}  // namespace starling::modules
