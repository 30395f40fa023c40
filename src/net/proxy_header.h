// ProxyHeader: what a proxy says before a client's first byte: who that client is. The PROXY
// protocol of HAProxy, versions 1 and 2.
//
// Fed with bytes as they come, in any pieces; what it finds does not depend on where they were cut.
// It takes no byte behind the header, and holds at most kMaxBytes. No I/O.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::net {

class ProxyHeader {
 public:
  // Version 2 allows 65,551; what a proxy has to say of TCP takes a few hundred.
  static constexpr std::size_t kMaxBytes = 4'096;
  static constexpr std::size_t kMaxVersion1Bytes = 107;  // CRLF included

  enum class Status : std::uint8_t { need_more, complete, invalid };

  // Takes what belongs to the header from the front of `input`. Nothing more, once it is complete
  // or invalid.
  Status feed(std::string_view& input);

  // Once it is complete: the client. nullopt if the proxy speaks for itself (LOCAL, as in a health
  // check) or does not know (UNKNOWN): then the connection's own addresses count.
  [[nodiscard]] const std::optional<boost::asio::ip::tcp::endpoint>& client() const {
    return client_;
  }
  // Once it is invalid: why, for the log.
  [[nodiscard]] std::string_view error() const { return error_; }

 private:
  Status step();
  Status step_version_1();
  Status step_version_2();
  Status read_line(std::string_view line);
  Status read_addresses();
  [[nodiscard]] unsigned byte(std::size_t at) const;
  [[nodiscard]] std::uint16_t number(std::size_t at) const;
  Status refuse(std::string_view error);

  Status status_ = Status::need_more;
  std::string bytes_;
  std::optional<boost::asio::ip::tcp::endpoint> client_;
  std::string_view error_;
};

}  // namespace starling::net
