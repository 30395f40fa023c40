#include "starlingd/cloud.h"

#include <pthread.h>

#include <utility>

namespace starling::starlingd {

namespace {

cloud::Provider provider_of(config::CloudProvider provider) {
  switch (provider) {
    case config::CloudProvider::aws:
      return cloud::Provider::aws;
    case config::CloudProvider::kubernetes:
      return cloud::Provider::kubernetes;
    case config::CloudProvider::none:
      break;
  }
  return cloud::Provider::none;
}

}  // namespace

Cloud::Cloud(const config::Config& config, const config::Environment& environment,
             std::function<void()> news) {
  const cloud::Options options{.provider = provider_of(config.cloud.provider),
                               .launch_hook = config.cloud.launch_hook,
                               .terminate_hook = config.cloud.terminate_hook,
                               .metrics_interval = config.cloud.metrics_interval,
                               .metrics_namespace = config.cloud.metrics_namespace,
                               .folder = config.data_dir};
  if (cloud::asks_somebody(options.provider)) loop_ = std::make_unique<net::IoLoop>();
  lifecycle_ = cloud::make_lifecycle(options, environment.variables, loop_.get(), std::move(news));
  lifecycle_->start();
  if (!loop_) return;
  thread_ = std::thread([this] { loop_->run(); });
  pthread_setname_np(thread_.native_handle(), "cloud");
}

Cloud::~Cloud() {
  lifecycle_->stop();
  if (!loop_) return;
  loop_->stop();
  thread_.join();
}

}  // namespace starling::starlingd
