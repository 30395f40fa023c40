#include "core/archive_rules.h"

#include <gtest/gtest.h>

#include "core/test_server.h"

namespace starling::core {
namespace {

struct Row {
  const char* attributes;
  const char* content;
  Keep keep;
};

constexpr const char* kComposing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";

// XEP-0313 section 5.1.1, XEP-0160 section 3, XEP-0334, and what the extensions say of themselves.
const Row kRows[] = {
    {"", "<body>hi</body>", Keep::archived},
    {"type='chat'", "<body>hi</body>", Keep::archived},
    {"type='chat'", "<subject>s</subject>", Keep::archived},
    {"type='groupchat'", "<body>hi</body>", Keep::nothing},
    {"type='headline'", "<body>hi</body>", Keep::nothing},
    {"type='error'", "<body>hi</body>", Keep::nothing},
    {"type='chat'", "", Keep::nothing},
    {"type='chat'", "<x xmlns='urn:test'/>", Keep::nothing},
    {"type='chat'", "<body xmlns='http://www.w3.org/1999/xhtml'/>", Keep::nothing},
    // 0085: alone it is for now only, with a message it is part of that.
    {"type='chat'", kComposing, Keep::nothing},
    {"type='chat'", "<active xmlns='http://jabber.org/protocol/chatstates'/><body>x</body>",
     Keep::archived},
    // 0184
    {"", "<received xmlns='urn:xmpp:receipts' id='1'/>", Keep::archived},
    {"", "<request xmlns='urn:xmpp:receipts'/>", Keep::nothing},
    // 0333
    {"type='chat'", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", Keep::archived},
    {"type='chat'", "<markable xmlns='urn:xmpp:chat-markers:0'/>", Keep::nothing},
    // 0308, 0444, 0461, 0424
    {"type='chat'", "<body>b</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/>",
     Keep::archived},
    {"type='chat'", "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>", Keep::archived},
    {"type='chat'", "<body>b</body><reply xmlns='urn:xmpp:reply:0' id='1'/>", Keep::archived},
    {"type='chat'", "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>", Keep::archived},
    // 0384
    {"type='chat'", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>", Keep::archived},
    {"type='chat'", "<encrypted xmlns='urn:xmpp:omemo:2'/>", Keep::archived},
    // 0249, 0045
    {"", "<x xmlns='jabber:x:conference' jid='r@x'/>", Keep::archived},
    {"", "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@x'/></x>", Keep::archived},
    {"", "<x xmlns='http://jabber.org/protocol/muc#user'><status code='100'/></x>", Keep::nothing},
    // 0334
    {"type='chat'", "<body>x</body><no-store xmlns='urn:xmpp:hints'/>", Keep::nothing},
    {"type='chat'", "<store xmlns='urn:xmpp:hints'/><no-store xmlns='urn:xmpp:hints'/>",
     Keep::nothing},
    {"type='chat'", "<body>x</body><no-permanent-store xmlns='urn:xmpp:hints'/>", Keep::delivered},
    {"type='chat'", "<no-permanent-store xmlns='urn:xmpp:hints'/>", Keep::nothing},
    {"type='chat'", "<x xmlns='urn:test'/><store xmlns='urn:xmpp:hints'/>", Keep::archived},
    {"type='headline'", "<body>x</body><store xmlns='urn:xmpp:hints'/>", Keep::nothing},
};

TEST(ArchiveRules, EveryKindOfMessage) {
  for (const Row& row : kRows) {
    const std::string xml =
        "<message " + std::string(row.attributes) + ">" + row.content + "</message>";
    EXPECT_EQ(keep_of(stanza_of(xml)), row.keep) << xml;
  }
}

}  // namespace
}  // namespace starling::core
