#include "commands/answer_tables.h"

namespace starling::commands::answers {

namespace {

// null: the node has not told.
Json told() {
  return or_null(count());
}

// One value a step; null where nothing was noted.
std::vector<Field> series() {
  const Json values = list(or_null(count()));
  return {{"sessions", values},
          {"messages_per_second", values},
          {"utilisation", values},
          {"cpu", values},
          {"memory", values}};
}

}  // namespace

Table server_answers() {
  return {
      {"status", object({{"version", text()},
                         {"uptime_seconds", count()},
                         {"hosts", list(text())},
                         {"workers", count()},
                         {"sessions", count()},
                         {"draining", flag()},
                         maybe("sessions_before", count("when it began to drain")),
                         maybe("draining_seconds", count("since then"))})},
      {"stop", done()},
      {"reload_config", list(text(), "what has changed, in words for people")},
      {"dump_config", text("YAML; with `file`: that it was written")},
      {"registered_vhosts", list(text())},
      {"stats", count()},
      {"stats_host", count()},
      {"doctor", list(object({{"state", choice({"ok", "warning", "error"})},
                              {"check", text("what was looked at: certificate, dns, port, ...")},
                              {"what", text()},
                              {"advice", text("what to do; empty: nothing")}}))},
      {"metrics", text("in the text format of Prometheus")},
      {"overview",
       object({{"nodes", list(object({{"id", count("its number; 0: it is alone")},
                                      {"name", text()},
                                      {"state", node_state()},
                                      {"sessions", told()},
                                      {"utilisation", told()},
                                      {"version", or_null(text())},
                                      {"uptime", told()},
                                      {"messages_per_second", told()},
                                      {"cpu", told()},
                                      {"memory", told()}}),
                              "null: the node has not told")},
               {"sessions", count()},
               {"accounts", count()},
               {"messages_per_second", count()},
               {"messages_lost", count("since the nodes were started; should be 0")},
               {"utilisation", count("per cent, on average of the nodes")},
               {"alerts",
                list(object({{"severity", choice({"warning", "error"})}, {"text", text()}}))},
               {"hosts",
                list(object({{"host", text()}, {"accounts", count()}, {"sessions", count()}}))},
               {"missing", missing()}})},
      {"load_last_hour",
       object({{"step_s", count("seconds from one value to the next")},
               {"from", time("of the first values")},
               {"series", object(series())},
               {"nodes", map_of(object(with({"from", time()}, series())), "by name of the node")},
               {"missing", missing()}})},
      {"list_hosts",
       object(
           {{"items", list(object({{"host", text()},
                                   {"accounts", count()},
                                   {"sessions", count()},
                                   {"certificate", or_null(object({{"not_after", time()},
                                                                   {"self_signed", flag()}}))}}))},
            {"missing", missing()}})},
      {"list_options",
       object({{"items", list(object({{"name", text()},
                                      {"value", text("in force, as YAML")},
                                      {"default", text()},
                                      {"from", text("where it was given; default: nowhere")},
                                      {"type", text("what it takes")},
                                      {"meaning", text()},
                                      {"when", text("to change it")},
                                      {"example", text()},
                                      {"change_needs", choice({"reload", "restart"})},
                                      {"per_host", flag("it may differ by host")}}))}})},
      {"list_certificates",
       object(
           {{"items", list(object({{"hosts", list(text(), "it is served for")},
                                   {"subject", text()},
                                   {"issuer", text()},
                                   {"not_before", time()},
                                   {"not_after", time()},
                                   {"names", list(text(), "in it")},
                                   {"self_signed", flag()},
                                   {"file", text()},
                                   {"fingerprint", text("SHA-256")},
                                   {"error", text("why it cannot be served; empty: it can")}}))}})},
      {"backup", object({{"file", text()},
                         {"bytes", count()},
                         {"accounts", count()},
                         {"map_entries", count()},
                         {"log_entries", count()}})},
  };
}

}  // namespace starling::commands::answers
