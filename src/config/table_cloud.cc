// The options of what a node has to do with the provider of its machine.
#include "config/kinds.h"
#include "config/table.h"

namespace starling::config {

Field<Config> cloud() {
  using Options = CloudOptions;
  return option(
      &Config::cloud,
      section<Options>({
          option(&Options::provider,
                 choice<CloudProvider>({{"none", CloudProvider::none},
                                        {"aws", CloudProvider::aws},
                                        {"kubernetes", CloudProvider::kubernetes}}),
                 {.name = "provider",
                  .meaning = "`aws`: the node takes part in the life of its Auto Scaling group: it "
                             "completes the lifecycle hooks, drains when the group or a Spot "
                             "notice says so, publishes its utilisation, and its name and address "
                             "are the instance's. `kubernetes`: its name and address are those of "
                             "the variables POD_NAME and POD_IP. `none`: the machine is told "
                             "nothing, and SIGTERM is all that it tells.",
                  .when = "If the node runs there.",
                  .example = "aws"}),
          option(&Options::launch_hook, text("a name"),
                 {.name = "launch_hook",
                  .meaning = "The lifecycle hook of the group that waits until a new instance "
                             "serves. It need not exist.",
                  .when = "If the group calls it otherwise.",
                  .example = "chat-launch"}),
          option(&Options::terminate_hook, text("a name"),
                 {.name = "terminate_hook",
                  .meaning = "The lifecycle hook that waits until an instance that goes is empty.",
                  .when = "If the group calls it otherwise.",
                  .example = "chat-terminate"}),
          option(&Options::metrics_interval, duration(1, 3'600),
                 {.name = "metrics_interval",
                  .meaning = "How often the node publishes the metric `Utilisation`, in per cent, "
                             "to CloudWatch.",
                  .when = "60 seconds where scaling by the minute will do.",
                  .example = "60 seconds"}),
          option(&Options::metrics_namespace, text("a namespace of CloudWatch"),
                 {.name = "metrics_namespace",
                  .meaning = "The namespace of that metric.",
                  .when = "If the policy of the group looks for it elsewhere.",
                  .example = "Chat"}),
      }),
      {.name = "cloud",
       .meaning = "What the node and the provider of its machine tell each other. "
                  "docs/lifecycle.md says more.",
       .when = "On machines that come and go by themselves.",
       .example = "{ provider: aws }",
       .restart = true});
}

}  // namespace starling::config
