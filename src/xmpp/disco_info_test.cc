// The test vectors of XEP-0115 (section 5.3) and XEP-0390 (section 4.6), and their edges.
#include "xmpp/disco_info.h"

#include <gtest/gtest.h>

#include <string>

#include "xmpp/ns.h"

namespace starling::xmpp {
namespace {

std::optional<DiscoInfo> read(const std::string& xml, std::string_view lang = {}) {
  const auto document = xml::Document::parse(xml);
  EXPECT_TRUE(document) << xml;
  return DiscoInfo::parse(document->root(), lang);
}

std::string query(const std::string& content) {
  return "<query xmlns='http://jabber.org/protocol/disco#info'>" + content + "</query>";
}

std::string form(const std::string& content) {
  return "<x xmlns='jabber:x:data' type='result'>" + content + "</x>";
}

std::string field(const std::string& var, const std::string& value) {
  return "<field var='" + var + "'><value>" + value + "</value></field>";
}

constexpr const char* kSimple = R"(<query xmlns="http://jabber.org/protocol/disco#info">
  <identity category="client" name="BombusMod" type="mobile"/>
  <feature var="http://jabber.org/protocol/si"/>
  <feature var="http://jabber.org/protocol/bytestreams"/>
  <feature var="http://jabber.org/protocol/chatstates"/>
  <feature var="http://jabber.org/protocol/disco#info"/>
  <feature var="http://jabber.org/protocol/disco#items"/>
  <feature var="urn:xmpp:ping"/>
  <feature var="jabber:iq:time"/>
  <feature var="jabber:iq:privacy"/>
  <feature var="jabber:iq:version"/>
  <feature var="http://jabber.org/protocol/rosterx"/>
  <feature var="urn:xmpp:time"/>
  <feature var="jabber:x:oob"/>
  <feature var="http://jabber.org/protocol/ibb"/>
  <feature var="http://jabber.org/protocol/si/profile/file-transfer"/>
  <feature var="urn:xmpp:receipts"/>
  <feature var="jabber:iq:roster"/>
  <feature var="jabber:iq:last"/>
</query>)";

constexpr const char* kWithForm = R"(<query xmlns="http://jabber.org/protocol/disco#info">
  <identity category="client" name="Tkabber" type="pc" xml:lang="en"/>
  <identity category="client" name="Ткаббер" type="pc" xml:lang="ru"/>
  <feature var="games:board"/>
  <feature var="http://jabber.org/protocol/activity"/>
  <feature var="http://jabber.org/protocol/activity+notify"/>
  <feature var="http://jabber.org/protocol/bytestreams"/>
  <feature var="http://jabber.org/protocol/chatstates"/>
  <feature var="http://jabber.org/protocol/commands"/>
  <feature var="http://jabber.org/protocol/disco#info"/>
  <feature var="http://jabber.org/protocol/disco#items"/>
  <feature var="http://jabber.org/protocol/evil"/>
  <feature var="http://jabber.org/protocol/feature-neg"/>
  <feature var="http://jabber.org/protocol/geoloc"/>
  <feature var="http://jabber.org/protocol/geoloc+notify"/>
  <feature var="http://jabber.org/protocol/ibb"/>
  <feature var="http://jabber.org/protocol/iqibb"/>
  <feature var="http://jabber.org/protocol/mood"/>
  <feature var="http://jabber.org/protocol/mood+notify"/>
  <feature var="http://jabber.org/protocol/rosterx"/>
  <feature var="http://jabber.org/protocol/si"/>
  <feature var="http://jabber.org/protocol/si/profile/file-transfer"/>
  <feature var="http://jabber.org/protocol/tune"/>
  <feature var="http://www.facebook.com/xmpp/messages"/>
  <feature var="http://www.xmpp.org/extensions/xep-0084.html#ns-metadata+notify"/>
  <feature var="jabber:iq:avatar"/>
  <feature var="jabber:iq:browse"/>
  <feature var="jabber:iq:dtcp"/>
  <feature var="jabber:iq:filexfer"/>
  <feature var="jabber:iq:ibb"/>
  <feature var="jabber:iq:inband"/>
  <feature var="jabber:iq:jidlink"/>
  <feature var="jabber:iq:last"/>
  <feature var="jabber:iq:oob"/>
  <feature var="jabber:iq:privacy"/>
  <feature var="jabber:iq:roster"/>
  <feature var="jabber:iq:time"/>
  <feature var="jabber:iq:version"/>
  <feature var="jabber:x:data"/>
  <feature var="jabber:x:event"/>
  <feature var="jabber:x:oob"/>
  <feature var="urn:xmpp:avatar:metadata+notify"/>
  <feature var="urn:xmpp:ping"/>
  <feature var="urn:xmpp:receipts"/>
  <feature var="urn:xmpp:time"/>
  <x xmlns="jabber:x:data" type="result">
    <field type="hidden" var="FORM_TYPE">
      <value>urn:xmpp:dataforms:softwareinfo</value>
    </field>
    <field var="software">
      <value>Tkabber</value>
    </field>
    <field var="software_version">
      <value>0.11.1-svn-20111216-mod (Tcl/Tk 8.6b2)</value>
    </field>
    <field var="os">
      <value>Windows</value>
    </field>
    <field var="os_version">
      <value>XP</value>
    </field>
  </x>
</query>)";

TEST(Caps2, VectorsOfTheXep_Agree) {
  const auto simple = read(kSimple);
  ASSERT_TRUE(simple);
  EXPECT_EQ(caps2_hash("sha-256", caps2_input(*simple)),
            "kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8=");
  EXPECT_EQ(caps2_hash("sha3-256", caps2_input(*simple)),
            "79mdYAfU9rEdTOcWDO7UEAt6E56SUzk/g6TnqUeuD9Q=");
  const auto with_form = read(kWithForm);
  ASSERT_TRUE(with_form);
  EXPECT_EQ(caps2_hash("sha-256", caps2_input(*with_form)),
            "u79ZroNJbdSWhdSp311mddz44oHHPsEBntQ5b1jqBSY=");
  EXPECT_EQ(caps2_hash("sha3-256", caps2_input(*with_form)),
            "XpUJzLAc93258sMECZ3FJpebkzuyNXDzRNwQog8eycg=");
}

// Whatever the order in which an entity says it.
TEST(Caps, VectorOfTheXep_Agrees) {
  const auto info = read(
      query("<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
            "<identity xml:lang='el' category='client' name='\u03a8 0.11' type='pc'/>"
            "<feature var='http://jabber.org/protocol/muc'/>"
            "<feature var='http://jabber.org/protocol/disco#info'/>"
            "<feature var='http://jabber.org/protocol/disco#items'/>"
            "<feature var='http://jabber.org/protocol/caps'/>" +
            form(field("software", "Psi") + field("software_version", "0.11") +
                 "<field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value>"
                 "</field>" +
                 field("os", "Mac") + field("os_version", "10.5.1") +
                 field("FORM_TYPE", "urn:xmpp:dataforms:softwareinfo"))));
  ASSERT_TRUE(info);
  EXPECT_EQ(caps_ver(*info), "q07IKJEyjvHSyhy//CH0CxmKi8w=");
}

// XEP-0115 sorts first and separates then: "a:b" comes after "a", though ':' comes before '<'.
TEST(Caps, FeatureThatBeginsLikeAnother_ComesAfterIt) {
  DiscoInfo one;
  one.features = {"a", "a:b"};
  DiscoInfo other;
  other.features = {"a:b", "a"};
  DiscoInfo wrong;
  wrong.features = {"a:b<a"};  // what the wrong order would have hashed
  EXPECT_EQ(caps_ver(one), caps_ver(other));
  EXPECT_NE(caps_ver(one), caps_ver(wrong));
}

TEST(DiscoInfo, WrittenAndRead_IsTheSame) {
  const auto info = read(kWithForm);
  ASSERT_TRUE(info);
  const auto again = read(info->to_xml("urn:node"));
  ASSERT_TRUE(again);
  EXPECT_EQ(caps2_input(*again), caps2_input(*info));
  EXPECT_NE(info->to_xml("urn:node").find(" node='urn:node'"), std::string::npos);
}

TEST(DiscoInfo, LanguageAround_IsThatOfTheIdentities) {
  const std::string identity = "<identity category='c' type='t' name='n'/>";
  EXPECT_EQ(read(query(identity), "de")->identities.at(0).lang, "de");
  EXPECT_EQ(read("<query xmlns='http://jabber.org/protocol/disco#info' xml:lang='fr'>" + identity +
                     "</query>",
                 "de")
                ->identities.at(0)
                .lang,
            "fr");
}

// XEP-0390 section 4.1, steps 1 to 3.
TEST(DiscoInfo, WhatCannotBeHashed_IsRefused) {
  EXPECT_TRUE(read(query(form(field("FORM_TYPE", "urn:x")))));
  for (const std::string& content :
       {std::string("<other/>"), std::string("<feature xmlns='urn:other' var='a'/>"), form(""),
        form(field("FORM_TYPE", "")), form(field("a", "urn:x")),
        form(field("FORM_TYPE", "urn:x") + "<reported>" + field("a", "") + "</reported>"),
        form(field("FORM_TYPE", "urn:x") + "<item>" + field("a", "") + "</item>")}) {
    EXPECT_FALSE(read(query(content))) << content;
  }
}

}  // namespace
}  // namespace starling::xmpp
