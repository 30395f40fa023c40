#include "core/archive_mark.h"

#include <charconv>

namespace starling::core {

namespace {

constexpr std::string_view kName = "<message";
constexpr std::string_view kStart = "<message xmlns:sm='";

// The text between the quotes; "" if there is no mark.
std::string_view text_of(std::string_view message) {
  if (!message.starts_with(kStart)) return {};
  const std::string_view text = message.substr(kStart.size());
  const std::size_t end = text.find('\'');
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end);
}

bool read_number(std::string_view& text, std::uint32_t& number) {
  if (!text.starts_with(' ')) return false;
  text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc();
}

}  // namespace

std::string ArchiveMark::encode() const {
  std::string text(tag);
  text.append(" ").append(std::to_string(number));
  text.append(" ").append(std::to_string(handled));
  return text;
}

void add_mark(std::string& message, std::string_view mark) {
  if (mark.empty()) return;
  std::string marked;
  marked.reserve(message.size() + kStart.size() + mark.size());
  marked.append(kStart).append(mark).append("'");
  marked.append(std::string_view(message).substr(kName.size()));
  message = std::move(marked);
}

std::optional<ArchiveMark> mark_of(std::string_view message) {
  std::string_view text = text_of(message);
  if (text.size() < ArchiveMark::kTagBytes) return std::nullopt;
  ArchiveMark mark;
  mark.tag = text.substr(0, ArchiveMark::kTagBytes);
  text.remove_prefix(ArchiveMark::kTagBytes);
  if (!read_number(text, mark.number) || !read_number(text, mark.handled)) return std::nullopt;
  if (!text.empty()) return std::nullopt;
  return mark;
}

std::string_view behind_mark(std::string_view message) {
  if (!message.starts_with(kStart)) return message.substr(kName.size());
  return message.substr(kStart.size() + text_of(message).size() + 1);
}

}  // namespace starling::core
