#include "base/memory.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/temporary_folder.h"

namespace starling {
namespace {

class AllowedMemory : public testing::Test {
 protected:
  AllowedMemory() { write("proc/meminfo", "MemTotal:        8000 kB\nMemFree:         1000 kB\n"); }
  void write(const std::string& name, const std::string& text) { folder_.write(name, text); }
  std::uint64_t allowed() { return allowed_memory(folder_ / "proc", folder_ / "cgroup"); }

  TemporaryFolder folder_;
};

constexpr std::uint64_t kTotal = 8'000 * 1024;

TEST_F(AllowedMemory, NoControlGroup_AllThereIs) {
  EXPECT_EQ(allowed(), kTotal);
}

TEST_F(AllowedMemory, Version2_TheTightestOfTheGroupsAbove) {
  write("proc/self/cgroup", "0::/system.slice/starling.service\n");
  write("cgroup/system.slice/starling.service/memory.max", "max\n");
  EXPECT_EQ(allowed(), kTotal);
  write("cgroup/system.slice/starling.service/memory.max", "5000000\n");
  EXPECT_EQ(allowed(), 5'000'000U);
  write("cgroup/system.slice/memory.max", "4000000\n");
  EXPECT_EQ(allowed(), 4'000'000U);
}

TEST_F(AllowedMemory, Version2InAContainer_TheRootHasTheLimit) {
  write("proc/self/cgroup", "0::/\n");
  write("cgroup/memory.max", "3000000\n");
  EXPECT_EQ(allowed(), 3'000'000U);
}

TEST_F(AllowedMemory, Version1_TheMemoryController) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/b\n1:name=systemd:/c\n");
  write("cgroup/memory/b/memory.limit_in_bytes", "2000000\n");
  EXPECT_EQ(allowed(), 2'000'000U);
  write("cgroup/memory/b/memory.limit_in_bytes", "9223372036854771712\n");  // none
  EXPECT_EQ(allowed(), kTotal);
}

TEST_F(AllowedMemory, Nonsense_IsNoLimit) {
  write("proc/self/cgroup", "\n:\nx\n0::\n");
  write("cgroup/memory.max", "much\n");
  EXPECT_EQ(allowed(), kTotal);
}

TEST(ResidentMemory, Grows) {
  const std::uint64_t before = resident_memory();
  EXPECT_GT(before, 1'000'000U);
  std::vector<char> block(50'000'000, 'x');
  EXPECT_GE(resident_memory(), before + block.size() / 2);
}

TEST(AllocatedMemory, GrowsAndIsNotTheAllocatorsOwn) {
  const std::uint64_t before = allocated_memory();
  std::vector<char> block(50'000'000, 'x');
  const std::uint64_t after = allocated_memory();
  if (after == 0) GTEST_SKIP() << "a sanitizer's allocator does not say";
  EXPECT_GE(after, before + block.size() / 2);
  EXPECT_LT(allocators_memory(), resident_memory());
}

}  // namespace
}  // namespace starling
