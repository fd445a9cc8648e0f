#include "embedded_store/s3/xml.h"

#include <catch2/catch.hpp>

#include "embedded_store/s3/errors.h"

using store::s3::parse_xml;
using store::s3::xml_escape;
using store::s3::XmlNode;
using store::s3::XmlWriter;

TEST_CASE("markup and control characters become references", "[s3]") {
  CHECK(xml_escape("a<b>&\"c'\r\n\t\x01\x7F") ==
        "a&lt;b&gt;&amp;&quot;c'&#xD;&#xA;&#x9;&#x1;&#x7F;");
  CHECK(xml_escape("grün/€") == "grün/€");
}

TEST_CASE("a document is written with its namespace and closed", "[s3]") {
  XmlWriter xml("Result");
  xml.element("Key", "a&b");
  xml.begin("Owner");
  xml.element("Size", 5);
  CHECK(xml.finish() ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<Result xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Key>a&amp;b</Key>"
        "<Owner><Size>5</Size></Owner></Result>");
}

TEST_CASE("what is written is read again", "[s3]") {
  const std::string awkward = " <&\">'\r\n\t ]]> ü ";
  XmlWriter xml("Delete");
  xml.element("Key", awkward);
  xml.element("Key2", " ");
  const XmlNode root = parse_xml(xml.finish(), "Delete");
  CHECK(root.child_text("Key") == awkward);
  CHECK(root.child_text("Key2") == " ");
}

TEST_CASE("requests are read with and without namespaces and with unknown elements", "[s3]") {
  const XmlNode root = parse_xml(
      "<s3:Delete xmlns:s3='http://s3.amazonaws.com/doc/2006-03-01/'><s3:New/>"
      "<s3:Object><s3:Key>a<![CDATA[<b>]]>c</s3:Key></s3:Object></s3:Delete>",
      "Delete");
  REQUIRE(root.child("Object"));
  CHECK(root.child("Object")->child_text("Key") == "a<b>c");
  CHECK_FALSE(root.child("Key"));
}

TEST_CASE("what is no such document is refused", "[s3]") {
  for (const std::string_view text : {"", "text", "<Delete>", "<Other/>", "<Delete></delete>"}) {
    CHECK_THROWS_AS(parse_xml(text, "Delete"), store::Fault);
  }
  std::string deep = "<Delete>";
  for (int i = 0; i < 100; ++i) deep += "<a>";
  for (int i = 0; i < 100; ++i) deep += "</a>";
  CHECK_THROWS_AS(parse_xml(deep + "</Delete>", "Delete"), store::Fault);
}
