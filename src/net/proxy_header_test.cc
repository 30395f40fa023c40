#include "net/proxy_header.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace starling::net {
namespace {

using Status = ProxyHeader::Status;
using std::operator""s;
using std::operator""sv;

// Who the client is, as text; "local", "need more", or the error. The header must not depend on
// how it is cut, and must leave alone what follows it.
std::string read(std::string_view header, std::string_view behind = "<?xml") {
  const auto result = [](const ProxyHeader& parsed, Status status) -> std::string {
    if (status == Status::need_more) return "need more";
    if (status == Status::invalid) return std::string(parsed.error());
    if (!parsed.client()) return "local";
    return parsed.client()->address().to_string() + " " + std::to_string(parsed.client()->port());
  };
  const std::string all = std::string(header) + std::string(behind);
  ProxyHeader whole;
  std::string_view rest = all;
  const Status status = whole.feed(rest);
  if (status == Status::complete) EXPECT_EQ(rest, behind);

  ProxyHeader pieces;
  Status last = Status::need_more;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < all.size() && last == Status::need_more; ++i, ++taken) {
    std::string_view one = std::string_view(all).substr(i, 1);
    last = pieces.feed(one);
    EXPECT_TRUE(one.empty());
  }
  EXPECT_EQ(taken, all.size() - rest.size());
  EXPECT_EQ(result(pieces, last), result(whole, status));
  return result(whole, status);
}

std::string version_2(unsigned command, unsigned family, std::string_view rest) {
  std::string header = "\r\n\r\n\0\r\nQUIT\n"s;
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(rest.size() >> 8U);
  header += static_cast<char>(rest.size() & 0xffU);
  return header + std::string(rest);
}

constexpr std::string_view kTcp4 = "\xC0\x00\x02\x01\xC6\x33\x64\x01\xDC\x04\x14\x66"sv;
const std::string kTcp6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x07" +
                          std::string(16, '\1') + "\xDC\x04\x14\x66";

TEST(ProxyHeader, Version1_NamesTheClient) {
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 198.51.100.1 56324 5222\r\n"), "192.0.2.1 56324");
  EXPECT_EQ(read("PROXY TCP6 2001:db8::7 2001:db8::1 56324 5222\r\n"), "2001:db8::7 56324");
  EXPECT_EQ(read("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n"), "255.255.255.255 65535");
}

TEST(ProxyHeader, Version1Unknown_IsTheProxyItselfWhateverFollows) {
  EXPECT_EQ(read("PROXY UNKNOWN\r\n"), "local");
  EXPECT_EQ(read("PROXY UNKNOWN ffff::1 anything 1 2 3\r\n"), "local");
  EXPECT_EQ(read("PROXY UNKNOWNX\r\n"), "its protocol is not TCP4 or TCP6");
}

TEST(ProxyHeader, Version1Malformed_IsInvalid) {
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 198.51.100.1 56324 5222\n"),
            "its line does not end in CRLF");
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n"), "its line is incomplete");
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 198.51.100.1 56324 5222 \r\n"), "not a port");
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1  198.51.100.1 56324 5222\r\n"),
            "not an address of its family");
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 198.51.100.1 65536 5222\r\n"), "not a port");
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 198.51.100.1 00080 5222\r\n"), "not a port");
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 198.51.100.1 -1 5222\r\n"), "not a port");
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 198.51.100.1 1 x\r\n"), "not a port");
  EXPECT_EQ(read("PROXY TCP4 2001:db8::7 198.51.100.1 1 2\r\n"), "not an address of its family");
  EXPECT_EQ(read("PROXY TCP6 192.0.2.1 2001:db8::1 1 2\r\n"), "not an address of its family");
  EXPECT_EQ(read("PROXY TCP6 fe80::1%lo fe80::2 1 2\r\n"), "not an address of its family");
  EXPECT_EQ(read("PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n"), "not an address of its family");
  EXPECT_EQ(read("PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n"), "its protocol is not TCP4 or TCP6");
  EXPECT_EQ(read("PROXY \r\n"), "its protocol is not TCP4 or TCP6");
}

TEST(ProxyHeader, Version1WithoutEnd_IsInvalidAtItsLongest) {
  const std::string longest = "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n";
  ASSERT_EQ(longest.size(), ProxyHeader::kMaxVersion1Bytes);
  EXPECT_EQ(read(longest), "local");
  EXPECT_EQ(read("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"), "its line is too long");
  EXPECT_EQ(read("PROXY UNKNOWN " + std::string(92, 'x'), ""), "need more");
}

TEST(ProxyHeader, AnythingElse_IsInvalidAtItsFirstWrongByte) {
  EXPECT_EQ(read("<?xml version='1.0'?>"), "not a PROXY header");
  EXPECT_EQ(read("\x16\x03\x01\x02\x00\x01"sv), "not a PROXY header");  // TLS
  EXPECT_EQ(read("PROXZ", ""), "not a PROXY header");
  EXPECT_EQ(read("\r\n\r\n\0\r\nQUIX"sv, ""), "not a PROXY header");
  EXPECT_EQ(read("PROX", ""), "need more");
}

TEST(ProxyHeader, Version2_NamesTheClient) {
  EXPECT_EQ(read(version_2(0x21, 0x11, kTcp4)), "192.0.2.1 56324");
  EXPECT_EQ(read(version_2(0x21, 0x21, kTcp6)), "2001:db8::7 56324");
}

TEST(ProxyHeader, Version2Tlvs_AreSkipped) {
  const std::string tlvs = "\x03\x00\x04\x12\x34\x56\x78"s + "\x04\x00\x00"s;
  EXPECT_EQ(read(version_2(0x21, 0x11, std::string(kTcp4) + tlvs)), "192.0.2.1 56324");
}

TEST(ProxyHeader, Version2OfTheProxyItself_HasNoClient) {
  EXPECT_EQ(read(version_2(0x20, 0x00, "")), "local");
  EXPECT_EQ(read(version_2(0x20, 0x11, kTcp4)), "local");
  EXPECT_EQ(read(version_2(0x20, 0x77, "whatever")), "local");
  EXPECT_EQ(read(version_2(0x21, 0x00, "")), "local");
  EXPECT_EQ(read(version_2(0x21, 0x31, std::string(216, 'u'))), "local");
}

TEST(ProxyHeader, Version2Malformed_IsInvalid) {
  EXPECT_EQ(read(version_2(0x22, 0x11, kTcp4)), "unknown version or command");
  EXPECT_EQ(read(version_2(0x11, 0x11, kTcp4)), "unknown version or command");
  EXPECT_EQ(read(version_2(0x21, 0x12, kTcp4)), "its protocol is not TCP");
  EXPECT_EQ(read(version_2(0x21, 0x11, kTcp4.substr(1))), "too short for its addresses");
  EXPECT_EQ(read(version_2(0x21, 0x21, kTcp6.substr(1))), "too short for its addresses");
}

TEST(ProxyHeader, Version2TooLong_IsInvalidBeforeItHasCome) {
  const std::string longest(ProxyHeader::kMaxBytes - 16, 'x');
  EXPECT_EQ(read(version_2(0x20, 0x00, longest)), "local");
  EXPECT_EQ(read(version_2(0x20, 0x00, longest + "x").substr(0, 16), ""), "it is too long");
}

}  // namespace
}  // namespace starling::net
