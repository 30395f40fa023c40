#include "core/archive_query.h"

#include <string_view>
#include <utility>

#include "base/clock.h"
#include "xml/writer.h"
#include "xmpp/data_form.h"
#include "xmpp/ns.h"

namespace starling::core {

using xmpp::DataForm;
using xmpp::StanzaCondition;
using xmpp::StanzaError;

namespace {

std::unexpected<StanzaError> refuse(StanzaCondition condition, std::string_view text) {
  return std::unexpected(StanzaError{condition, std::string(text), {}});
}

using Read = std::expected<void, StanzaError>;

Read read_jid(std::string_view value, xmpp::Jid& jid) {
  const auto parsed = xmpp::Jid::parse(value);
  if (!parsed) return refuse(StanzaCondition::jid_malformed, "with: not an address");
  jid = *parsed;
  return {};
}

Read read_time(std::string_view value, std::optional<std::int64_t>& us) {
  us = parse_xmpp_datetime(value);
  if (us) return {};
  return refuse(StanzaCondition::bad_request, "start or end: not a time as of XEP-0082");
}

Read read_ids(const std::vector<std::string>& values, std::vector<std::string>& ids) {
  if (values.size() > ArchiveQuery::kMaxIds) {
    return refuse(StanzaCondition::policy_violation, "ids: too many at once");
  }
  ids = values;
  return {};
}

// A field that was left empty is as one that is not there.
Read read_field(const DataForm::Field& field, ArchiveQuery& query) {
  const std::string_view value = field.values.empty() ? std::string_view() : field.values.front();
  if (field.var == "FORM_TYPE" || field.var.empty()) return {};
  if (field.var == "with") return value.empty() ? Read() : read_jid(value, query.with);
  if (field.var == "start") return value.empty() ? Read() : read_time(value, query.start_us);
  if (field.var == "end") return value.empty() ? Read() : read_time(value, query.end_us);
  if (field.var == "ids") return read_ids(field.values, query.ids);
  if (field.var == "after-id") {
    query.after_id = value;
  } else if (field.var == "before-id") {
    query.before_id = value;
  } else if (field.var != "include-groupchat") {
    // Groupchat messages are not archived here: either answer comes to the same.
    return refuse(StanzaCondition::feature_not_implemented, "no such field: " + field.var);
  }
  return {};
}

Read read_form(const xml::Element& x, ArchiveQuery& query) {
  const auto form = DataForm::parse(x);
  if (!form || form->type != DataForm::Type::submit || form->form_type() != xmpp::ns::kArchive) {
    return refuse(StanzaCondition::bad_request, "not a form of this archive, filled in");
  }
  for (const auto& field : form->fields) {
    if (auto read = read_field(field, query); !read) return read;
  }
  return {};
}

}  // namespace

std::expected<ArchiveQuery, StanzaError> ArchiveQuery::parse(const xml::Element& element) {
  ArchiveQuery query;
  if (element.attribute("node")) {
    return refuse(StanzaCondition::item_not_found, "an account's archive has no nodes");
  }
  query.query_id = element.attribute("queryid").value_or("");
  query.flipped = element.child("flip-page", xmpp::ns::kArchive).has_value();
  auto page = xmpp::PageRequest::parse(element);
  if (!page) return std::unexpected(std::move(page.error()));
  query.page = std::move(*page);
  if (const auto form = element.child("x", xmpp::ns::kDataForms)) {
    if (auto read = read_form(*form, query); !read) return std::unexpected(std::move(read.error()));
  }
  return query;
}

std::string archive_query_form() {
  xml::Writer w;
  w.open("query", xmpp::ns::kArchive);
  w.open("x", xmpp::ns::kDataForms).attribute("type", "form");
  const auto open_field = [&w](std::string_view type, std::string_view var) {
    w.open("field").attribute("type", type).attribute("var", var);
  };
  open_field("hidden", "FORM_TYPE");
  w.open("value").text(xmpp::ns::kArchive).close().close();
  open_field("jid-single", "with");
  w.close();
  for (const char* var : {"start", "end", "before-id", "after-id"}) {
    open_field("text-single", var);
    w.close();
  }
  // XEP-0122: any value, not one of a list.
  open_field("list-multi", "ids");
  w.open("validate", "http://jabber.org/protocol/xdata-validate");
  w.attribute("datatype", "xs:string").open("open").close().close().close();
  open_field("boolean", "include-groupchat");
  w.close().close().close();
  return std::move(w).take();
}

}  // namespace starling::core
