#include "base/log.h"
#include "commands/answer_tables.h"

namespace starling::commands::answers {

namespace {

Json levels() {
  std::vector<Field> fields;
  for (const auto name : log::kSubsystems) fields.push_back({name, log_level()});
  return object(fields);
}

// What else is in it depends on the event.
Json log_line() {
  Json schema = object({{"at_node", text("name of the node that has logged it")},
                        {"time", time()},
                        {"level", log_level()},
                        {"subsystem", text()},
                        {"event", text()}});
  schema["additionalProperties"] = Json::object();
  schema["additionalProperties"]["type"] = Json::array({"string", "number", "boolean"});
  return schema;
}

// The first one, stanzas, and between them how many there were that are not shown.
Json trace_line() {
  return any_of({object({{"tracing", text("the address; the first line")}}),
                 object({{"left_out", count("stanzas since the line before; the caller is slow")}}),
                 object({{"time", time()},
                         {"direction", choice({"in", "out"}, "in: from the client")},
                         {"stream", count()},
                         {"session", count()},
                         {"jid", text("of the session")},
                         {"size", count("bytes, as on the wire")},
                         {"trace_id", text("of a message; else empty")},
                         {"xml", text()},
                         maybe("node", text("its name, if it is in a cluster"))})});
}

Json left_out() {
  return count("more that were not shown, as the caller was slow");
}

}  // namespace

Table log_answers() {
  return {
      {"get_loglevel", levels()},
      {"set_loglevel", done()},
      {"reopen_log", done()},
      {"rotate_log", done()},
      {"trace", object({{"stanzas", count()}, {"left_out", left_out()}})},
      {"trace_bodies", object({{"stanzas", count()}, {"left_out", left_out()}})},
      {"recent_log", object({{"items", list(log_line())}, {"missing", missing()}})},
      {"follow_log", object({{"lines", count()}, {"left_out", left_out()}})},
  };
}

Table log_lines() {
  return {
      {"trace", trace_line()},
      {"trace_bodies", trace_line()},
      {"follow_log",
       any_of({object({{"following", text("the level; the first line")}}), log_line()})},
  };
}

}  // namespace starling::commands::answers
