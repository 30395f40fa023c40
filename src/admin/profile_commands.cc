// vCards and private XML: through the modules that answer the account's own clients.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "admin/call.h"
#include "core/operations.h"
#include "xml/document.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::admin {

namespace {

using xmpp::StanzaType;

std::string empty_vcard() {
  xml::Writer w;
  w.open("vCard", xmpp::ns::kVcardTemp).close();
  return std::move(w).take();
}

Task<Result<xml::DocumentPtr>> vcard_of(core::Server* server, xmpp::Jid account) {
  const auto text = co_await core::ask_as(*server, account, StanzaType::get, empty_vcard());
  if (!text) co_return std::unexpected(text.error());
  auto document = xml::Document::parse(*text, xmpp::ns::kClient);
  if (!document) co_return fail(Errc::internal, "the stored vCard is damaged");
  co_return document;
}

// XEP-0054 section 3.3: a telephone number's kind is an empty element beside NUMBER.
constexpr std::string_view kTel = "TEL";
constexpr std::string_view kNumber = "NUMBER";

bool is_kind(const xml::Element& field, std::string_view subname) {
  return field.name() == kTel && subname != kNumber && field.child(subname, field.ns()).has_value();
}

// The field that `subname` is in, or is to be in.
bool holds(const xml::Element& field, std::string_view name, std::string_view subname) {
  if (field.name() != name) return false;
  return name != kTel || subname == kNumber || is_kind(field, subname);
}

bool valid_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Task<Result<Json>> get_field(core::Server* server, xmpp::Jid account, std::string name,
                             std::string subname) {
  const auto vcard = co_await vcard_of(server, account);
  if (!vcard) co_return std::unexpected(vcard.error());
  for (const xml::Element field : (*vcard)->root().children()) {
    if (subname.empty() && field.name() == name) co_return Json(field.text());
    if (subname.empty() || !holds(field, name, subname)) continue;
    const bool kind = is_kind(field, subname);
    const auto value = field.child(kind ? kNumber : std::string_view(subname), field.ns());
    if (value) co_return Json(value->text());
  }
  co_return fail(Errc::not_found,
                 "the vCard has no " + name + (subname.empty() ? std::string() : " " + subname));
}

// The vCard with this field in the place of the first of its kind.
std::string with_field(const xml::Element& vcard, const std::string& name,
                       const std::string& subname, const std::string& content) {
  constexpr std::string_view kNs = xmpp::ns::kVcardTemp;
  xml::Writer w;
  bool written = false;
  const auto write = [&](const std::optional<xml::Element>& old) {
    written = true;
    if (subname.empty()) {
      if (!content.empty()) w.open(name).text(content).close();
      return;
    }
    const bool kind = name == kTel && subname != kNumber;
    const std::string_view value = kind ? kNumber : std::string_view(subname);
    xml::Writer field;
    bool something = !content.empty();
    field.open(name);
    if (old) {
      for (const xml::Element child : old->children()) {
        if (child.name() == value) continue;
        something = something || !kind;
        field.raw(child.canonical(kNs));
      }
    } else if (kind) {
      field.open(subname).close();
    }
    if (!content.empty()) field.open(value).text(content).close();
    field.close();
    if (something) w.raw(field.view());
  };
  w.open("vCard", kNs);
  for (const xml::Element field : vcard.children()) {
    const bool this_one = subname.empty() ? field.name() == name : holds(field, name, subname);
    if (!this_one || written) {
      w.raw(field.canonical(kNs));
    } else {
      write(field);
    }
  }
  if (!written && !content.empty()) write(std::nullopt);
  w.close();
  return std::move(w).take();
}

Task<Result<Json>> set_field(core::Server* server, xmpp::Jid account, std::string name,
                             std::string subname, std::string content) {
  if (!valid_name(name) || (!subname.empty() && !valid_name(subname))) {
    co_return fail(Errc::invalid, "names of vCard fields are in capitals, as NICKNAME");
  }
  const auto vcard = co_await vcard_of(server, account);
  if (!vcard) co_return std::unexpected(vcard.error());
  std::string changed = with_field((*vcard)->root(), name, subname, content);
  const auto set = co_await core::ask_as(*server, account, StanzaType::set, std::move(changed));
  if (!set) co_return std::unexpected(set.error());
  co_return Json("set " + name + (subname.empty() ? std::string() : " " + subname) + " of " +
                 account.str());
}

Task<Result<Json>> get_vcard(Call call) {
  co_return co_await get_field(&call.server, call.account(), call.arguments[2], "");
}

Task<Result<Json>> get_vcard2(Call call) {
  co_return co_await get_field(&call.server, call.account(), call.arguments[2], call.arguments[3]);
}

Task<Result<Json>> set_vcard(Call call) {
  co_return co_await set_field(&call.server, call.account(), call.arguments[2], "",
                               call.arguments[3]);
}

Task<Result<Json>> set_vcard2(Call call) {
  if (call.arguments[3].empty()) co_return fail(Errc::invalid, "SUBNAME is empty");
  co_return co_await set_field(&call.server, call.account(), call.arguments[2], call.arguments[3],
                               call.arguments[4]);
}

Task<Result<Json>> set_nickname(Call call) {
  co_return co_await set_field(&call.server, call.account(), "NICKNAME", "", call.arguments[2]);
}

std::string private_query(std::string_view content) {
  xml::Writer w;
  w.open("query", xmpp::ns::kPrivate).raw(content).close();
  return std::move(w).take();
}

Task<Result<Json>> private_get(Call call) {
  xml::Writer wanted;
  wanted.open(call.arguments[2], call.arguments[3]).close();
  if (!xml::Document::parse(wanted.view()) || call.arguments[3].empty()) {
    co_return fail(Errc::invalid, "not an element's name and namespace");
  }
  std::string query = private_query(wanted.view());
  const auto answer =
      co_await core::ask_as(call.server, call.account(), StanzaType::get, std::move(query));
  if (!answer) co_return std::unexpected(answer.error());
  const auto document = xml::Document::parse(*answer, xmpp::ns::kClient);
  const auto element = document ? document->root().first_child() : std::nullopt;
  if (!element) co_return fail(Errc::internal, "the stored element is damaged");
  co_return Json(element->canonical(""));
}

Task<Result<Json>> private_set(Call call) {
  const auto element = xml::Document::parse(call.arguments[2]);
  if (!element) co_return fail(Errc::invalid, "ELEMENT is not one well-formed XML element");
  std::string query = private_query(element->root().canonical(xmpp::ns::kPrivate));
  const auto answer =
      co_await core::ask_as(call.server, call.account(), StanzaType::set, std::move(query));
  if (!answer) co_return std::unexpected(answer.error());
  co_return Json("set " + std::string(element->root().name()) + " of " + call.account().str());
}

}  // namespace

std::span<const Handler> profile_handlers() {
  static constexpr std::array kHandlers{
      Handler{"get_vcard", get_vcard, true},       Handler{"get_vcard2", get_vcard2, true},
      Handler{"set_vcard", set_vcard, true},       Handler{"set_vcard2", set_vcard2, true},
      Handler{"set_nickname", set_nickname, true}, Handler{"private_get", private_get, true},
      Handler{"private_set", private_set, true},
  };
  return kHandlers;
}

}  // namespace starling::admin
