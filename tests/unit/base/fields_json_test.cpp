#include "sandbox/base/fields_json.h"

#include <array>
#include <cmath>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

struct Point {
  std::string key;
  double value = 0;
  static constexpr auto fields() {
    return std::tuple{required("key", &Point::key), required("value", &Point::value)};
  }
};

struct Batch {
  std::string run_id;
  std::int64_t max_results = 7;
  std::optional<bool> all;
  std::vector<Point> points;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &Batch::run_id, "The run.", "run_uuid"),
                      field("max_results", &Batch::max_results), field("all", &Batch::all),
                      field("points", &Batch::points)};
  }
};

struct ColorWords {
  static constexpr std::array<EnumWord, 2> words{{{"RED", 1}, {"BLUE", 4}}};
};

struct AnyColorWords : ColorWords, AnyNumber {};

struct AnyPainted {
  Enum<AnyColorWords> color;
  static constexpr auto fields() { return std::tuple{field("color", &AnyPainted::color)}; }
};

struct Paint {
  Enum<ColorWords> color;
  static constexpr auto fields() { return std::tuple{field("color", &Paint::color, "", "hue")}; }
};

}  // namespace

TEST_CASE("a message is read with snake_case, camelCase and alias names", "[base]") {
  CHECK(from_json<Batch>(R"({"run_id":"a"})").run_id == "a");
  CHECK(from_json<Batch>(R"({"run_id":"a","maxResults":3})").max_results == 3);
  CHECK_THROWS_AS(from_json<Batch>(R"({"runId":"a"})"), Error);  // a required one only as it is
  CHECK(from_json<Batch>(R"({"run_uuid":"a","unknown":[1]})").run_id == "a");
}

TEST_CASE("int64 is read from numbers and decimal text", "[base]") {
  CHECK(from_json<Batch>(R"({"run_id":"a","max_results":5})").max_results == 5);
  CHECK(from_json<Batch>(R"({"run_id":"a","max_results":"5"})").max_results == 5);
  CHECK(from_json<Batch>(R"({"run_id":"a","max_results":null})").max_results == 7);
  CHECK_THROWS_WITH(from_json<Batch>(R"({"run_id":"a","max_results":1.5})"),
                    Catch::Contains("Invalid value 1.5 for parameter 'max_results'"));
}

TEST_CASE("a missing, null or empty required text is named", "[base]") {
  for (const char* body : {"", "{}", R"({"run_id":null})", R"({"run_id":""})"}) {
    CHECK_THROWS_WITH(from_json<Batch>(body),
                      Catch::StartsWith("Missing value for required parameter 'run_id'"));
  }
}

TEST_CASE("a malformed body counts as an empty one, JSON of another kind is refused", "[base]") {
  for (const char* body :
       {"[", "{\"run_id\":\"a\",}", "{\"run_id\":NaN}", "{\"run_id\":\"\xff\"}"}) {
    CHECK_THROWS_WITH(from_json<Batch>(body), Catch::StartsWith("Missing value for required"));
  }
  for (const char* body : {"[1]", "3", "true"}) {
    CHECK_THROWS_WITH(from_json<Batch>(body), Catch::Contains("must be a JSON object"));
  }
  CHECK_THROWS_AS(JsonDocument(std::string(1000, '[')), Error);
}

TEST_CASE("both spellings of one field are refused", "[base]") {
  CHECK_THROWS_WITH(from_json<Batch>(R"({"run_id":"a","runId":"a"})"),
                    "Request specifies both 'run_id' and 'runId'; provide only one of them.");
}

TEST_CASE("a value of another type is shown with its Python type", "[base]") {
  CHECK_THROWS_WITH(from_json<Batch>(R"({"run_id":5})"),
                    Catch::StartsWith("Invalid value 5 for parameter 'run_id' supplied:  Hint: "
                                      "Value was of type 'int'. See the API docs"));
}

TEST_CASE("a JSON string holding JSON is decoded a second time", "[base]") {
  CHECK(from_json<Batch>(R"("{\"run_id\":\"a\"}")").run_id == "a");
}

TEST_CASE("NaN and infinities travel as text", "[base]") {
  const Batch batch = from_json<Batch>(
      R"({"run_id":"a","points":[{"key":"n","value":"NaN"},{"key":"i","value":"Infinity"}]})");
  CHECK(std::isnan(batch.points[0].value));
  CHECK(std::isinf(batch.points[1].value));
  CHECK(to_json(batch.points[0]) == R"({"key":"n","value":"NaN"})");
  CHECK(to_json(batch.points[1]) == R"({"key":"i","value":1.7976931348623157e+308})");
}

TEST_CASE("unset optionals and empty lists are absent, numbers keep their type", "[base]") {
  Batch batch;
  batch.run_id = "quote\" back\\ line\n é";
  CHECK(to_json(batch) == R"({"run_id":"quote\" back\\ line\n é","max_results":7})");
  batch.points.push_back({"k", 2});
  CHECK(to_json(batch).ends_with(R"("points":[{"key":"k","value":2.0}]})"));
}

TEST_CASE("a query string is read as the same message", "[base]") {
  const Batch batch = from_query<Batch>({{"run_id", "a"}, {"max_results", "3"}, {"all", "true"}});
  CHECK(batch.max_results == 3);
  CHECK(batch.all == true);
  CHECK_THROWS_AS(from_query<Batch>({{"max_results", "3"}}), Error);
}

namespace {

struct Labels {
  TextMap labels;
  static constexpr auto fields() { return std::tuple{field("labels", &Labels::labels)}; }
};

// The events as one text.
struct Told final : JsonEvents {
  void null() override { text_ += "n"; }
  void flag(bool value) override { text_ += value ? "t" : "f"; }
  void integer(std::int64_t value) override { text_ += std::to_string(value); }
  void real(double value) override { text_ += "r" + std::to_string(static_cast<int>(value)); }
  void text(std::string& value) override { text_ += "'" + value + "'"; }
  void begin_object() override { text_ += "{"; }
  void name(std::string& text) override { text_ += text + ":"; }
  void end_object() override { text_ += "}"; }
  void begin_array() override { text_ += "["; }
  void end_array() override { text_ += "]"; }
  std::string text_;
};

}  // namespace

TEST_CASE("a map of texts is read and written, and absent when it is empty", "[base]") {
  const auto read = from_json<Labels>(R"({"labels": {"b": "2", "a": "1"}})");
  CHECK(read.labels == TextMap{{"a", "1"}, {"b", "2"}});
  CHECK(to_json(read) == R"({"labels":{"a":"1","b":"2"}})");
  CHECK(to_json(Labels{}) == "{}");
  CHECK_THROWS_AS(from_json<Labels>(R"({"labels": {"a": 1}})"), Error);
  CHECK_THROWS_AS(from_json<Labels>(R"({"labels": []})"), Error);
}

TEST_CASE("a walk over JSON tells everything in the order of the text", "[base]") {
  Told told;
  CHECK(walk_json(R"({"z": [1, 2.5, null, true], "a": "x", "big": 18446744073709551615})", told));
  CHECK(told.text_.starts_with("{z:[1r2nt]a:'x'big:r"));
  Told broken;
  CHECK(!walk_json("{\"a\": ", broken));
  CHECK(!walk_json(std::string(1000, '['), broken));
}

TEST_CASE("an enum is read from its word or number; other texts leave it unset", "[base]") {
  CHECK(from_json<Paint>(R"({"color":"BLUE"})").color.name == "BLUE");
  CHECK(from_json<Paint>(R"({"color":4})").color.name == "BLUE");
  CHECK(from_query<Paint>({{"color", "1"}}).color.name == "RED");
  CHECK(from_json<Paint>(R"({"color":"GREEN"})").color.name.empty());
  for (const char* value : {"3", "\"3\"", "1.5", "true", "[]", "{}"}) {
    CHECK_THROWS_WITH(from_json<Paint>(R"({"color":)" + std::string(value) + "}"),
                      Catch::StartsWith("Invalid value " + std::string(value)));
  }
}

TEST_CASE("an unknown number counts as absent where the words say so", "[base]") {
  CHECK(from_json<AnyPainted>(R"({"color": 4})").color.name == "BLUE");
  CHECK(from_json<AnyPainted>(R"({"color": 7})").color.name.empty());
  CHECK(from_json<AnyPainted>(R"({"color": "7"})").color.name.empty());
  CHECK_THROWS_AS(from_json<AnyPainted>(R"({"color": [4]})"), Error);
}

TEST_CASE("the published shape tells an enum's values and a field's alias", "[base]") {
  std::string schema;
  JsonWriter writer(schema);
  write_schema<Paint>(writer);
  CHECK(schema == R"({"color":{"type":"enum","values":{"RED":1,"BLUE":4},"alias":"hue"}})");
}
