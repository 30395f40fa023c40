#include "commands/tables.h"

namespace starling::commands {

namespace {

constexpr Argument kName{"NAME", "a field of XEP-0054, as FN, NICKNAME, BDAY, TITLE, ROLE, N, ORG"};
constexpr Argument kSubname{"SUBNAME", "a field in it, as N FAMILY, ORG ORGNAME, TEL HOME"};
constexpr Argument kContent = written("CONTENT", "the value; '' removes the field");

}  // namespace

std::vector<Command> profile_commands() {
  return {
      reads({"get_vcard",
             "vcard",
             "Show a field of an account's vCard",
             {kUser, kHost, kName},
             "Changes nothing. Fails if there is no such field.",
             "starlingctl get_vcard alice example.org NICKNAME"}),
      reads(
          {"get_vcard2",
           "vcard",
           "Show a field within a field of an account's vCard",
           {kUser, kHost, kName, kSubname},
           "Changes nothing. TEL with HOME, WORK, CELL and the like gives the number of that kind. "
           "Fails if there is no such field.",
           "starlingctl get_vcard2 alice example.org N FAMILY"}),
      {"set_vcard",
       "vcard",
       "Set a field of an account's vCard",
       {kUser, kHost, kName, kContent},
       "Fails if there is no such account.",
       "starlingctl set_vcard alice example.org FN 'Alice Liddell'"},
      {"set_vcard2",
       "vcard",
       "Set a field within a field of an account's vCard",
       {kUser, kHost, kName, kSubname, kContent},
       "TEL with HOME, WORK, CELL and the like sets the number of that kind. Fails if there is no "
       "such account.",
       "starlingctl set_vcard2 alice example.org N FAMILY Liddell"},
      {"set_nickname",
       "vcard",
       "Set NICKNAME of an account's vCard",
       {kUser, kHost, written("NICKNAME", "the name; '' removes it")},
       "Fails if there is no such account.",
       "starlingctl set_nickname alice example.org Alice"},
      {"private_get",
       "private",
       "Show an element of an account's private XML storage",
       {kUser, kHost, {"ELEMENT", "its name"}, {"NS", "its namespace"}},
       "Changes nothing (XEP-0049). An element that was never set is shown empty.",
       "starlingctl private_get alice example.org storage storage:bookmarks"},
      {"private_set",
       "private",
       "Set an element of an account's private XML storage",
       {kUser, kHost, written("ELEMENT", "XML, with a namespace of its own")},
       "As if a client had done it (XEP-0049). Fails if it is no such element.",
       "starlingctl private_set alice example.org '<storage xmlns=\"storage:bookmarks\"/>'"},
  };
}

}  // namespace starling::commands
