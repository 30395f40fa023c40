// The oracle of the stream scanner: expat, told to refuse what RFC 6120 forbids on top of XML.
#pragma once

#include <expat.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xml_tree.h"

namespace starling::fuzz {

class ExpatOracle {
 public:
  // Parses a whole stream, from its XML declaration to its closing tag.
  explicit ExpatOracle(std::string_view input) : input_(input) {
    // RFC 6120 11.6: U+FEFF at the beginning is a character like any other, and nothing but UTF-8
    // is read; expat takes UTF-16 for what it looks like, even when told UTF-8.
    if (input.starts_with("\xEF\xBB\xBF") || input.starts_with("\xFE\xFF") ||
        input.starts_with("\xFF\xFE") || input.substr(0, 2).contains('\0')) {
      return;
    }
    parser_ = XML_ParserCreateNS("UTF-8", kSeparator);
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(parser_, on_start, on_end);
    XML_SetCharacterDataHandler(parser_, on_text);
    XML_SetXmlDeclHandler(parser_, on_declaration);
    XML_SetStartDoctypeDeclHandler(
        parser_, [](void* self, const char*, const char*, const char*, int) { refuse(self); });
    XML_SetCommentHandler(parser_, [](void* self, const char*) { refuse(self); });
    XML_SetProcessingInstructionHandler(parser_,
                                        [](void* self, const char*, const char*) { refuse(self); });
    XML_SetStartCdataSectionHandler(parser_, [](void* data) {
      if (static_cast<ExpatOracle*>(data)->open_.size() < 2) refuse(data);
    });
    accepted_ =
        XML_Parse(parser_, input.data(), static_cast<int>(input.size()), XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(parser_);
  }

  [[nodiscard]] bool accepted() const { return accepted_; }
  // The opening tag, and the first-level children that were complete before any error.
  [[nodiscard]] const Tree& root() const { return root_; }
  [[nodiscard]] const std::vector<Tree>& stanzas() const { return stanzas_; }

 private:
  static constexpr char kSeparator = '\x01';  // can be in no name and no namespace

  static std::pair<std::string, std::string> split(std::string_view name) {
    const std::size_t at = name.find(kSeparator);
    if (at == std::string_view::npos) return {"", std::string(name)};
    return {std::string(name.substr(0, at)), std::string(name.substr(at + 1))};
  }

  static void refuse(void* self) {
    XML_StopParser(static_cast<ExpatOracle*>(self)->parser_, XML_FALSE);
  }

  static void on_start(void* data, const char* name, const char** attributes) {
    auto* self = static_cast<ExpatOracle*>(data);
    Tree tree;
    std::tie(tree.ns, tree.name) = split(name);
    for (; *attributes != nullptr; attributes += 2) {
      auto [ns, local] = split(attributes[0]);
      tree.attributes.push_back({std::move(ns), std::move(local), attributes[1]});
    }
    if (self->open_.empty()) self->root_ = tree;
    self->open_.push_back(std::move(tree));
  }

  static void on_end(void* data, const char*) {
    auto* self = static_cast<ExpatOracle*>(data);
    Tree tree = std::move(self->open_.back());
    self->open_.pop_back();
    if (self->open_.empty()) return;
    (self->open_.size() == 1 ? self->stanzas_ : self->open_.back().children)
        .push_back(std::move(tree));
  }

  static void on_text(void* data, const char* text, int length) {
    auto* self = static_cast<ExpatOracle*>(data);
    const std::string_view view(text, static_cast<std::size_t>(length));
    if (self->open_.size() > 1) {
      self->open_.back().text += view;
      return;
    }
    // Below the root only white space may stand, and none written as a reference.
    const auto at = static_cast<std::size_t>(XML_GetCurrentByteIndex(self->parser_));
    const bool blank = view.find_first_not_of(" \t\r\n") == std::string_view::npos;
    if (!blank || self->input_[at] == '&') refuse(data);
  }

  static void on_declaration(void* self, const char* version, const char* encoding, int) {
    std::string lower = encoding == nullptr ? "utf-8" : encoding;
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
    if (version == nullptr || std::string_view(version) != "1.0" || lower != "utf-8") refuse(self);
  }

  std::string_view input_;
  XML_Parser parser_ = nullptr;
  bool accepted_ = false;
  Tree root_;
  std::vector<Tree> stanzas_;
  std::vector<Tree> open_;
};

}  // namespace starling::fuzz
