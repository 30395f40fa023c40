#include "commands/tables.h"

namespace starling::commands {

std::vector<Command> log_commands() {
  const std::vector<Argument> traced = {
      {"JID", "an account (bare JID) or one of its sessions (full JID)", Type::jid},
      {"COUNT", "how many stanzas to show; left out: without end", Type::integer, true}};
  return {
      reads({"get_loglevel",
             "logs",
             "Show from which level on each subsystem logs",
             {},
             "Changes nothing. One line a subsystem.",
             "starlingctl get_loglevel"}),
      {"set_loglevel",
       "logs",
       "Log more or less from now on",
       {{"LEVEL", "the least that is logged", Type::choice, false, "debug|info|warning|error"},
        {"SUBSYSTEM", "of one only; left out: of all", Type::choice, true,
         "net|stream|core|modules|store|bus|cluster|admin|cloud|starlingd"}},
       "In force until the next start or reload_config. Errors are always logged.",
       "starlingctl set_loglevel debug stream"},
      {"reopen_log",
       "logs",
       "Open the log file anew",
       {},
       "For logrotate, after it has renamed the file. Does nothing if the node logs to standard "
       "error. Fails, and goes on with the old file, if the new one cannot be made.",
       "starlingctl reopen_log"},
      {"rotate_log",
       "logs",
       "Rename the log file to NAME.0 and begin a new one",
       {},
       "An older NAME.0 is replaced. Fails if the node logs to standard error.",
       "starlingctl rotate_log"},
      reads(
          {"trace", "logs", "Show the stanzas of one account or session, live", traced,
           "Changes nothing. One line a stanza, as it passes, at whatever node: time, direction "
           "(in: from the client), stream, session, size in bytes, node, XML. What people write is "
           "not shown: text is replaced by its length, but for show and priority of presence and "
           "the texts of errors. Ctrl-C ends it, as does the node's stop. If a node has more than "
           "this terminal takes, it says how many are left out.",
           "starlingctl trace alice@example.org", true, false, true}),
      reads(
          {"trace_bodies", "logs", "The same, with what people write", traced,
           "Changes nothing. As `trace`, but that texts are shown; passwords and other secrets are "
           "not. Fails "
           "unless "
           "the option `trace_bodies` allows it; texts that pass at a node whose own configuration "
           "does not are shown as their lengths. Writes an audit record when it begins.",
           "starlingctl trace_bodies alice@example.org", true, false, true}),
      reads({"recent_log",
             "logs",
             "Show the last lines of all nodes' logs",
             {{"LEVEL", "the least that is shown; all if left out", Type::choice, true,
               "debug|info|warning|error"},
              {"LIMIT", "how many, 1000 at most; 100 if left out", Type::integer, true}},
             "Changes nothing. In order of time; `at_node` is the node that logged it. Each node "
             "remembers its last 1,000 lines, of those "
             "levels that it logs; what is not in the log is not here: no passwords, and nothing "
             "that "
             "people write.",
             "starlingctl recent_log warning"}),
      reads(
          {"follow_log",
           "logs",
           "Show the lines of all nodes' logs, live",
           {{"LEVEL", "the least that is shown; all if left out", Type::choice, true,
             "debug|info|warning|error"}},
           "Changes nothing. Asks the nodes every second. What they logged more than they remember "
           "(1,000 lines) in that time, or this terminal takes, is left out. Ctrl-C ends it, as "
           "does "
           "the node's stop.",
           "starlingctl follow_log warning",
           true,
           false,
           true}),
  };
}

}  // namespace starling::commands
