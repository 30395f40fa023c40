// The options of a cluster.
#include "config/kinds.h"
#include "config/table.h"

namespace starling::config {

namespace {

Kind<std::string> nats_url() {
  return url("a URL such as nats://user:password@bus.example.org:4222", {"nats://", "tls://"});
}

Kind<std::string> address_or_empty() {
  auto kind = ip_address();
  kind.read = [read = kind.read](std::string& target, const YAML::Node& node, Reading& reading) {
    if (node.IsScalar() && node.Scalar().empty()) {
      target.clear();
    } else {
      read(target, node, reading);
    }
  };
  return kind;
}

}  // namespace

Field<Config> cluster() {
  using Options = ClusterOptions;
  return option(
      &Config::cluster,
      section<Options>({
          option(&Options::name, text_or_empty("a name"),
                 {.name = "name",
                  .meaning = "What people call this node, in logs and listings. Nothing depends on "
                             "it; it may change, and another node may have the same.",
                  .when = "If the names of your machines say nothing.",
                  .example = "blue-1",
                  .unset = "what `cloud.provider` calls the machine, else its host name"}),
          option(&Options::address, address_or_empty(),
                 {.name = "address",
                  .meaning = "The IP address at which other nodes reach this one.",
                  .when = "If it is not the one from which this node reaches the database: with "
                          "several networks, or the database on the same machine.",
                  .example = "10.0.1.7",
                  .unset = "the machine's by `cloud.provider`, else the one from which it reaches "
                           "the database"}),
          option(&Options::port, number<std::uint16_t>("", 0, 65'535),
                 {.name = "port",
                  .meaning = "The TCP port for other nodes, which its nats-server listens on. 0: a "
                             "free one. Only nodes need to reach it: no client, nobody else.",
                  .when = "If another program has it; for several nodes on one machine.",
                  .example = "6333"}),
          option(&Options::bus, nats_url(),
                 {.name = "bus",
                  .meaning = "NATS servers that are there already; then the node starts none of "
                             "its own. All nodes of a cluster must have the same.",
                  .when = "If you run NATS anyway.",
                  .example = "nats://starling:secret@bus.example.org:4222",
                  .unset = "a nats-server of its own"}),
          option(&Options::client_address, text_or_empty("a host and a port"),
                 {.name = "client_address",
                  .meaning = "Where clients reach this node itself. When another node leaves, it "
                             "sends its clients here directly (<see-other-host/>, RFC 6120 "
                             "section 4.9.3.19); they go on to expect the certificate of their "
                             "host.",
                  .when = "If clients can reach the nodes one by one, past any load balancer.",
                  .example = "chat1.example.org:5222",
                  .unset = "clients connect again as they did before"}),
          option(&Options::nats_server, text_or_empty("the path of a program"),
                 {.name = "nats_server",
                  .meaning = "The program nats-server.",
                  .when = "If it is none of /usr/sbin, /usr/bin, /usr/local/bin or the PATH.",
                  .example = "/opt/nats/nats-server",
                  .unset = "nats-server, where programs usually are"}),
          option(&Options::renew, duration(1, 60),
                 {.name = "renew",
                  .meaning = "How often the node renews its row in the database.",
                  .when = "Hardly ever. All times of a cluster must be the same on all nodes, and "
                          "`renew` < `suspect` < `fence` < `dead`.",
                  .example = "1 second"}),
          option(&Options::suspect, duration(2, 300),
                 {.name = "suspect",
                  .meaning = "A node whose row was not renewed for so long is taken for troubled: "
                             "no new accounts go there.",
                  .when = "Hardly ever.",
                  .example = "10 seconds"}),
          option(&Options::fence, duration(3, 600),
                 {.name = "fence",
                  .meaning = "A node that could not renew its row for so long ends its sessions, "
                             "since others may soon take its place, and serves again when it can.",
                  .when = "Longer, with `dead`, if your database is away for longer at times.",
                  .example = "30 seconds"}),
          option(&Options::dead, duration(5, 900),
                 {.name = "dead",
                  .meaning = "A node whose row was not renewed for so long is dead: any other "
                             "removes it.",
                  .when = "With `fence`, and longer than that by several seconds.",
                  .example = "45 seconds"}),
      }),
      {.name = "cluster",
       .meaning = "Nodes that share a PostgreSQL `database` are a cluster; nothing has to be set "
                  "for that. docs/cluster.md says more.",
       .when = "For several networks or nodes on one machine, or NATS that is there already.",
       .example = "{ address: 10.0.1.7 }",
       .restart = true});
}

}  // namespace starling::config
