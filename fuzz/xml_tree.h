// What an XML document says, apart from how it is written: for comparing two parsers.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "xml/document.h"

namespace starling::fuzz {

struct TreeAttribute {
  std::string ns;
  std::string name;
  std::string value;
  bool operator==(const TreeAttribute&) const = default;
};

struct Tree {
  std::string ns;
  std::string name;
  std::vector<TreeAttribute> attributes;
  std::string text;  // directly inside
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};

inline Tree tree_of(const xml::Element& element) {
  Tree tree;
  tree.ns = element.ns();
  tree.name = element.name();
  for (const xml::Attribute& attribute : element.attributes()) {
    tree.attributes.push_back({.ns = std::string(attribute.ns),
                               .name = std::string(attribute.name),
                               .value = std::string(attribute.value)});
  }
  tree.text = element.text();
  for (const xml::Element child : element.children()) tree.children.push_back(tree_of(child));
  return tree;
}

inline void append_to(std::string& out, const Tree& tree) {
  out += "{" + tree.ns + "}" + tree.name;
  for (const TreeAttribute& a : tree.attributes) {
    out += " {" + a.ns + "}" + a.name + "=[" + a.value + "]";
  }
  out += " text=[" + tree.text + "](";
  for (const Tree& child : tree.children) append_to(out, child);
  out += ")";
}

}  // namespace starling::fuzz
