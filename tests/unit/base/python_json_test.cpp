#include "sandbox/base/python_json.h"

#include <limits>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of these

namespace {

std::string again(std::string_view json, bool sort_keys = false) {
  return PythonJson::parse(json).dumps(sort_keys);
}

}  // namespace

// What stands on the right is what Python 3.11 prints for json.dumps(json.loads(left)).
TEST_CASE("JSON is written as Python writes it", "[base]") {
  CHECK(again(R"({"b":1,"a":[1,2.50,true,null,{}],"c":[]})") ==
        R"({"b": 1, "a": [1, 2.5, true, null, {}], "c": []})");
  CHECK(again(R"({"b":1,"a":{"d":1,"c":2}})", true) == R"({"a": {"c": 2, "d": 1}, "b": 1})");
  CHECK(again(R"({"a":1,"b":2,"a":3})") == R"({"a": 3, "b": 2})");
  CHECK(again("[NaN,Infinity,-Infinity,1e400,-1e400,1e-400]") ==
        "[NaN, Infinity, -Infinity, Infinity, -Infinity, 0.0]");
  CHECK(again("[1000000000000000000000000000000,-0,-0.0,0]") ==
        "[1000000000000000000000000000000, 0, -0.0, 0]");
  CHECK(again("[1e-7,1.0E16,123456789012345680.0,0.0001,1e15,0.1,1e22,5e-324,1.5e300]") ==
        "[1e-07, 1e+16, 1.2345678901234568e+17, 0.0001, 1000000000000000.0, 0.1, 1e+22, 5e-324, "
        "1.5e+300]");
  CHECK(again("\"\xC3\xA9 \\u00e9 \\ud83d\\ude00 \xF0\x9F\x98\x80 \\ud83d \\/ \\b\\f\\n\\r\\t\\\\ "
              "\x7F\"") ==
        R"("\u00e9 \u00e9 \ud83d\ude00 \ud83d\ude00 \ud83d / \b\f\n\r\t\\ \u007f")");
  CHECK(again(" \n[ ] ") == "[]");
}

TEST_CASE("what Python does not read is refused", "[base]") {
  for (const char* json :
       {"", "x", "[1", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1.", "-", "+1", "\"a", "\"\\x\"",
        "\"\\u12\"", "[1] 2", "nul", "'a'", "\"\n\"", "{1:2}"}) {
    CAPTURE(json);
    CHECK_THROWS_AS(PythonJson::parse(json), Error);
  }
  CHECK_THROWS_AS(PythonJson::parse(std::string(200, '[')), Error);
}

TEST_CASE("members are set where they stand, and values have Python's truth", "[base]") {
  PythonJson value = PythonJson::parse(R"({"a":1,"b":2})");
  value.update(PythonJson::parse(R"({"c":3,"a":[]})"));
  CHECK(value.dumps() == R"({"a": [], "b": 2, "c": 3})");
  CHECK(value.find("b")->text == "2");
  CHECK(value.find("x") == nullptr);
  for (const char* json : {"null", "false", "0", "0.0", "\"\"", "[]", "{}"}) {
    CHECK_FALSE(PythonJson::parse(json).is_true());
  }
  for (const char* json : {"true", "1", "NaN", "\"0\"", "[0]", "{\"a\":0}"}) {
    CHECK(PythonJson::parse(json).is_true());
  }
}

TEST_CASE("values have Python's literals", "[base]") {
  CHECK(PythonJson::parse(R"({"a":[1,1.5,true,null,"it's","\n"]})").str() ==
        R"({'a': [1, 1.5, True, None, "it's", '\n']})");
  CHECK(PythonJson::of("x").str() == "x");
  CHECK(python_repr("a'b\"c") == R"('a\'b"c')");
  CHECK(python_repr(std::vector<std::string>{"a", "b"}) == "['a', 'b']");
}

TEST_CASE("an object of many members keeps each name once", "[base]") {
  std::string json = "{";
  std::string wanted = "{";
  for (int i = 0; i < 40; ++i) {
    json += "\"k" + std::to_string(i) + "\":0,";
    wanted +=
        (i == 0 ? "\"k" : ", \"k") + std::to_string(i) + "\": " + (i == 3 || i == 30 ? "1" : "0");
  }
  CHECK(again(json + "\"k3\":1,\"k30\":1}") == wanted + "}");
  CHECK(!PythonJson::parse_if_json("{"));
}

TEST_CASE("numbers are written as Python's repr writes them", "[base]") {
  CHECK(python_real(1) == "1.0");
  CHECK(python_real(0.1) == "0.1");
  CHECK(python_real(1e15) == "1000000000000000.0");
  CHECK(python_real(1e16) == "1e+16");
  CHECK(python_real(0.0001) == "0.0001");
  CHECK(python_real(0.00001) == "1e-05");
  CHECK(python_real(std::numeric_limits<double>::infinity()) == "Infinity");
  CHECK(python_real(-1.5e-7) == "-1.5e-07");
}

TEST_CASE("JSON keeps its order and gets Python's spaces and escapes", "[base]") {
  CHECK(to_python_json(R"({"b":[1,2.50],"a":"ü"})") == R"({"b": [1, 2.5], "a": "ü"})");
  CHECK(to_python_json(R"({"a":"ü😀"})", true) == R"({"a": "\u00fc\ud83d\ude00"})");
  CHECK(to_python_json("[1]", true, true) == "[1.0]");
  CHECK(to_python_json("[\"\x7F\"]") == "[\"\x7F\"]");
  CHECK(to_python_json("[\"\x7F\"]", true) == "[\"\\u007f\"]");
  CHECK(to_python_json("no JSON") == "no JSON");
}
