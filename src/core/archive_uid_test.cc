#include "core/archive_uid.h"

#include <gtest/gtest.h>

#include <set>

namespace starling::core {
namespace {

TEST(ArchiveUid, ComesBackAsItWas) {
  const ArchiveUid uid("sixteen  letters");
  for (const ArchiveId id : {ArchiveId{1}, ArchiveId{0x123456789abcdef}, ~ArchiveId{0} >> 1}) {
    EXPECT_EQ(uid.decode(uid.encode(id)), id);
  }
}

// XEP-0313 section 3: unpredictable. Neighbours have nothing in common, and it takes the secret.
TEST(ArchiveUid, CannotBeGuessed) {
  const ArchiveUid uid("sixteen  letters");
  const ArchiveUid other("another  secret!");
  std::set<std::string> starts;
  for (ArchiveId id = 1'000; id < 1'100; ++id) starts.insert(uid.encode(id).substr(0, 8));
  EXPECT_EQ(starts.size(), 100U);
  EXPECT_NE(uid.encode(1), other.encode(1));
  EXPECT_EQ(other.decode(uid.encode(1)), std::nullopt);
}

TEST(ArchiveUid, OfNobody_IsNone) {
  const ArchiveUid uid("sixteen  letters");
  for (const char* text :
       {"", "1", "0123456789abcdef0123456789abcdef", "0123456789ABCDEF0123456789ABCDEF",
        "zz23456789abcdef0123456789abcdef"}) {
    EXPECT_EQ(uid.decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace starling::core
