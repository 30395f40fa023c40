// ElementScanner, the half that gives tokens their meaning: rows, namespaces, decoded values.
#include <algorithm>

#include "xml/chars.h"
#include "xml/decode.h"
#include "xml/element_scanner.h"

namespace starling::xml {
namespace {

// Bounds on what one stanza can cost: each prefix is looked for among all declarations in scope,
// and canonical_content() writes a namespace at each element that changes it.
constexpr std::size_t kMaxBindings = 256;
constexpr std::size_t kMaxNamespaceBytes = 512;
// The namespaces so written may have this many times the bytes of the element, and some more, so
// that a short one may be mostly namespace.
constexpr std::uint64_t kMaxGrowth = 4;
constexpr std::uint64_t kFreeGrowth = 1'024;

}  // namespace

ElementScanner::Status ElementScanner::begin_element() {
  if (extent_ == Extent::element) {
    if (depth_ >= limits_->max_depth) return fail(ScanError::too_deep);
    if (rows_.size() >= limits_->max_elements) return fail(ScanError::too_many_elements);
  }
  token_ = offset_of(p_);
  colon_ = 0;
  rows_.push_back({.begin = token_ - 1, .next = current_});
  current_ = static_cast<std::uint32_t>(rows_.size() - 1);
  ++depth_;
  attributes_.clear();
  has_declarations_ = false;
  has_prefixed_ = false;
  state_ = State::tag_name;
  return read_tag_name();
}

ElementScanner::Status ElementScanner::finish_value() {
  OpenAttribute& attribute = attributes_.back();
  attribute.value = {token_, offset_of(p_) - token_};
  if (raw_differs_) {
    Slice decoded{kInTail | static_cast<std::uint32_t>(tail_.size()), 0};
    append_decoded_value(tail_, view(attribute.value));
    decoded.length = static_cast<std::uint32_t>(tail_.size()) - (decoded.offset & ~kInTail);
    decoded_.push_back({token_, decoded});
    attribute.value = decoded;
  }
  const std::string_view first = view({attribute.name, 5});
  if (attribute.prefix_length != 0) {
    (attribute.prefix_length == 5 && first == "xmlns" ? has_declarations_ : has_prefixed_) = true;
  } else if (attribute.local_length == 5 && first == "xmlns") {
    has_declarations_ = true;
  }
  ++p_;
  state_ = State::tag;
  return Status::proceed;
}

ElementScanner::Status ElementScanner::finish_start_tag(bool empty) {
  if (attributes_.size() > 1 && has_duplicate()) return fail(ScanError::not_well_formed);
  if (has_declarations_) {
    for (const OpenAttribute& attribute : attributes_) {
      if (const Status status = declare(attribute); status != Status::proceed) return status;
    }
  }
  if (has_prefixed_) {
    if (const Status status = resolve_attributes(); status != Status::proceed) return status;
  }
  ElementRow& row = rows_.back();
  row.content = offset_of(p_);
  if (row.prefix_length != 0) {
    if (!resolve({row.begin + 1, row.prefix_length}, row.ns)) {
      return fail(ScanError::bad_namespace_prefix);
    }
    if (current_ == 0) self_contained_ = false;
  } else {
    row.ns = resolve_default();
  }
  const bool changes = row.next == kNoRow || rows_[row.next].ns.offset != row.ns.offset;
  if (changes) growth_ += row.ns.length;
  if (empty || extent_ == Extent::start_tag) {
    empty_tag_ = empty;
    return finish_element(row.content);
  }
  state_ = State::text;
  return Status::proceed;
}

ElementScanner::Status ElementScanner::finish_element(std::uint32_t content_end) {
  ElementRow& row = rows_[current_];
  const bool has_bindings = extent_ == Extent::element;  // a stream's outlive its start tag
  while (has_bindings && !bindings_.empty() && bindings_.back().row == current_) {
    if (bindings_.back().prefix.length == 0) default_known_ = false;
    bindings_.pop_back();
  }
  current_ = row.next;
  row.content_end = content_end;
  row.end = offset_of(p_);
  row.next = static_cast<std::uint32_t>(rows_.size());
  --depth_;
  if (current_ != kNoRow) {
    state_ = State::text;
    return Status::proceed;
  }
  const bool grows = extent_ == Extent::element && growth_ > kMaxGrowth * row.end + kFreeGrowth;
  return grows ? fail(ScanError::too_large) : Status::done;
}

// Namespaces in XML 1.0, section 3: which declarations are allowed.
ElementScanner::Status ElementScanner::declare(const OpenAttribute& attribute) {
  const bool is_default = attribute.prefix_length == 0;
  const Slice first{attribute.name, is_default ? attribute.local_length : attribute.prefix_length};
  if (view(first) != "xmlns") return Status::proceed;
  const std::string_view ns = view(attribute.value);
  Slice prefix;
  bool is_xml = false;
  if (!is_default) {
    prefix = {attribute.name + attribute.prefix_length + 1, attribute.local_length};
    is_xml = view(prefix) == "xml";
    if (ns.empty() || view(prefix) == "xmlns") return fail(ScanError::not_well_formed);
    if (current_ == 0) self_contained_ = false;
  }
  if (is_xml != (ns == kXmlNamespace) || ns == kXmlnsNamespace) {
    return fail(ScanError::not_well_formed);
  }
  if (is_xml) return Status::proceed;
  if (ns.size() > kMaxNamespaceBytes) return fail(ScanError::too_large);
  if (bindings_.size() >= kMaxBindings) return fail(ScanError::too_many_attributes);
  bindings_.push_back({current_, prefix, attribute.value});
  if (is_default) {
    default_ns_ = attribute.value;
    default_known_ = true;
  }
  return Status::proceed;
}

ElementScanner::Status ElementScanner::resolve_attributes() {
  int resolved = 0;
  for (OpenAttribute& attribute : attributes_) {
    if (attribute.prefix_length == 0) continue;
    const Slice prefix{attribute.name, attribute.prefix_length};
    const std::string_view name = view(prefix);
    if (name == "xml" || name == "xmlns") continue;
    if (!resolve(prefix, attribute.ns)) return fail(ScanError::bad_namespace_prefix);
    decoded_.push_back({attribute.name, attribute.ns});
    growth_ += attribute.ns.length;
    ++resolved;
  }
  if (resolved > 1 && has_expanded_duplicate()) return fail(ScanError::not_well_formed);
  auto of_this_tag = decoded_.end();
  while (of_this_tag != decoded_.begin() && (of_this_tag - 1)->raw > rows_.back().begin) {
    --of_this_tag;
  }
  std::ranges::sort(of_this_tag, decoded_.end(), {}, &DecodedValue::raw);
  return Status::proceed;
}

bool ElementScanner::has_duplicate() const {
  for (std::size_t i = 1; i < attributes_.size(); ++i) {
    const OpenAttribute& a = attributes_[i];
    const Slice name{a.name, std::uint32_t{a.prefix_length} + a.local_length + 1};
    for (std::size_t j = 0; j < i; ++j) {
      const OpenAttribute& b = attributes_[j];
      if (a.local_length != b.local_length || a.prefix_length != b.prefix_length) continue;
      const std::uint32_t length = name.length - (a.prefix_length == 0 ? 1 : 0);
      if (view({a.name, length}) == view({b.name, length})) return true;
    }
  }
  return false;
}

// Two prefixes for one namespace, and the same local name.
bool ElementScanner::has_expanded_duplicate() const {
  for (std::size_t i = 1; i < attributes_.size(); ++i) {
    const OpenAttribute& a = attributes_[i];
    if (a.ns.length == 0) continue;
    const Slice name{a.name + a.prefix_length + 1, a.local_length};
    for (std::size_t j = 0; j < i; ++j) {
      const OpenAttribute& b = attributes_[j];
      if (b.ns.length != a.ns.length || b.local_length != a.local_length) continue;
      if (view(name) == view({b.name + b.prefix_length + 1, b.local_length}) &&
          view(a.ns) == view(b.ns)) {
        return true;
      }
    }
  }
  return false;
}

bool ElementScanner::resolve(Slice prefix, Slice& ns) {
  const std::string_view wanted = view(prefix);
  for (auto it = bindings_.rbegin(); it != bindings_.rend(); ++it) {
    if (it->prefix.length != 0 && view(it->prefix) == wanted) {
      ns = it->ns;
      if (it->row == kInherited) self_contained_ = false;
      return true;
    }
  }
  const bool is_xml = wanted == "xml";
  std::string_view inherited;
  if (is_xml) {
    inherited = kXmlNamespace;
  } else if (context_->scope != nullptr) {
    inherited = context_->scope->find(wanted);
  }
  if (inherited.empty()) return false;
  if (!is_xml) self_contained_ = false;
  ns = append_to_tail(inherited);
  // At the bottom of the stack: whatever the element declares itself hides it.
  bindings_.insert(bindings_.begin(), {is_xml ? kNoRow : kInherited, prefix, ns});
  return true;
}

Slice ElementScanner::resolve_default() {
  if (default_known_) return default_ns_;
  default_ns_ = {};
  const auto innermost = std::find_if(bindings_.rbegin(), bindings_.rend(),
                                      [](const Binding& b) { return b.prefix.length == 0; });
  if (innermost != bindings_.rend()) {
    default_ns_ = innermost->ns;
  } else if (!context_->default_ns.empty()) {
    default_ns_ = append_to_tail(context_->default_ns);
    bindings_.insert(bindings_.begin(), {kInherited, {}, default_ns_});
  }
  default_known_ = true;
  return default_ns_;
}

Slice ElementScanner::append_to_tail(std::string_view text) {
  const auto offset = static_cast<std::uint32_t>(tail_.size());
  tail_ += text;
  return {kInTail | offset, static_cast<std::uint32_t>(text.size())};
}

DocumentPtr ElementScanner::take_document(std::string_view bytes) {
  const auto settle = [this](Slice& slice) {
    if ((slice.offset & kInTail) != 0) slice.offset = pos_ + (slice.offset & ~kInTail);
  };
  for (ElementRow& row : rows_) settle(row.ns);
  for (DecodedValue& decoded : decoded_) settle(decoded.value);
  return Document::create({.wire = bytes.substr(0, pos_),
                           .tail = tail_,
                           .rows = {rows_.data(), rows_.size()},
                           .decoded = {decoded_.data(), decoded_.size()},
                           .self_contained = self_contained_});
}

StreamScope ElementScanner::scope(std::string_view bytes) const {
  const auto text = [&](Slice slice) {
    const char* from = (slice.offset & kInTail) != 0 ? tail_.data() : bytes.data();
    return std::string_view(from + (slice.offset & ~kInTail), slice.length);
  };
  std::string_view default_ns;
  boost::container::small_vector<StreamScope::Declaration, 8> declarations;
  for (const Binding& binding : bindings_) {
    if (binding.row != 0) continue;
    if (binding.prefix.length == 0) {
      default_ns = text(binding.ns);
    } else {
      declarations.push_back({text(binding.prefix), text(binding.ns)});
    }
  }
  const ElementRow& root = rows_.front();
  const std::uint32_t name_length =
      root.prefix_length + (root.prefix_length != 0 ? 1 : 0) + root.local_length;
  return {
      text({root.begin + 1, name_length}), default_ns, {declarations.data(), declarations.size()}};
}

std::size_t ElementScanner::memory() const {
  const auto spilled = [](const auto& vector, std::size_t inside) {
    return vector.capacity() > inside ? vector.capacity() * sizeof(vector[0]) : 0;
  };
  return spilled(rows_, 16) + spilled(decoded_, 4) + spilled(bindings_, 8) +
         spilled(attributes_, 12) + (tail_.capacity() > 15 ? tail_.capacity() : 0);
}

}  // namespace starling::xml
