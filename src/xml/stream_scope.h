// StreamScope: what an idle stream remembers of its opening tag: the default namespace, the name
// the closing tag must repeat, and the declared prefixes.
//
// The two openings that nearly every client and server sends cost no memory beyond the pointer;
// any other costs one allocation of the size of its text. Immutable once made. The text does not
// move when the StreamScope does.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace starling::xml {

inline constexpr std::string_view kXmlNamespace = "http://www.w3.org/XML/1998/namespace";
inline constexpr std::string_view kXmlnsNamespace = "http://www.w3.org/2000/xmlns/";

class StreamScope {
 public:
  struct Declaration {
    std::string_view prefix;  // never empty
    std::string_view ns;
  };

  StreamScope() = default;
  StreamScope(std::string_view name, std::string_view default_ns,
              std::span<const Declaration> declarations);
  ~StreamScope();
  StreamScope(StreamScope&& other) noexcept : text_(std::exchange(other.text_, nullptr)) {}
  StreamScope& operator=(StreamScope&& other) noexcept {
    std::swap(text_, other.text_);
    return *this;
  }

  [[nodiscard]] std::string_view default_ns() const;
  // As written in the opening tag, prefix included.
  [[nodiscard]] std::string_view name() const;
  // The namespace bound to `prefix`; empty if none is.
  [[nodiscard]] std::string_view find(std::string_view prefix) const;
  // Bytes held on the heap.
  [[nodiscard]] std::size_t memory() const;

 private:
  // "default_ns NUL name NUL {prefix NUL ns NUL} NUL": XML text has no NUL, so NUL separates.
  const char* text_ = nullptr;
};

}  // namespace starling::xml
