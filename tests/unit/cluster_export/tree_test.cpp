#include "sandbox/cluster_export/tree.h"

#include <catch2/catch.hpp>

#include "sandbox/base/yaml.h"
#include "sandbox/cluster_export/files.h"

namespace sandbox::cluster_export {

TEST_CASE("every text reads back as the same text", "[cluster_export]") {
  for (const std::string& text : {std::string("plain"),
                                  std::string("true"),
                                  std::string("No"),
                                  std::string("null"),
                                  std::string(""),
                                  std::string("123"),
                                  std::string("1.5"),
                                  std::string("0x1f"),
                                  std::string("1e3"),
                                  std::string("2026-11-28"),
                                  std::string("12:30:00"),
                                  std::string("~"),
                                  std::string("a: b"),
                                  std::string("a #b"),
                                  std::string("- a"),
                                  std::string("{{ x }}"),
                                  std::string("*anchor"),
                                  std::string("&x"),
                                  std::string("!tag"),
                                  std::string("%d"),
                                  std::string("@x"),
                                  std::string("`x`"),
                                  std::string("'x'"),
                                  std::string("\"x\""),
                                  std::string("two\nlines\n"),
                                  std::string("two\nlines"),
                                  std::string(" lead\nx\n"),
                                  std::string("\n\nx\n"),
                                  std::string("x \ny\n"),
                                  std::string("tab\tx"),
                                  std::string("x\n---\ny\n"),
                                  std::string("Über 한국어"),
                                  std::string("a\\b"),
                                  std::string("trailing "),
                                  std::string("x:"),
                                  std::string("=")}) {
    const Tree read = read_yaml(write_yaml(map({{"key", text}, {text.c_str(), "value"}})));
    INFO(text);
    REQUIRE(read.find("key") != nullptr);
    CHECK(read.find("key")->is_text());
    CHECK(read.find("key")->text == text);
    CHECK(read.find(text) != nullptr);
  }
}

TEST_CASE("numbers, flags and empty things are what they are", "[cluster_export]") {
  const std::string yaml = write_yaml(map({{"number", 5000},
                                           {"flag", true},
                                           {"none", Value()},
                                           {"empty", Tree::object()},
                                           {"nothing", list({})},
                                           {"items", list({"a", 1})}}));
  CHECK(yaml == "number: 5000\nflag: true\nempty: {}\nnothing: []\nitems:\n  - a\n  - 1\n");
}

TEST_CASE("a template without its values is a mistake", "[cluster_export]") {
  CHECK(filled("a @{x} b @{x}", {{"x", "@{y}"}}) == "a @{y} b @{y}");
  CHECK_THROWS(filled("a @{x}", {}));
  CHECK_THROWS(filled("a", {{"x", "1"}}));
}

}  // namespace sandbox::cluster_export
