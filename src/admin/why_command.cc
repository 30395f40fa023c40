// Why: what became of a message, from the journals (core/journal.h) of all nodes.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "admin/call.h"
#include "admin/every_node.h"
#include "base/clock.h"
#include "base/run_on.h"
#include "core/archive.h"
#include "core/journal.h"

namespace starling::admin {

namespace {

using core::Journal;
using Event = Journal::Event;

constexpr const char* kProcedure = "journal";

template <std::size_t N>
std::string text(const std::array<char, N>& bytes, std::size_t size) {
  return {bytes.data(), size};
}

std::string node(std::uint64_t number) {
  return "node " + std::to_string(number);
}

// The entry, for people.
std::string story(const Journal::Entry& entry, const core::ArchiveUid& uid) {
  const std::string to = text(entry.to, entry.to_size);
  const std::string behind = text(entry.text, entry.text_size);
  const std::string client = to.substr(0, to.find('/')) + "/" + behind;
  const std::string archive_id = uid.encode(entry.number);
  switch (entry.event) {
    case Event::received:
      return "came from its client at " + behind + ", session " + std::to_string(entry.number);
    case Event::received_here:
      return "came from " + node(entry.number) + ", where its sender is connected";
    case Event::made_here:
      return "made here, by a command or from what a crash has left";
    case Event::refused:
      return "refused: its sender may not send it (" + behind + ")";
    case Event::to_home:
      return "sent on to " + node(entry.number) + ", the home of its sender";
    case Event::to_node:
      return "sent on to " + node(entry.number) + ", which has to do with its addressee";
    case Event::from_node:
      return "came from " + node(entry.number);
    case Event::to_worker:
      return "handed to the addressee's worker, " + std::to_string(entry.number);
    case Event::behind_others:
      return "its addressee has moved: it waits until " + node(entry.number) +
             " has dealt with what was sent there before";
    case Event::node_gone:
      return node(entry.number) + " is gone before it had dealt with it: routed again";
    case Event::sent_archived:
      return "into the archive of its sender, as " + archive_id;
    case Event::archived:
      return "into the archive of its addressee, as " + archive_id;
    case Event::kept:
      return "kept until it is delivered, and in no archive";
    case Event::not_written:
      return "the database has not taken it";
    case Event::waits:
      return "nobody can have it now: it waits for a session of its addressee";
    case Event::offered:
      return "out of what has waited, for " + client;
    case Event::delivered:
      return "written to " + client + ", which does not acknowledge; session " +
             std::to_string(entry.number);
    case Event::sent:
      return "sent to " + client + ", which is to acknowledge it; session " +
             std::to_string(entry.number);
    case Event::queued:
      return "queued for " + client + ", whose connection is lost; session " +
             std::to_string(entry.number);
    case Event::sent_again:
      return "sent again to " + client + ", which has resumed; session " +
             std::to_string(entry.number);
    case Event::to_connection:
      return "sent on to " + node(entry.number) + ", where " + client + " is connected";
    case Event::inactive:
      return client + " is inactive: what only tells that somebody types is not sent to it";
    case Event::acknowledged:
      return "acknowledged by " + client;
    case Event::returned:
      return "a session has ended that had not acknowledged it";
    case Event::blocked:
      return "its addressee has blocked its sender";
    case Event::no_account:
      return "there is no such account";
    case Event::dropped:
      return "nobody is there to have it, and it is not of the kind that is kept";
    case Event::bounced:
      return "its sender is told: " + behind;
  }
  return "?";
}

// The other node that the entry tells of; 0: none.
std::uint64_t other_node(const Journal::Entry& entry) {
  switch (entry.event) {
    case Event::received_here:
    case Event::to_home:
    case Event::to_node:
    case Event::from_node:
    case Event::behind_others:
    case Event::node_gone:
    case Event::to_connection:
      return entry.number;
    default:
      return 0;
  }
}

// `worker`: in whose journal it is.
Json describe(const Journal::Entry& entry, std::size_t worker, const core::ArchiveUid& uid) {
  Json one = Json::object();
  one["time"] = xmpp_datetime_us(entry.time_us);
  one["node"] = 0;
  one["name"] = "";
  one["event"] = core::to_string(entry.event);
  one["what"] = (entry.is_error ? "the error: " : "") + story(entry, uid);
  one["trace_id"] = entry.trace_id().str();
  one["id"] = text(entry.id, entry.id_size);
  one["from"] = text(entry.from, entry.from_size);
  one["to"] = text(entry.to, entry.to_size);
  one["error"] = entry.is_error;
  one["other_node"] = other_node(entry);
  one["worker"] = worker;
  one["other_worker"] = entry.event == Event::to_worker ? Json(entry.number) : Json();
  return one;
}

// Of this node. `arguments`: {id, from}.
Task<Result<std::string>> journal_here(core::Server& server, std::string arguments) {
  const auto asked = Json::parse(arguments, nullptr, false);
  if (!asked.is_object() || !asked.contains("id") || !asked.contains("from")) {
    co_return fail(Errc::invalid, "not a question about a message");
  }
  const auto id = asked["id"].get<std::string>();
  const auto from = xmpp::Jid::parse(asked["from"].get<std::string>()).value_or(xmpp::Jid());
  Json answer = {{"on", false}, {"forgotten_until_us", 0}, {"entries", Json::array()}};
  for (std::size_t i = 0; i < server.worker_count(); ++i) {
    core::Worker& worker = server.worker(i);
    const auto look = [&worker, id, from] {
      Journal& journal = worker.journal();
      return std::tuple(journal.on(), journal.forgotten_until_us(), journal.find(id, from));
    };
    const auto [on, forgotten_until_us, entries] = co_await run_on(worker.loop(), look);
    if (on) answer["on"] = true;
    if (forgotten_until_us > answer["forgotten_until_us"].get<std::int64_t>()) {
      answer["forgotten_until_us"] = forgotten_until_us;
    }
    for (const Journal::Entry& entry : entries) {
      answer["entries"].push_back(describe(entry, i, worker.archive().uid()));
    }
  }
  co_return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What comes out of an archive bears no trace id any more. If one message only has its addresses,
// it is that.
void give_trace_ids(std::vector<Json>& entries) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> known;
  const auto addresses = [](const Json& entry) {
    return std::pair(entry["from"].get<std::string>(), entry["to"].get<std::string>());
  };
  for (const Json& entry : entries) {
    if (entry["trace_id"] != "") known[addresses(entry)].insert(entry["trace_id"]);
  }
  for (Json& entry : entries) {
    if (entry["trace_id"] != "") continue;
    const auto found = known.find(addresses(entry));
    if (found != known.end() && found->second.size() == 1) {
      entry["trace_id"] = *found->second.begin();
    }
  }
}

// Each message's entries, in order of time; the messages as they came.
std::vector<std::vector<Json>> by_message(std::vector<Json> entries) {
  std::multimap<std::string, Json> by_time;  // at one time as they were noted
  for (Json& entry : entries) {
    auto time = entry["time"].get<std::string>();
    by_time.emplace(std::move(time), std::move(entry));
  }
  std::vector<std::vector<Json>> messages;
  std::map<std::string, std::size_t> places;
  for (auto& [unused, entry] : by_time) {
    const auto [place, added] = places.emplace(entry["trace_id"], messages.size());
    if (added) messages.emplace_back();
    messages[place->second].push_back(std::move(entry));
  }
  return messages;
}

// True if `sent` says that the message leaves for where `came` says that it arrives.
bool precedes(const Json& sent, const Json& came) {
  if (sent["event"] == "to_worker") {
    return sent["node"] == came["node"] && sent["other_worker"] == came["worker"] &&
           sent["error"] == came["error"];
  }
  if (sent["other_node"] != came["node"]) return false;
  const std::string left = sent["event"];
  const std::string arrived = came["event"];
  if (left == "to_connection") {
    return arrived == "sent" || arrived == "delivered" || arrived == "queued";
  }
  return came["other_node"] == sent["node"] && ((left == "to_node" && arrived == "from_node") ||
                                                (left == "to_home" && arrived == "received_here"));
}

// The nodes' clocks differ by a little, and a worker's time is that of its turn, so what one sent
// may bear a later time than its arrival at the other: one worker's entries stay in their order,
// and nothing arrives before it was sent.
std::vector<Json> in_order(std::vector<Json> entries) {
  constexpr std::size_t kMost = 200;  // a story of more is none, and would take long
  if (entries.size() > kMost) return entries;
  std::vector<Json> ordered;
  const auto waits = [&entries](std::size_t i) {
    for (std::size_t j = 0; j < entries.size(); ++j) {
      const bool earlier_here = j < i && entries[j]["node"] == entries[i]["node"] &&
                                entries[j]["worker"] == entries[i]["worker"];
      if (earlier_here || (j != i && precedes(entries[j], entries[i]))) return true;
    }
    return false;
  };
  while (!entries.empty()) {
    std::size_t next = 0;
    while (next < entries.size() && waits(next)) ++next;
    if (next == entries.size()) next = 0;  // they contradict each other
    ordered.push_back(std::move(entries[next]));
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(next));
  }
  return ordered;
}

Error unknown(const Call& call, const std::vector<NodeAnswer>& answers) {
  std::int64_t forgotten_until_us = 0;
  bool on = false;
  std::string silent;
  for (const NodeAnswer& one : answers) {
    if (!one.answer) {
      silent += "; node " + std::to_string(one.node) + ": " + one.answer.error().message;
      continue;
    }
    on = on || (*one.answer)["on"] == true;
    forgotten_until_us =
        std::max(forgotten_until_us, (*one.answer)["forgotten_until_us"].get<std::int64_t>());
  }
  std::string text = "nothing is known of a message with the id " + call.text(0);
  if (!call.text(1).empty()) text += " from " + call.text(1);
  if (!on) {
    text += ": nothing is noted (journal.size is 0)";
  } else if (forgotten_until_us == 0) {
    text += " since the nodes were started";
  } else {
    text += ": what was before " + xmpp_datetime_us(forgotten_until_us) +
            " may be forgotten (journal.size)";
  }
  return {Errc::not_found, text + silent};
}

Task<Result<Json>> why(Call call) {
  if (call.arguments[0].empty()) co_return fail(Errc::invalid, "ID is empty");
  const Json question = {{"id", call.text(0)}, {"from", call.text(1)}};
  const auto answers =
      co_await ask_every_node(call.server, kProcedure, journal_here, question.dump());
  std::vector<Json> entries;
  for (const NodeAnswer& one : answers) {
    if (!one.answer) continue;
    for (Json entry : (*one.answer)["entries"]) {
      entry["node"] = one.node;
      entry["name"] = one.name;
      entries.push_back(std::move(entry));
    }
  }
  if (entries.empty()) co_return std::unexpected(unknown(call, answers));
  give_trace_ids(entries);
  Json result = Json::array();
  for (std::vector<Json>& message : by_message(std::move(entries))) {
    for (Json& entry : in_order(std::move(message))) result.push_back(std::move(entry));
  }
  for (const NodeAnswer& one : answers) {
    if (one.answer) continue;
    result.push_back({{"time", xmpp_datetime_us(wall_clock_us())},
                      {"node", one.node},
                      {"name", one.name},
                      {"event", "no_answer"},
                      {"what", "what it knows is missing: " + one.answer.error().message},
                      {"trace_id", ""},
                      {"id", ""},
                      {"from", ""},
                      {"to", ""},
                      {"error", false},
                      {"other_node", 0},
                      {"worker", nullptr},
                      {"other_worker", nullptr}});
  }
  co_return result;
}

}  // namespace

std::span<const Handler> why_handlers() {
  static constexpr std::array kHandlers{Handler{"why", why}};
  return kHandlers;
}

void add_why_procedures(core::Procedures& procedures) {
  procedures[kProcedure] = journal_here;
}

}  // namespace starling::admin
