#include "cloud/lifecycle.h"

#include <utility>

#include "cloud/aws/agent.h"
#include "cloud/kubernetes.h"

namespace starling::cloud {

namespace {

// A provider that has nothing to say but who the machine is.
class Silent final : public Lifecycle {
 public:
  explicit Silent(Identity identity) : identity_(std::move(identity)) {}
  void start() override {}
  void stop() override {}
  [[nodiscard]] Identity identity() const override { return identity_; }
  [[nodiscard]] Order order() const override { return {Order::What::serve}; }
  void serving(NodeView& /*node*/) override {}
  void leaving() override {}
  void left() override {}

 private:
  const Identity identity_;
};

}  // namespace

bool asks_somebody(Provider provider) {
  return provider == Provider::aws;
}

std::unique_ptr<Lifecycle> make_lifecycle(const Options& options, const Environment& environment,
                                          EventLoop* loop, std::function<void()> news) {
  switch (options.provider) {
    case Provider::aws:
      return aws::make_agent(options, environment, *loop, std::move(news));
    case Provider::kubernetes:
      return std::make_unique<Silent>(kubernetes::identity(environment));
    case Provider::none:
      break;
  }
  return std::make_unique<Silent>(Identity{});
}

}  // namespace starling::cloud
