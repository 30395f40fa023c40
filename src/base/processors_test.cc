#include "base/processors.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "base/temporary_folder.h"

namespace starling {
namespace {

class AllowedProcessors : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) { folder_.write(name, text); }
  std::uint64_t allowed() { return allowed_processors(folder_ / "proc", folder_ / "cgroup"); }

  const std::uint64_t all_ = std::max(1U, std::thread::hardware_concurrency());
  TemporaryFolder folder_;
};

TEST_F(AllowedProcessors, NoControlGroup_AllThereAre) {
  EXPECT_EQ(allowed(), all_);
}

TEST_F(AllowedProcessors, Version2_TheTightestOfTheGroupsAbove) {
  write("proc/self/cgroup", "0::/kubepods/pod1\n");
  write("cgroup/kubepods/pod1/cpu.max", "max 100000\n");
  EXPECT_EQ(allowed(), all_);
  write("cgroup/kubepods/cpu.max", "50000 100000\n");
  EXPECT_EQ(allowed(), 1U) << "half of one is one";
  write("cgroup/kubepods/cpu.max", "100000000 100000\n");
  EXPECT_EQ(allowed(), all_) << "no more than there are";
}

TEST_F(AllowedProcessors, Version1_TheCpuController) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/b\n");
  write("cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  write("cgroup/cpu/a/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(allowed(), all_);
  write("cgroup/cpu/a/cpu.cfs_quota_us", "100000\n");
  EXPECT_EQ(allowed(), 1U);
}

TEST_F(AllowedProcessors, Nonsense_IsNoLimit) {
  write("proc/self/cgroup", "0::/\n");
  for (const char* text : {"", "many", "1", "1 0", "0 \n"}) {
    write("cgroup/cpu.max", text);
    EXPECT_EQ(allowed(), all_) << text;
  }
}

}  // namespace
}  // namespace starling
