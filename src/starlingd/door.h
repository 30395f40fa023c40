// Door: one entry of `listen`, whatever is spoken there: its sockets, and what those above them are
// told.
#pragma once

#include <cstdint>
#include <memory>

#include "config/config.h"

namespace starling::starlingd {

class Door {
 public:
  Door() = default;
  virtual ~Door() = default;
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  // All options but ip, port and module, which need a new one, for the connections that come from
  // now on. On any thread.
  virtual void reload(const std::shared_ptr<const config::Config>& config,
                      const config::ListenOptions& listen) = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  virtual void close() = 0;
};

}  // namespace starling::starlingd
