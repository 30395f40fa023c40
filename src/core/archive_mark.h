// ArchiveMark: which stanza of which session an entry of the sender's own archive was.
//
// With it the archive tells after a crash how far the server had come with a session's stanzas
// (XEP-0198, remains.h), for some bytes an entry and no further write. It is in the stored text as
// the declaration of a namespace prefix that nothing uses: to whoever reads it, a node of a version
// that knows no marks and its clients as well, the message is what it was. Only a server writes
// there: a sender's own declarations come later.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::core {

struct ArchiveMark {
  // What names a session: a part of its resumption id, as long as a session's owner may see it.
  static constexpr std::size_t kTagBytes = 6;

  std::string_view tag;
  std::uint32_t number = 0;   // of the stanza, in the session's count
  std::uint32_t handled = 0;  // so many had been dealt with, without a gap, when it came

  [[nodiscard]] std::string encode() const;
};

// Adds what ArchiveMark::encode gave to the text of a <message/>; "" adds nothing.
void add_mark(std::string& message, std::string_view mark);
// Its tag is a view into `message`.
[[nodiscard]] std::optional<ArchiveMark> mark_of(std::string_view message);
// What follows "<message" in the text, without the mark.
[[nodiscard]] std::string_view behind_mark(std::string_view message);

}  // namespace starling::core
