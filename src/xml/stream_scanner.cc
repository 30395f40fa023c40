#include "xml/stream_scanner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "xml/chars.h"
#include "xml/element_scanner.h"
#include "xml/xml_declaration.h"

namespace starling::xml {
namespace {

constexpr std::string_view kDeclarationOpen = "<?xml";
// Of an unfinished element, input is taken over in pieces of this size, so that what follows the
// element in the same read is not copied in vain.
constexpr std::size_t kPieceBytes = 4096;

}  // namespace

struct StreamScanner::Unfinished {
  enum class Kind : std::uint8_t { unknown, declaration, element, end_tag };
  Kind kind = Kind::unknown;
  std::uint32_t size = 0;  // bytes looked at; once done, of the whole
  std::string bytes;       // unused while the input itself is scanned
  std::optional<ElementScanner> element;
};

StreamScanner::StreamScanner(const Limits* limits) : limits_(limits) {}
StreamScanner::~StreamScanner() = default;
StreamScanner::StreamScanner(StreamScanner&&) noexcept = default;
StreamScanner& StreamScanner::operator=(StreamScanner&&) noexcept = default;

ScanEvent StreamScanner::next(std::string_view& input) {
  if (phase_ == Phase::failed) return failure();
  if (phase_ == Phase::empty_root) {
    phase_ = Phase::closed;
    return {.kind = ScanEvent::Kind::stream_close};
  }
  if (unfinished_ != nullptr) return resume_unit(input);
  while (!input.empty() && is_space(input.front())) {
    input.remove_prefix(1);
    if (phase_ == Phase::start) phase_ = Phase::prolog;
  }
  if (input.empty()) return {};
  if (input.front() != '<' || phase_ == Phase::closed) {
    refuse(error_outside(input.front()));
    return failure();
  }
  return begin_unit(input);
}

// Character data where none may be.
ScanError StreamScanner::error_outside(char c) const {
  if (phase_ != Phase::open || (is_ascii(c) && c < ' ')) return ScanError::not_well_formed;
  return ScanError::bad_format;
}

ScanEvent StreamScanner::begin_unit(std::string_view& input) {
  Unfinished unit;
  switch (advance(unit, input)) {
    case Progress::done: {
      ScanEvent event = event_of(unit, input);
      input.remove_prefix(unit.size);
      return unit.kind == Unfinished::Kind::declaration ? next(input) : std::move(event);
    }
    case Progress::need_more:
      unit.bytes.assign(input);
      input = {};
      unfinished_ = std::make_unique<Unfinished>(std::move(unit));
      return {};
    case Progress::error:
      break;
  }
  return failure();
}

ScanEvent StreamScanner::resume_unit(std::string_view& input) {
  while (!input.empty()) {
    std::string& bytes = unfinished_->bytes;
    const std::size_t before = bytes.size();
    const std::string_view piece = input.substr(0, kPieceBytes);
    bytes.append(piece);
    switch (advance(*unfinished_, bytes)) {
      case Progress::done: {
        const auto unit = std::exchange(unfinished_, nullptr);
        input.remove_prefix(unit->size - before);
        ScanEvent event = event_of(*unit, unit->bytes);
        return unit->kind == Unfinished::Kind::declaration ? next(input) : std::move(event);
      }
      case Progress::need_more:
        input.remove_prefix(piece.size());
        break;
      case Progress::error:
        return failure();
    }
  }
  return {};
}

StreamScanner::Progress StreamScanner::advance(Unfinished& unit, std::string_view bytes) {
  if (unit.kind == Unfinished::Kind::unknown) {
    if (const Progress chosen = choose_kind(unit, bytes); chosen != Progress::done) return chosen;
  }
  switch (unit.kind) {
    case Unfinished::Kind::element:
      return advance_element(unit, bytes);
    case Unfinished::Kind::end_tag:
      return advance_end_tag(unit, bytes);
    default:
      return advance_declaration(unit, bytes);
  }
}

// `bytes` begin with '<'. Done means that the kind is known.
StreamScanner::Progress StreamScanner::choose_kind(Unfinished& unit, std::string_view bytes) {
  if (bytes.size() < 2) return Progress::need_more;
  switch (bytes[1]) {
    case '/':
      if (phase_ != Phase::open) return refuse(ScanError::not_well_formed);
      unit.kind = Unfinished::Kind::end_tag;
      unit.size = 2;
      return Progress::done;
    case '?':
      if (phase_ != Phase::start) return refuse(ScanError::restricted_xml);
      unit.kind = Unfinished::Kind::declaration;
      unit.size = 2;
      return Progress::done;
    case '!':
      if (bytes.size() < 3) return Progress::need_more;
      if (bytes[2] == '[' && phase_ == Phase::open) return refuse(ScanError::bad_format);
      return refuse(error_of_bang(bytes[2]));
    default:
      unit.kind = Unfinished::Kind::element;
      unit.element.emplace(limits_, phase_ == Phase::open ? ElementScanner::Extent::element
                                                          : ElementScanner::Extent::start_tag);
      return Progress::done;
  }
}

StreamScanner::Progress StreamScanner::advance_element(Unfinished& unit, std::string_view bytes) {
  const ElementScanner::Context context{.default_ns = scope_.default_ns(), .scope = &scope_};
  switch (unit.element->run(bytes, context)) {
    case ElementScanner::Status::done:
      unit.size = unit.element->size();
      return Progress::done;
    case ElementScanner::Status::error:
      return refuse(unit.element->error());
    default:
      return Progress::need_more;
  }
}

StreamScanner::Progress StreamScanner::advance_end_tag(Unfinished& unit, std::string_view bytes) {
  const std::string_view name = scope_.name();
  bytes = bytes.substr(0, kMaxStreamHeaderBytes);
  for (; unit.size < bytes.size(); ++unit.size) {
    const char c = bytes[unit.size];
    const std::size_t matched = unit.size - 2;
    if (matched < name.size() ? c == name[matched] : is_space(c)) continue;
    if (matched < name.size() || c != '>') return refuse(ScanError::not_well_formed);
    ++unit.size;
    return Progress::done;
  }
  const bool too_large = bytes.size() == kMaxStreamHeaderBytes;
  return too_large ? refuse(ScanError::too_large) : Progress::need_more;
}

StreamScanner::Progress StreamScanner::advance_declaration(Unfinished& unit,
                                                           std::string_view bytes) {
  bytes = bytes.substr(0, kMaxXmlDeclarationBytes);
  for (; unit.size < bytes.size(); ++unit.size) {
    const char c = bytes[unit.size];
    if (unit.size < kDeclarationOpen.size()) {
      if (c != kDeclarationOpen[unit.size]) return refuse(ScanError::restricted_xml);
    } else if (unit.size == kDeclarationOpen.size()) {
      // <?xml-stylesheet ...?> is a processing instruction.
      if (!is_space(c)) return refuse(ScanError::restricted_xml);
    } else if (c == '>') {
      if (bytes[unit.size - 1] != '?') return refuse(ScanError::not_well_formed);
      const ScanError error = check_xml_declaration(bytes.substr(0, ++unit.size));
      return error == ScanError::none ? Progress::done : refuse(error);
    } else if (c == '<' || !is_ascii(c) || (c < ' ' && !is_space(c))) {
      return refuse(ScanError::not_well_formed);
    }
  }
  const bool too_large = bytes.size() == kMaxXmlDeclarationBytes;
  return too_large ? refuse(ScanError::too_large) : Progress::need_more;
}

// The event of a complete unit, and the phase it leads to.
ScanEvent StreamScanner::event_of(Unfinished& unit, std::string_view bytes) {
  switch (unit.kind) {
    case Unfinished::Kind::declaration:
      phase_ = Phase::prolog;
      return {};
    case Unfinished::Kind::end_tag:
      phase_ = Phase::closed;
      return {.kind = ScanEvent::Kind::stream_close};
    default:
      break;
  }
  if (phase_ == Phase::open) {
    return {.kind = ScanEvent::Kind::stanza, .document = unit.element->take_document(bytes)};
  }
  scope_ = unit.element->scope(bytes);
  phase_ = unit.element->empty_tag() ? Phase::empty_root : Phase::open;
  return {.kind = ScanEvent::Kind::stream_open, .document = unit.element->take_document(bytes)};
}

StreamScanner::Progress StreamScanner::refuse(ScanError error) {
  phase_ = Phase::failed;
  error_ = error;
  return Progress::error;
}

ScanEvent StreamScanner::failure() {
  unfinished_ = nullptr;
  scope_ = StreamScope();
  return {.kind = ScanEvent::Kind::error, .error = error_};
}

void StreamScanner::reset() {
  *this = StreamScanner(limits_);
}

bool StreamScanner::idle() const {
  return phase_ == Phase::open && unfinished_ == nullptr;
}

std::size_t StreamScanner::memory() const {
  std::size_t bytes = scope_.memory();
  if (unfinished_ != nullptr) {
    bytes += sizeof(Unfinished) + unfinished_->bytes.capacity();
    if (unfinished_->element) bytes += unfinished_->element->memory();
  }
  return bytes;
}

std::expected<DocumentPtr, ScanError> scan_element(std::string_view text,
                                                   std::string_view inherited_ns,
                                                   const Limits& limits) {
  if (!text.starts_with('<')) return std::unexpected(ScanError::not_well_formed);
  ElementScanner scanner(&limits, ElementScanner::Extent::element);
  const ElementScanner::Status status = scanner.run(text, {.default_ns = inherited_ns});
  if (status == ElementScanner::Status::error) return std::unexpected(scanner.error());
  if (status != ElementScanner::Status::done || scanner.size() != text.size()) {
    return std::unexpected(ScanError::not_well_formed);
  }
  return scanner.take_document(text);
}

std::string_view to_string(ScanError error) {
  switch (error) {
    case ScanError::none:
      return "none";
    case ScanError::not_well_formed:
      return "not-well-formed";
    case ScanError::restricted_xml:
      return "restricted-xml";
    case ScanError::unsupported_encoding:
      return "unsupported-encoding";
    case ScanError::bad_encoding:
      return "bad-encoding";
    case ScanError::bad_namespace_prefix:
      return "bad-namespace-prefix";
    case ScanError::bad_format:
      return "bad-format";
    case ScanError::too_large:
      return "too-large";
    case ScanError::too_deep:
      return "too-deep";
    case ScanError::too_many_attributes:
      return "too-many-attributes";
    case ScanError::too_many_elements:
      return "too-many-elements";
  }
  return "unknown";
}

}  // namespace starling::xml
