#include "xmpp/data_form.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::xmpp {
namespace {

std::optional<DataForm> read(const std::string& xml) {
  const auto document = xml::Document::parse(xml);
  EXPECT_TRUE(document) << xml;
  return DataForm::parse(document->root());
}

std::string x(const std::string& type, const std::string& content) {
  return "<x xmlns='jabber:x:data' type='" + type + "'>" + content + "</x>";
}

TEST(DataForm, EverythingInIt_IsWrittenAndRead) {
  DataForm form = DataForm::make(DataForm::Type::form, "urn:example");
  form.title = "A <title>";
  form.instructions = {"One", "Two"};
  form.add({"f", FieldType::fixed, "", {"Words"}, {}, false});
  form.add({"", FieldType::fixed, "", {"More words"}, {}, false});
  form.add({"l", FieldType::list_multi, "Lists", {"a", "b"}, {{"A", "a"}, {"", "b"}}, true});
  for (const FieldType type :
       {FieldType::boolean, FieldType::hidden, FieldType::jid_multi, FieldType::jid_single,
        FieldType::list_single, FieldType::text_multi, FieldType::text_private,
        FieldType::text_single, FieldType::unspecified}) {
    form.add({"v" + std::to_string(static_cast<int>(type)), type, "L'&", {}, {}, false});
  }
  const auto again = read(form.to_xml());
  ASSERT_TRUE(again) << form.to_xml();
  EXPECT_EQ(*again, form);
  EXPECT_EQ(again->form_type(), "urn:example");
}

TEST(DataForm, Table_IsWrittenAndRead) {
  DataForm form = DataForm::make(DataForm::Type::result, "");
  form.reported = {{"a", FieldType::text_single, "A", {}, {}, false}};
  form.items = {{{"a", FieldType::unspecified, "", {"1"}, {}, false}},
                {{"a", FieldType::unspecified, "", {""}, {}, false}}};
  EXPECT_EQ(form.to_xml(), x("result",
                             "<reported><field type='text-single' label='A' var='a'/></reported>"
                             "<item><field var='a'><value>1</value></field></item>"
                             "<item><field var='a'><value/></field></item>"));
  EXPECT_EQ(read(form.to_xml()), form);
}

TEST(DataForm, Values_AreFoundByName) {
  const auto form = read(x("submit",
                           "<field var='a'><value>1</value><value>2</value></field>"
                           "<field var='none'/><field var='t'><value>true</value></field>"
                           "<field var='f'><value>0</value></field>"));
  ASSERT_TRUE(form);
  EXPECT_EQ(form->value("a"), "1");
  EXPECT_EQ(form->find("a")->values.size(), 2U);
  EXPECT_EQ(form->value("none"), "");
  EXPECT_EQ(form->value("missing"), "");
  EXPECT_EQ(form->find("missing"), nullptr);
  EXPECT_EQ(form->truth("t"), true);
  EXPECT_EQ(form->truth("a"), true);
  EXPECT_EQ(form->truth("f"), false);
  EXPECT_EQ(form->truth("none"), std::nullopt);
}

// Section 3.3: a type that is not understood is text-single; fields may come without any.
TEST(DataForm, UnknownType_IsTextSingle) {
  const auto form = read(x("form", "<field var='a' type='colour'/><field var='b'/>"));
  ASSERT_TRUE(form);
  EXPECT_EQ(form->find("a")->type, FieldType::text_single);
  EXPECT_EQ(form->find("b")->type, FieldType::unspecified);
}

TEST(DataForm, ForeignElements_AreIgnored) {
  const auto form = read(x("cancel", "<field xmlns='urn:other' var='a'/><other/>"));
  ASSERT_TRUE(form);
  EXPECT_EQ(form->type, DataForm::Type::cancel);
  EXPECT_TRUE(form->fields.empty());
}

TEST(DataForm, WhatIsNone_IsRefused) {
  for (const std::string& xml :
       {x("", ""), x("error", ""), std::string("<x xmlns='jabber:x:data'/>"),
        std::string("<x xmlns='urn:other' type='form'/>"),
        std::string("<y xmlns='jabber:x:data' type='form'/>"), x("submit", "<field/>"),
        x("submit", "<field var='a'/><field var='a'/>"), x("result", "<item><field/></item>"),
        x("result", "<reported><field var='a'/><field var='a'/></reported>")}) {
    EXPECT_FALSE(read(xml)) << xml;
  }
}

}  // namespace
}  // namespace starling::xmpp
