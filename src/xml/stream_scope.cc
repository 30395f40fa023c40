#include "xml/stream_scope.h"

#include <algorithm>
#include <array>
#include <string>

namespace starling::xml {
namespace {

using namespace std::string_view_literals;

// What every usual client, and every usual server, opens its stream with (RFC 6120 4.8).
constexpr std::array kCommon = {
    "jabber:client\0stream:stream\0stream\0http://etherx.jabber.org/streams\0\0"sv,
    "jabber:server\0stream:stream\0stream\0http://etherx.jabber.org/streams\0\0"sv,
};

bool is_common(const char* text) {
  return std::ranges::any_of(kCommon, [text](auto common) { return common.data() == text; });
}

const char* after(std::string_view part) {
  return part.data() + part.size() + 1;
}

const char* end_of(const char* text) {
  const char* p = after(std::string_view(text));
  p = after(std::string_view(p));
  while (*p != '\0') {
    p = after(std::string_view(p));
    p = after(std::string_view(p));
  }
  return p + 1;
}

}  // namespace

StreamScope::StreamScope(std::string_view name, std::string_view default_ns,
                         std::span<const Declaration> declarations) {
  std::string text;
  const auto put = [&text](std::string_view part) { text.append(part).push_back('\0'); };
  put(default_ns);
  put(name);
  for (const Declaration& declaration : declarations) {
    put(declaration.prefix);
    put(declaration.ns);
  }
  put({});
  const auto common = std::ranges::find(kCommon, std::string_view(text));
  if (common != kCommon.end()) {
    text_ = common->data();
    return;
  }
  char* owned = new char[text.size()];
  std::ranges::copy(text, owned);
  text_ = owned;
}

StreamScope::~StreamScope() {
  if (text_ != nullptr && !is_common(text_)) delete[] text_;
}

std::string_view StreamScope::default_ns() const {
  return text_ == nullptr ? std::string_view() : std::string_view(text_);
}

std::string_view StreamScope::name() const {
  return text_ == nullptr ? std::string_view() : std::string_view(after(default_ns()));
}

std::string_view StreamScope::find(std::string_view prefix) const {
  if (text_ == nullptr) return {};
  const char* p = after(name());
  while (*p != '\0') {
    const std::string_view candidate = p;
    const std::string_view ns = after(candidate);
    if (candidate == prefix) return ns;
    p = after(ns);
  }
  return {};
}

std::size_t StreamScope::memory() const {
  if (text_ == nullptr || is_common(text_)) return 0;
  return static_cast<std::size_t>(end_of(text_) - text_);
}

}  // namespace starling::xml
