#include "xml/document.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

#include "xml/decode.h"
#include "xml/start_tag.h"
#include "xml/stream_scanner.h"

namespace starling::xml {
namespace {

// For text of our own, which may wrap what had reached the limits of a stream.
constexpr Limits kOwnTextLimits{
    .max_stanza_bytes = 1U << 28,
    .max_depth = 1024,
    .max_attributes = 256,
    .max_elements = 1U << 20,
};

StartTag attributes_of(const Element& element) {
  return StartTag(element.name().data() + element.name().size());
}

void copy_behind(char*& to, const void* from, std::size_t bytes) {
  if (bytes != 0) std::memcpy(to, from, bytes);
  to += bytes;
}

}  // namespace

Document::Document(const Parts& parts)
    : wire_length_(static_cast<std::uint32_t>(parts.wire.size())),
      tail_length_(static_cast<std::uint32_t>(parts.tail.size())),
      row_count_(static_cast<std::uint32_t>(parts.rows.size())),
      decoded_count_(static_cast<std::uint32_t>(parts.decoded.size())),
      self_contained_(parts.self_contained) {
  char* to = reinterpret_cast<char*>(this + 1);
  copy_behind(to, parts.rows.data(), parts.rows.size_bytes());
  copy_behind(to, parts.decoded.data(), parts.decoded.size_bytes());
  copy_behind(to, parts.wire.data(), parts.wire.size());
  copy_behind(to, parts.tail.data(), parts.tail.size());
}

DocumentPtr Document::create(const Parts& parts) {
  static_assert(sizeof(Document) % alignof(ElementRow) == 0);
  static_assert(sizeof(ElementRow) % alignof(DecodedValue) == 0);
  assert(!parts.rows.empty());
  const std::size_t size = sizeof(Document) + parts.rows.size_bytes() + parts.decoded.size_bytes() +
                           parts.wire.size() + parts.tail.size();
  return DocumentPtr(::new (::operator new(size)) Document(parts));
}

DocumentPtr Document::parse(std::string_view text, std::string_view inherited_ns) {
  auto document = scan_element(text, inherited_ns, kOwnTextLimits);
  return document ? *std::move(document) : nullptr;
}

std::size_t Document::memory() const {
  return sizeof(Document) + row_count_ * sizeof(ElementRow) +
         decoded_count_ * sizeof(DecodedValue) + wire_length_ + tail_length_;
}

const DecodedValue* Document::find_decoded(std::uint32_t raw) const {
  const std::span all(decoded(), decoded_count_);
  const auto it = std::ranges::lower_bound(all, raw, {}, &DecodedValue::raw);
  return it != all.end() && it->raw == raw ? &*it : nullptr;
}

std::string_view Element::decoded_or(std::uint32_t raw, std::string_view raw_value) const {
  if (document_->decoded_count_ == 0) return raw_value;
  const DecodedValue* decoded = document_->find_decoded(raw);
  return decoded == nullptr ? raw_value : document_->view(decoded->value);
}

std::optional<std::string_view> Element::attribute(std::string_view attribute_name) const {
  for (StartTag tag = attributes_of(*this); tag.next();) {
    if (tag.name() != attribute_name || tag.is_declaration()) continue;
    const auto raw = static_cast<std::uint32_t>(tag.raw_value().data() - document_->buffer());
    return decoded_or(raw, tag.raw_value());
  }
  return std::nullopt;
}

boost::container::small_vector<Attribute, 8> Element::attributes() const {
  boost::container::small_vector<Attribute, 8> all;
  const auto offset = [this](std::string_view part) {
    return static_cast<std::uint32_t>(part.data() - document_->buffer());
  };
  for (StartTag tag = attributes_of(*this); tag.next();) {
    if (tag.is_declaration()) continue;
    Attribute attribute{.name = tag.name(),
                        .value = decoded_or(offset(tag.raw_value()), tag.raw_value())};
    const std::size_t colon = tag.name().find(':');
    if (colon != std::string_view::npos) {
      attribute.prefix = tag.name().substr(0, colon);
      attribute.name = tag.name().substr(colon + 1);
      attribute.ns = attribute.prefix == "xml" ? kXmlNamespace : decoded_or(offset(tag.name()), {});
    }
    all.push_back(attribute);
  }
  return all;
}

std::string Element::text() const {
  std::string text;
  const auto append = [&](std::uint32_t from, std::uint32_t to) {
    append_decoded_text(text, document_->view({from, to - from}));
  };
  std::uint32_t from = row().content;
  for (const Element child : children()) {
    append(from, child.row().begin);
    from = child.row().end;
  }
  append(from, row().content_end);
  return text;
}

std::optional<Element> Element::first_child() const {
  const ChildRange range = children();
  if (range.first == range.last) return std::nullopt;
  return *range.first;
}

std::optional<Element> Element::child(std::string_view local_name, std::string_view ns_name) const {
  for (const Element candidate : children()) {
    if (candidate.is(local_name, ns_name)) return candidate;
  }
  return std::nullopt;
}

}  // namespace starling::xml
