// DataForm: a form of fields (XEP-0004), as it is sent, filled in and sent back.
//
// A plain value. Reading is lenient, as the XEP asks: fields that mean nothing to the reader are
// for it to ignore, and types may be missing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xml/document.h"

namespace starling::xmpp {

// Section 3.3.
enum class FieldType : std::uint8_t {
  unspecified,  // not written: for submissions and results
  boolean,
  fixed,
  hidden,
  jid_multi,
  jid_single,
  list_multi,
  list_single,
  text_multi,
  text_private,
  text_single,
};

struct DataForm {
  enum class Type : std::uint8_t { form, submit, cancel, result };

  struct Option {
    std::string label;
    std::string value;
    bool operator==(const Option&) const = default;
  };
  struct Field {
    std::string var;
    FieldType type = FieldType::unspecified;
    std::string label;
    std::vector<std::string> values;
    std::vector<Option> options;
    bool required = false;
    bool operator==(const Field&) const = default;
  };
  using Row = std::vector<Field>;

  Type type = Type::form;
  std::string title;
  std::vector<std::string> instructions;
  std::vector<Field> fields;
  // A table instead of fields (section 3.4): its head, and its rows.
  Row reported;
  std::vector<Row> items;

  bool operator==(const DataForm&) const = default;

  // The form_type is the hidden field FORM_TYPE of XEP-0068; "" for none.
  static DataForm make(Type type, std::string_view form_type);
  DataForm& add(Field field);
  // A field of a result: no type, no label.
  DataForm& add(std::string_view var, std::vector<std::string> values);

  [[nodiscard]] const Field* find(std::string_view var) const;
  // The first value; "" if there is none.
  [[nodiscard]] std::string_view value(std::string_view var) const;
  // "true" and "1" are true; nullopt if it is neither true nor false, or missing.
  [[nodiscard]] std::optional<bool> truth(std::string_view var) const;
  [[nodiscard]] std::string_view form_type() const { return value("FORM_TYPE"); }

  // <x xmlns='jabber:x:data'/>
  [[nodiscard]] std::string to_xml() const;
  // nullopt if it is no <x/> of that namespace with a type that the XEP knows, if a field other
  // than a fixed one has no var, or if a var stands there twice.
  static std::optional<DataForm> parse(const xml::Element& x);
};

}  // namespace starling::xmpp
