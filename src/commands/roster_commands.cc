#include "commands/tables.h"

namespace starling::commands {

namespace {

constexpr Argument kLocalUser{"LOCALUSER", "whose roster: the part before the @", Type::user};
constexpr Argument kLocalHost{"LOCALHOST", "whose roster: a domain this server serves", Type::host};
constexpr Argument kContactUser{"USER", "the contact: the part before the @", Type::user};
constexpr Argument kContactHost{"HOST", "the contact: any domain", Type::domain};

}  // namespace

std::vector<Command> roster_commands() {
  return {
      reads({"get_roster",
             "roster",
             "List an account's contacts",
             {kUser, kHost, kAfter, kLimit},
             "Changes nothing. One contact a line, in byte order, by tabs: bare JID, name, "
             "subscription (none, to, from, both), what is asked for and not answered (none, out, "
             "in), groups by commas. The bare JID that a page ends with is AFTER of the next; one "
             "with fewer than LIMIT is the last.",
             "starlingctl get_roster alice example.org"}),
      reads({"get_roster_count",
             "roster",
             "Count an account's contacts",
             {kUser, kHost},
             "Changes nothing.",
             "starlingctl get_roster_count alice example.org"}),
      {"add_rosteritem",
       "roster",
       "Add a contact to an account's roster, or change it",
       {kLocalUser,
        kLocalHost,
        kContactUser,
        kContactHost,
        written("NICK", "the contact's name in the roster"),
        written("GROUPS", "its groups, by commas; '' for none"),
        {"SUBS", "the subscription", Type::choice, false, "none|to|from|both"}},
       "Pushed to the user's clients. The contact's own roster is not changed: for two who shall "
       "see each other call it twice. Fails if there is no such account, or its roster is full.",
       "starlingctl add_rosteritem alice example.org bob example.org Bob Friends,Work both"},
      {"delete_rosteritem",
       "roster",
       "Remove a contact from an account's roster",
       {kLocalUser, kLocalHost, kContactUser, kContactHost},
       "As if the user had done it: pushed to the user's clients, and subscriptions end on both "
       "sides. Fails if there is no such contact.",
       "starlingctl delete_rosteritem alice example.org bob example.org"},
  };
}

}  // namespace starling::commands
