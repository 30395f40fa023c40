#include "commands/tables.h"

namespace starling::commands {

std::vector<Command> server_commands() {
  return {
      reads({"status",
             "server",
             "Show the node's version, uptime, hosts, workers and sessions",
             {},
             "Changes nothing. Fails if no node answers on the socket.",
             "starlingctl status"}),
      {"stop",
       "server",
       "Stop the node",
       {},
       "What SIGTERM does: lets all sessions go as `drain` in the configuration says, closes all "
       "streams and ends the process with exit code 0. Returns as soon as the node has begun to "
       "stop; `status` shows how far it is.",
       "starlingctl stop"},
      {"reload_config",
       "server",
       "Read the configuration and the certificates again",
       {},
       "As SIGHUP does: takes the new configuration as a whole or, if anything in it is wrong, not "
       "at all. Answers with what has changed, and which options wait for a restart.",
       "starlingctl reload_config",
       true},
      {"dump_config",
       "server",
       "Show the configuration in force",
       {{"FILE", "a new file of the node's user, in the place of the answer", Type::file, true}},
       "Every option with the value that counts, defaults and environment included, as YAML. "
       "Changes nothing but that it makes the file. Fails if there is such a file.",
       "starlingctl dump_config"},
      reads({"registered_vhosts",
             "server",
             "List the domains this server serves",
             {},
             "Changes nothing. One domain a line.",
             "starlingctl registered_vhosts"}),
      reads(
          {"stats",
           "server",
           "Show one number about the node",
           {{"NAME", "which", Type::choice, false,
             "registeredusers|onlineusers|onlineusersnode|uptimeseconds"}},
           "Changes nothing. registeredusers: accounts on all hosts; onlineusers, onlineusersnode: "
           "sessions; uptimeseconds: since the start.",
           "starlingctl stats onlineusers"}),
      reads({"stats_host",
             "server",
             "Show one number about a host",
             {{"NAME", "which", Type::choice, false, "registeredusers|onlineusers"}, kHost},
             "Changes nothing. registeredusers: accounts; onlineusers: sessions.",
             "starlingctl stats_host registeredusers example.org"}),
      reads({"doctor",
             "server",
             "Look for what makes trouble, and say what to do about it",
             {},
             "Checks certificates, DNS records, ports, file limits, clock, disk and memory. "
             "Changes nothing. Takes seconds, at most half a minute. Exit code 1 if there is an "
             "error, 0 if there are at most warnings.",
             "starlingctl doctor"}),
      reads({"metrics",
             "server",
             "Show all counters and gauges",
             {},
             "Changes nothing. In the text format of Prometheus.",
             "starlingctl metrics"}),
      {"backup",
       "backup",
       "Copy the whole database into a file",
       {{"FILE", "a new file; the node's user must be able to make it", Type::file}},
       "Accounts, rosters and archives as of one moment, while the node serves. The file has its "
       "name once it is complete, checked and on disk; only the node's user can read it. Answers "
       "with its size and what it holds. Fails if there is such a file, or the database is "
       "damaged.",
       "starlingctl backup /var/backups/starling.db",
       true},
      {"restore",
       "backup",
       "Put a backup in the place of a stopped node's database",
       {{"FILE", "a file that backup has made", Type::file},
        {"FOLDER", "the data_dir of the stopped node", Type::file}},
       "Checks the backup first, and keeps the database of before in FOLDER under a name with the "
       "date. Fails if a node runs there, or the backup is damaged or of a newer version; nothing "
       "is changed then.",
       "starlingctl restore /var/backups/starling.db /var/lib/starling",
       true,
       true},
      {"migrate_store",
       "backup",
       "Move a stopped node's database into PostgreSQL",
       {{"FOLDER", "the data_dir of the stopped node", Type::file},
        {"URL", "the PostgreSQL database, as the option `database` has it, or a file with it in"}},
       "Copies everything from SQLite, shows how far it is, then reads both and compares counts "
       "and checksums. Nothing in FOLDER is changed. Until it is done no node starts on that "
       "database. "
       "If it was interrupted, run it again: it goes on where it was. Fails if a node runs there, "
       "or the database is in use already. Afterwards set `database` and start the node.",
       "starlingctl migrate_store /var/lib/starling postgresql://starling@db.example.org/starling",
       true,
       true},
      reads(
          {"overview",
           "server",
           "Show the whole cluster at a glance",
           {},
           "Changes nothing. Its nodes with state, sessions, utilisation in per cent, version, "
           "seconds since the start, messages a second, CPU in per cent of one core and bytes of "
           "memory; the sums of that; how many messages, since the nodes were started, had been "
           "taken in and could be neither delivered nor kept (messages_lost, which should be 0); "
           "accounts and sessions by host; and alerts: what `doctor` "
           "found when it looked last (it is asked in the background, every five minutes at most), "
           "and nodes that are not heard, do not answer or drain. A node that has not answered "
           "after three seconds is named as missing.",
           "starlingctl overview"}),
      reads(
          {"load_last_hour",
           "server",
           "Show the load of the last hour",
           {},
           "Changes nothing. Every ten seconds, from `from` on: sessions, messages a second that "
           "clients sent, utilisation in per cent (the mean of the nodes), CPU in per cent of one "
           "core, bytes of memory; of all nodes together, and of each. Without `--format json` "
           "only the least, the "
           "mean, the most and the last of them. A node remembers what was since its start.",
           "starlingctl load_last_hour"}),
      reads({"list_hosts",
             "server",
             "List the hosts with their accounts and sessions",
             {},
             "Changes nothing. One host a line, by tabs: its domain, accounts (counted twice a "
             "minute "
             "at most), sessions at all nodes, and of the certificate that this node serves for it "
             "the end, and whether it is self-signed.",
             "starlingctl list_hosts"}),
      reads(
          {"list_options",
           "server",
           "List the options with their values, explained",
           {{"PREFIX", "what their names begin with", Type::text, true}},
           "Changes nothing. Of this node. One option a line, by tabs: name, value in force "
           "(hidden if it came from a file of its own), default, where the value was given "
           "(the file, line and column, an environment variable, or: default), what it takes, what "
           "it means, when "
           "to change it, an example, whether a change needs a reload or a restart, whether it may "
           "differ by host. Fails if there is none.",
           "starlingctl list_options modules.archive"}),
      reads(
          {"list_certificates",
           "server",
           "List the certificates that this node serves",
           {},
           "Changes nothing. One file a line, by tabs: hosts it is for, subject, issuer, begin and "
           "end of its validity, names in it, whether it is self-signed, file, fingerprint "
           "(SHA-256), "
           "and why it cannot be served if that is so.",
           "starlingctl list_certificates"}),
  };
}

}  // namespace starling::commands
