// Latch: what a node that drains must not forget when its process is started again.
//
// A small file in the node's folder. It counts for one boot of one machine only: one that was
// stopped and started again, or that was made of an image of this one, begins anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace starling::cloud::aws {

struct Latch {
  std::string reason{};                    // why it drains; "": it does not
  std::optional<std::int64_t> until_us{};  // as Order has it
  bool completed = false;                  // the provider was told that it is empty

  bool operator==(const Latch&) const = default;
};

class LatchFile {
 public:
  // `boot`: which start of the machine this is.
  LatchFile(std::string folder, std::string boot)
      : folder_(std::move(folder)), boot_(std::move(boot)) {}

  // What was latched; empty if there is nothing that counts.
  [[nodiscard]] Latch read() const;
  // As a whole or not at all, and on disk. Errors: unavailable.
  [[nodiscard]] Result<> write(const Latch& latch) const;

 private:
  [[nodiscard]] std::string path() const { return folder_ + "/lifecycle.json"; }

  const std::string folder_;
  const std::string boot_;
};

// From /proc/sys/kernel/random/boot_id; "" if there is none.
[[nodiscard]] std::string boot_id();

// What is in such a file; nullopt if it is none, or is of another boot.
[[nodiscard]] std::optional<Latch> parse_latch(const std::string& text, const std::string& boot);

}  // namespace starling::cloud::aws
