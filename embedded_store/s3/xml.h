// XML of the S3 protocol: a writer that escapes everything, and a reader that keeps only what
// requests need (names without namespaces, text, children).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace store::s3 {

enum class Namespace { s3, none };

// Text for an element or attribute: & < > " and control characters become references, so that keys
// holding them survive the journey.
std::string xml_escape(std::string_view text);

// Writes one document; elements are closed in the order the calls say.
class XmlWriter {
 public:
  explicit XmlWriter(std::string_view root, Namespace where = Namespace::s3);
  void begin(std::string_view name, std::string_view attributes = "");
  void end();
  void element(std::string_view name, std::string_view text);
  void element(std::string_view name, const char* text) { element(name, std::string_view(text)); }
  void element(std::string_view name, const std::string& text) {
    element(name, std::string_view(text));
  }
  void element(std::string_view name, std::int64_t number) {
    element(name, std::to_string(number));
  }
  void element(std::string_view name, std::uint64_t number) {
    element(name, std::to_string(number));
  }
  void element(std::string_view name, int number) { element(name, std::to_string(number)); }
  void element(std::string_view name, bool flag) {
    element(name, std::string_view(flag ? "true" : "false"));
  }
  // Text directly inside the element that is open.
  void text(std::string_view text);
  // Closes what is open and hands out the document.
  std::string finish();

 private:
  std::string out_;
  std::vector<std::string> open_;
};

struct XmlNode {
  std::string name;  // without a namespace prefix
  std::string text;
  std::vector<XmlNode> children;

  // The first child of that name; nullptr when there is none.
  [[nodiscard]] const XmlNode* child(std::string_view child_name) const;
  // A child's text; nullopt when there is no such child.
  [[nodiscard]] std::optional<std::string> child_text(std::string_view child_name) const;
};

// The root of a document. Throws Fault MalformedXML when it is not well-formed, too deep, or its
// root is not `root`; "" takes any.
XmlNode parse_xml(std::string_view text, std::string_view root);

}  // namespace store::s3
