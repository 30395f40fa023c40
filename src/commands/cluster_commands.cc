#include "commands/tables.h"

namespace starling::commands {

std::vector<Command> cluster_commands() {
  return {
      reads({"list_cluster",
             "cluster",
             "List the nodes of the cluster",
             {},
             "Changes nothing. One node a line, by tabs: its number, which is new at every start, "
             "name, "
             "address, state (joining, up, draining), version, sessions that are connected to it, "
             "where "
             "clients reach it if that is set (`cluster.client_address`), utilisation in per cent, "
             "stanzas a second that clients sent it, CPU in per cent of one core, bytes of memory, "
             "and "
             "what it does for all nodes (leases). Fails if this node is alone (SQLite).",
             "starlingctl list_cluster"}),
      reads(
          {"cluster_status",
           "cluster",
           "Show how the nodes of the cluster see each other",
           {},
           "Changes nothing. Asks every node; one line for each pair, by tabs: node, other node, "
           "whether it hears the other, milliseconds since it did, bytes that wait for the other, "
           "whether it knows the other's sessions, milliseconds since the other's lease was "
           "renewed, "
           "the other's version. A node that does not answer has one line that says so.",
           "starlingctl cluster_status"}),
      {"leave_cluster",
       "cluster",
       "Let a node leave the cluster",
       {{"NODE", "number or name of the node, as list_cluster has them; this one if left out",
         Type::text, true}},
       "The node takes no new accounts, lets its sessions go as `drain` in its configuration says, "
       "gives up its row and ends with exit code 0: what SIGTERM does. Clients with stream "
       "management go on at another node. Returns as soon as that has begun; `list_cluster` shows "
       "it, with the sessions that are left. Fails if no node, or more than one, has that name.",
       "starlingctl leave_cluster blue-1"},
      reads(
          {"where",
           "cluster",
           "Show where an account and its sessions are",
           {{"JID", "the address of an account, or of one of its sessions", Type::jid}},
           "Changes nothing. `home` is the node that has the account's sessions, wherever they are "
           "connected; `keeper` is the node that keeps what comes for an account without sessions; "
           "both are 0 if this node is alone. `offline` is how many messages wait. Of each "
           "session: "
           "the node of its connection, since when it is there, whether it is available, and its "
           "state: connected; detached (the connection is lost) or parked (its node has stopped), "
           "each with the time until which it can be resumed. Fails if there is no such account or "
           "session.",
           "starlingctl where juliet@example.org"}),
      reads(
          {"why",
           "cluster",
           "Tell what became of a message",
           {{"ID", "the id that its sender gave it, or the trace_id of a line in the log"},
            {"FROM", "its sender, as others may have used the same id", Type::jid, true}},
           "Changes nothing. Asks every node for what it has noted (`journal.size`); one line for "
           "each "
           "thing that happened, in order of time: when, at which node, and what. Never what the "
           "message says. Fails if no node knows of it.",
           "starlingctl why purple1f2a juliet@example.org"}),
      reads(
          {"advise",
           "cluster",
           "Say how many nodes of which size there should be",
           {{"USERS", "accounts that are planned; left out: what the last weeks were like",
             Type::integer, true},
            {"ONLINE", "per cent of them that have a session at the busiest time; 25 if left out",
             Type::integer, true}},
           "Changes nothing. One line for each usual size of a node: how many of them serve the "
           "load "
           "at "
           "its peak with 60 % utilisation, and with one of them gone; least and most nodes for a "
           "group "
           "that is scaled by utilisation; the cores and the memory of those at the peak; and what "
           "is "
           "fullest. What the load is taken to be stands first. The last weeks are what the nodes "
           "noted "
           "each hour, for five weeks. What a node can do is reckoned from its size, unless "
           "`capacity` says it: that is taken for each size alike. Fails if nothing was noted yet: "
           "give USERS.",
           "starlingctl advise --users 1000000"}),
      reads(
          {"cluster_events",
           "cluster",
           "Show what has happened in the cluster",
           {},
           "Changes nothing. One event a line, oldest first, 200 at most, by tabs: time, event, "
           "number and name of the node it is about. Events: joined, up, draining, left, died (it "
           "is gone and had not said so), unheard and heard (by the node whose number follows), "
           "lease (the node got the lease whose name and term follow). All nodes are asked for "
           "what "
           "they have seen since their start. Empty if this node is alone.",
           "starlingctl cluster_events"}),
      {"rebalance",
       "cluster",
       "Let nodes with too many sessions pass some on now",
       {},
       "Each node that has more than its share asks clients which can resume their session to go "
       "on "
       "at another node, as many a second as `balance.rate` says, even if `balance.mode` is off. "
       "Answers with how many each lets go, 0 if they are even. Who was moved within the last hour "
       "stays. Fails if this node is alone (SQLite).",
       "starlingctl rebalance"},
  };
}

}  // namespace starling::commands
