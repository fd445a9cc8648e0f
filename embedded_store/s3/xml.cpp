#include "embedded_store/s3/xml.h"

#include <array>
#include <cstdio>

#include <pugixml.hpp>

#include "embedded_store/s3/errors.h"

namespace store::s3 {
namespace {

constexpr int depth_max = 16;

std::string_view local_name(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

XmlNode copy(const pugi::xml_node& from, int depth) {
  if (depth > depth_max) throw fault("MalformedXML");
  XmlNode node;
  node.name = local_name(from.name());
  for (const pugi::xml_node& child : from.children()) {
    if (child.type() == pugi::node_element) {
      node.children.push_back(copy(child, depth + 1));
    } else if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
      node.text += child.value();
    }
  }
  return node;
}

}  // namespace

std::string xml_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          std::array<char, 8> reference{};
          const int size = std::snprintf(reference.data(), reference.size(), "&#x%X;",
                                         static_cast<unsigned>(static_cast<unsigned char>(c)));
          out.append(reference.data(), static_cast<std::size_t>(size));
        } else {
          out += c;
        }
    }
  }
  return out;
}

XmlWriter::XmlWriter(std::string_view root, Namespace where)
    : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {
  begin(root, where == Namespace::s3 ? "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"" : "");
}

void XmlWriter::begin(std::string_view name, std::string_view attributes) {
  out_ += '<';
  out_ += name;
  if (!attributes.empty()) {
    out_ += ' ';
    out_ += attributes;
  }
  out_ += '>';
  open_.emplace_back(name);
}

void XmlWriter::end() {
  out_ += "</" + open_.back() + ">";
  open_.pop_back();
}

void XmlWriter::element(std::string_view name, std::string_view text) {
  begin(name);
  this->text(text);
  end();
}

void XmlWriter::text(std::string_view text) {
  out_ += xml_escape(text);
}

std::string XmlWriter::finish() {
  while (!open_.empty()) end();
  return std::move(out_);
}

const XmlNode* XmlNode::child(std::string_view child_name) const {
  for (const XmlNode& one : children) {
    if (one.name == child_name) return &one;
  }
  return nullptr;
}

std::optional<std::string> XmlNode::child_text(std::string_view child_name) const {
  if (const XmlNode* one = child(child_name)) return one->text;
  return std::nullopt;
}

XmlNode parse_xml(std::string_view text, std::string_view root) {
  pugi::xml_document document;
  // A key may be a single blank, which the default options would drop.
  const unsigned options = pugi::parse_default | pugi::parse_ws_pcdata_single;
  const auto result = document.load_buffer(text.data(), text.size(), options);
  const pugi::xml_node top = document.document_element();
  const bool is_wanted = root.empty() || local_name(top.name()) == root;
  if (!result || !top || !is_wanted) throw fault("MalformedXML");
  return copy(top, 0);
}

}  // namespace store::s3
