#include "xmpp/data_form.h"

#include <array>
#include <set>
#include <utility>

#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::xmpp {

namespace {

// In the order of FieldType.
constexpr std::array<std::string_view, 11> kFieldTypes{
    "",           "boolean",     "fixed",      "hidden",       "jid-multi",  "jid-single",
    "list-multi", "list-single", "text-multi", "text-private", "text-single"};
// In the order of DataForm::Type.
constexpr std::array<std::string_view, 4> kFormTypes{"form", "submit", "cancel", "result"};

// Section 3.3: an unknown type is text-single.
FieldType field_type(std::optional<std::string_view> name) {
  if (!name) return FieldType::unspecified;
  for (std::size_t i = 1; i < kFieldTypes.size(); ++i) {
    if (*name == kFieldTypes[i]) return static_cast<FieldType>(i);
  }
  return FieldType::text_single;
}

void write_field(xml::Writer& w, const DataForm::Field& field) {
  w.open("field").attribute_if("type", kFieldTypes[static_cast<std::size_t>(field.type)]);
  w.attribute_if("label", field.label).attribute_if("var", field.var);
  if (field.required) w.open("required").close();
  for (const auto& value : field.values) w.open("value").text(value).close();
  for (const auto& option : field.options) {
    w.open("option").attribute_if("label", option.label);
    w.open("value").text(option.value).close().close();
  }
  w.close();
}

void write_row(xml::Writer& w, std::string_view name, const DataForm::Row& row) {
  w.open(name);
  for (const auto& field : row) write_field(w, field);
  w.close();
}

DataForm::Field read_field(const xml::Element& element) {
  DataForm::Field field;
  field.var = element.attribute("var").value_or("");
  field.label = element.attribute("label").value_or("");
  field.type = field_type(element.attribute("type"));
  for (const xml::Element child : element.children()) {
    if (child.is("required", ns::kDataForms)) field.required = true;
    if (child.is("value", ns::kDataForms)) field.values.push_back(child.text());
    if (!child.is("option", ns::kDataForms)) continue;
    const auto value = child.child("value", ns::kDataForms);
    field.options.push_back({std::string(child.attribute("label").value_or("")),
                             value ? value->text() : std::string()});
  }
  return field;
}

// The fields of a form or of one row; false if they are not named as they must be.
bool read_fields(const xml::Element& parent, std::vector<DataForm::Field>& fields) {
  std::set<std::string> seen;
  for (const xml::Element child : parent.children()) {
    if (!child.is("field", ns::kDataForms)) continue;
    DataForm::Field field = read_field(child);
    const bool named = !field.var.empty();
    if (!named && field.type != FieldType::fixed) return false;
    if (named && !seen.insert(field.var).second) return false;
    fields.push_back(std::move(field));
  }
  return true;
}

}  // namespace

DataForm DataForm::make(Type type, std::string_view form_type) {
  DataForm form;
  form.type = type;
  if (!form_type.empty()) {
    form.add({"FORM_TYPE", FieldType::hidden, {}, {std::string(form_type)}, {}, false});
  }
  return form;
}

DataForm& DataForm::add(Field field) {
  fields.push_back(std::move(field));
  return *this;
}

DataForm& DataForm::add(std::string_view var, std::vector<std::string> values) {
  return add({std::string(var), FieldType::unspecified, {}, std::move(values), {}, false});
}

const DataForm::Field* DataForm::find(std::string_view var) const {
  for (const auto& field : fields) {
    if (field.var == var) return &field;
  }
  return nullptr;
}

std::string_view DataForm::value(std::string_view var) const {
  const Field* field = find(var);
  return field == nullptr || field->values.empty() ? std::string_view() : field->values.front();
}

std::optional<bool> DataForm::truth(std::string_view var) const {
  const std::string_view text = value(var);
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

std::string DataForm::to_xml() const {
  xml::Writer w;
  w.open("x", ns::kDataForms).attribute("type", kFormTypes[static_cast<std::size_t>(type)]);
  if (!title.empty()) w.open("title").text(title).close();
  for (const auto& text : instructions) w.open("instructions").text(text).close();
  for (const auto& field : fields) write_field(w, field);
  if (!reported.empty()) write_row(w, "reported", reported);
  for (const auto& item : items) write_row(w, "item", item);
  w.close();
  return std::move(w).take();
}

std::optional<DataForm> DataForm::parse(const xml::Element& x) {
  if (!x.is("x", ns::kDataForms)) return std::nullopt;
  DataForm form;
  const std::string_view type = x.attribute("type").value_or("");
  std::size_t known = 0;
  while (known < kFormTypes.size() && kFormTypes[known] != type) ++known;
  if (known == kFormTypes.size()) return std::nullopt;
  form.type = static_cast<Type>(known);
  if (!read_fields(x, form.fields)) return std::nullopt;
  for (const xml::Element child : x.children()) {
    if (child.is("title", ns::kDataForms)) form.title = child.text();
    if (child.is("instructions", ns::kDataForms)) form.instructions.push_back(child.text());
    const bool head = child.is("reported", ns::kDataForms);
    if (!head && !child.is("item", ns::kDataForms)) continue;
    Row row;
    if (!read_fields(child, row)) return std::nullopt;
    if (head) {
      form.reported = std::move(row);
    } else {
      form.items.push_back(std::move(row));
    }
  }
  return form;
}

}  // namespace starling::xmpp
