// What must hold once the faults are over (README.md says it in words).
#include <algorithm>

#include "sim/world.h"

namespace starling::sim {

// Devices that are still about to do something.
std::string World::unsettled() {
  for (const Device* device : devices_) {
    if (!device->quiet()) return device->jid().str() + " is not settled";
  }
  for (const auto& [machine, node] : machines_) {
    if (!node->running()) continue;
    for (const auto& stream : node->streams) {
      if (stream->detached()) return stream->jid().str() + " may be resumed";
    }
    for (const cluster::PeerStatus& peer : node->cluster().status()) {
      if (peer.waiting_bytes == 0) continue;
      return "node " + std::to_string(machine) + " has " + std::to_string(peer.waiting_bytes) +
             " bytes for node " + std::to_string(peer.member.epoch) + " that does not take them";
    }
  }
  return {};
}

// Every node that runs serves and has a row of its own, and nobody else has one.
std::string World::check_members() {
  std::set<std::uint64_t> running;
  std::set<std::uint16_t> slots;
  for (const auto& [machine, node] : machines_) {
    if (!node->running()) continue;
    if (!node->serving()) return "node " + std::to_string(machine) + " does not serve";
    running.insert(node->cluster().self());
    if (!slots.insert(node->slot()).second) return "two nodes have one slot";
  }
  const auto roll = ask(database_.inner().members()->read());
  if (!roll) return "the members cannot be read";
  for (const store::Member& member : roll->members) {
    if (running.erase(member.epoch) == 0) {
      return "there is a row of node " + std::to_string(member.epoch) + ", which is dead";
    }
  }
  if (!running.empty()) return "node " + std::to_string(*running.begin()) + " has no row";
  for (const auto& [machine, node] : machines_) {
    if (node->running() && node->cluster().others().size() + 1 != roll->members.size()) {
      return "node " + std::to_string(machine) + " does not know all others";
    }
  }
  return {};
}

// Nobody does it any more once somebody else has begun.
void World::chore_done(const std::string& name, std::uint64_t term) {
  std::uint64_t& last = terms_[name];
  if (term < last) {
    violated(name + " is done under term " + std::to_string(term) + " after " +
             std::to_string(last));
  }
  last = std::max(last, term);
}

// Every lease has one holder, and nobody many more than his share.
std::string World::check_leases() {
  std::map<std::string, int> holders;
  std::size_t nodes = 0;
  std::size_t most = 0;
  for (const auto& [machine, node] : machines_) {
    if (!node->running()) continue;
    ++nodes;
    std::size_t held = 0;
    for (const auto& chore : node->chores()) {
      holders[chore->name()] += chore->done_here() ? 1 : 0;
      held += chore->done_here() ? 1 : 0;
    }
    most = std::max(most, held);
  }
  for (const auto& [name, count] : holders) {
    if (count != 1) return name + " is done by " + std::to_string(count) + " nodes";
  }
  const std::size_t bound = (Chore::kChores * 5 + nodes * 4 - 1) / (nodes * 4);
  return most <= bound ? std::string() : "a node holds " + std::to_string(most) + " leases";
}

std::string World::others_say(const xmpp::Jid& account) {
  std::string said = "by machine:";
  for (const auto& [machine, node] : machines_) {
    if (!node->running()) continue;
    const auto known = node->cluster().homes().find(account.full());
    said += " " + std::to_string(machine) + "(" + std::to_string(node->cluster().self()) +
            "): " + std::to_string(known ? known->node : 0);
  }
  return said;
}

// The sessions of an account are at one node; all nodes know which; and they are those that are
// connected.
std::string World::check_homes() {
  std::map<std::string, Node*> homes;
  std::map<std::string, std::set<std::string>> sessions;  // by account
  std::string problem;
  for (const auto& [machine, node] : machines_) {
    if (!node->running()) continue;
    for (std::size_t i = 0; i < node->server().worker_count(); ++i) {
      core::Worker& worker = node->server().worker(i);
      worker.directory().for_each_account([&, at = node](const core::LocalAccount& account) {
        if (account.sessions.empty()) return;
        const std::string bare = account.bare.str();
        if (!homes.emplace(bare, at).second) problem = bare + " is at home at two nodes";
        for (const auto& session : account.sessions) sessions[bare].insert(session->jid.str());
      });
    }
  }
  if (!problem.empty()) return problem;
  std::map<std::string, std::set<std::string>> connected;
  for (const auto& [machine, node] : machines_) {
    if (!node->running()) continue;
    for (const auto& stream : node->streams) {
      if (stream->session() == nullptr) continue;
      if (!connected[stream->jid().to_bare().str()].insert(stream->jid().str()).second) {
        return stream->jid().str() + " is connected twice";
      }
    }
  }
  for (const auto& account : accounts_) {
    const std::string bare = account->jid.str();
    if (sessions[bare] != connected[bare]) {
      return bare + " has " + std::to_string(sessions[bare].size()) + " sessions at home, " +
             std::to_string(connected[bare].size()) + " connected";
    }
  }
  for (const Device* device : devices_) {
    const std::string bare = device->jid().to_bare().str();
    if (device->online() && !connected[bare].contains(device->jid().str())) {
      return device->jid().str() + " is online, but nobody knows";
    }
  }
  for (const auto& [machine, node] : machines_) {
    if (!node->running()) continue;
    for (const auto& account : accounts_) {
      const auto known = node->cluster().homes().find(account->jid.full());
      const auto truth = homes.find(account->jid.str());
      const std::uint64_t at = truth == homes.end() ? 0 : truth->second->cluster().self();
      if ((known ? known->node : 0) == at) continue;
      return "node " + std::to_string(machine) + " takes " +
             std::to_string(known ? known->node : 0) + " for the home of " + account->jid.str() +
             ", which is " + std::to_string(at) + "; " + others_say(account->jid);
    }
    if (node->cluster().homes().size() != homes.size()) {
      return "node " + std::to_string(machine) + " knows of more homes than there are";
    }
  }
  return {};
}

// Who is available sees which devices of its contacts are.
std::string World::check_presence() {
  // Presence is for now: what was lost on the way to a node out of reach is not made up for.
  if (split_ || late_ || missed_) return {};
  std::map<const Account*, std::set<std::string>> available;
  for (const auto& account : accounts_) {
    for (const auto& device : account->devices) {
      if (device->online()) available[account.get()].insert(device->jid().str());
    }
  }
  for (const Device* device : devices_) {
    if (!device->online()) continue;
    std::set<std::string> truth;
    for (const Account* contact : const_cast<Device*>(device)->account().contacts) {
      truth.insert(available[contact].begin(), available[contact].end());
    }
    for (const std::string& jid : truth) {
      if (!device->contacts().contains(jid)) {
        return device->jid().str() + " does not see that " + jid + " is available";
      }
    }
    const std::string own = device->jid().to_bare().str() + "/";
    for (const auto& [jid, unused] : device->contacts()) {
      if (jid.starts_with(own) || truth.contains(jid)) continue;
      return device->jid().str() + " does not see that " + jid + " is gone";
    }
  }
  return {};
}

void World::check_messages() {
  std::map<int, core::ArchiveId> archived;  // by the number of the message: the last of it
  for (const auto& account : accounts_) {
    const auto page = ask(database_.inner().logs().read(
        account->jid.str(), std::string(core::kArchiveLog), {}, 1'000'000, false));
    for (const auto& entry : page->entries) {
      const int number = message_in(entry.value);
      if (number > 0 && messages_[static_cast<std::size_t>(number)].to == account.get()) {
        archived[number] = entry.id;
      }
    }
  }
  for (std::size_t i = 1; i < messages_.size(); ++i) {
    const Message& message = messages_[i];
    if (!message.acknowledged || message.answered) continue;
    const std::string name = "m" + std::to_string(i);
    const auto entry = archived.find(static_cast<int>(i));
    if (entry == archived.end()) {
      // Its addressee has it; that it could not be stored the sender was told by an error, which
      // may have come for a session that was gone.
      if (message.seen || (split_ && outage_)) continue;
      violated(name + " to " + message.to->jid.str() + " was acknowledged and is not archived");
    } else if (message.to->managed && !message.seen) {
      violated(name + " to " + message.to->jid.str() +
               " was acknowledged and never handed out; it was archived in slot " +
               std::to_string(entry->second & 1'023U));
    }
  }
}

}  // namespace starling::sim
