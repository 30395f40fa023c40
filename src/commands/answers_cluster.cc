#include <utility>

#include "commands/answer_tables.h"

namespace starling::commands::answers {

namespace {

// "unknown": the node has not told.
Json known() {
  return or_text(count(), "unknown");
}

// What all events of the cluster have.
std::vector<Field> about_node(Json event) {
  return {{"time", time()},
          {"event", std::move(event)},
          {"node", count("number of the node that it is about")},
          {"name", text("of that node")}};
}

Json cluster_event() {
  return any_of(
      {object(about_node(choice({"joined", "up", "draining", "left", "died"}))),
       object(with({"by", count("number of the node that says so")},
                   about_node(choice({"heard", "unheard"})))),
       object(with({"lease", text()}, with({"term", count()}, about_node(choice({"lease"})))))});
}

// As core/journal.h has them; and no_answer.
Json message_event() {
  return choice(
      {"received",  "received_here", "made_here",     "refused",   "to_home",       "to_node",
       "from_node", "behind_others", "to_worker",     "node_gone", "sent_archived", "archived",
       "kept",      "not_written",   "waits",         "offered",   "delivered",     "sent",
       "queued",    "sent_again",    "to_connection", "inactive",  "acknowledged",  "returned",
       "blocked",   "no_account",    "dropped",       "bounced",   "no_answer"},
      "no_answer: what this node knows is missing");
}

}  // namespace

Table cluster_answers() {
  return {
      {"list_cluster",
       list(object({{"node", count("its number, new at every start")},
                    {"name", text()},
                    {"address", text("of its bus")},
                    {"state", node_state()},
                    {"version", text()},
                    {"sessions", known()},
                    {"client_address", text("where clients reach it; empty: not directly")},
                    {"utilisation", known()},
                    {"stanzas_per_second", known()},
                    {"cpu_percent", known()},
                    {"memory", known()},
                    {"leases", list(text(), "what it does for all nodes")},
                    {"hears", list(count(), "numbers of nodes")},
                    {"drain_left", or_null(count("sessions; null: it does not drain"))},
                    {"drain_began_with", or_null(count("sessions"))}}))},
      {"cluster_status",
       list(any_of({object({{"node", count()},
                            {"other", count("number of the node that it sees so")},
                            {"hears", flag()},
                            {"heard_ms_ago", integer("-1: never")},
                            {"waiting_bytes", count("for the other")},
                            {"knows_sessions", flag("of the other")},
                            {"lease_ms_ago", integer("since the other's lease was renewed")},
                            {"version", text("of the other")}}),
                    object({{"node", count()}, {"error", text("why it does not answer")}})}))},
      {"leave_cluster", done()},
      {"where",
       object({{"jid", text("the account")},
               maybe("home", count("number of the node that has its sessions; 0: it is alone")),
               maybe("keeper", count("without sessions: number of the node that keeps what comes")),
               maybe("name", text("of that node, if it is in a cluster")),
               maybe("address", text("of that node, if it is in a cluster")),
               {"worker", count("of that node")},
               {"why", text("it is that node, in words for people")},
               {"offline", count("messages that wait")},
               {"sessions",
                list(object({{"resource", text()},
                             {"connected_to", or_text(count("number of a node"), "")},
                             {"since", or_text(time(), "")},
                             {"available", flag()},
                             {"state", choice({"connected", "detached", "parked", "unknown"})},
                             {"until", or_text(time("it can be resumed"), "")}}))}})},
      {"why", list(object({{"time", time()},
                           {"node", count("its number; 0: it is alone")},
                           {"name", text("of the node; empty: it is alone")},
                           {"event", message_event()},
                           {"what", text("the same in words for people")},
                           {"trace_id", text()},
                           {"id", text("that its sender gave the message")},
                           {"from", text()},
                           {"to", text()},
                           {"error", flag("about the error that came back")},
                           {"other_node", count("from or to which it goes; 0: none")},
                           {"worker", or_null(count())},
                           {"other_worker", or_null(count("it is handed to"))}}))},
      {"advise",
       object({{"load", text("what it is taken to be, in words for people")},
               {"target", text("in words for people")},
               {"groups", list(object({{"cores", count("of a node")},
                                       {"gib", count("memory of a node")},
                                       {"nodes", count("at the peak")},
                                       {"minimum", count("nodes")},
                                       {"maximum", count("nodes")},
                                       {"all_cores", count("at the peak")},
                                       {"all_gib", count("at the peak")},
                                       {"limit", choice({"sessions", "stanzas", "cpu", "memory"},
                                                        "what is fullest")}}))}})},
      {"cluster_events", object({{"items", list(cluster_event())}, {"missing", missing()}})},
      {"rebalance",
       object({{"moving", count("sessions that are asked to go")},
               {"nodes", list(object({{"node", count()}, {"name", text()}, {"moving", count()}}))},
               {"missing", missing()}})},
  };
}

}  // namespace starling::commands::answers
