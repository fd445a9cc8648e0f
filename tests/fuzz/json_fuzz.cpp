// A request's JSON body: it is read or refused with a sentence, and what was read is written as
// JSON that reads the same.
#include <array>
#include <stdexcept>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "tests/fuzz/fuzz.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

struct ColorWords {
  static constexpr std::array<EnumWord, 2> words{{{"RED", 1}, {"BLUE", 4}}};
};

struct Point {
  std::string key;
  std::optional<double> value;
  std::int64_t step = 0;
  static constexpr auto fields() {
    return std::tuple{field("key", &Point::key), field("value", &Point::value),
                      field("step", &Point::step)};
  }
};

struct Everything {
  std::string run_id;
  std::optional<std::string> text;
  std::int64_t number = 0;
  std::optional<bool> flag;
  std::vector<std::string> words;
  std::vector<std::int64_t> numbers;
  std::vector<Point> points;
  std::optional<Point> one_point;
  std::optional<JsonText> anything;
  std::optional<Enum<ColorWords>> color;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &Everything::run_id, "", "run_uuid"),
                      field("text", &Everything::text),
                      field("number", &Everything::number),
                      field("flag", &Everything::flag),
                      field("words", &Everything::words),
                      field("numbers", &Everything::numbers),
                      field("points", &Everything::points),
                      field("one_point", &Everything::one_point),
                      field("anything", &Everything::anything),
                      field("color", &Everything::color)};
  }
};

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {
      R"({"run_id":"a","text":"é\n\u00e9\ud83d\ude00","number":5,"flag":true,"words":["a","b"]})",
      R"({"run_uuid":"a","numbers":[1,"2",3.0],"points":[{"key":"k","value":"NaN","step":-1}]})",
      R"({"run_id":"a","onePoint":{"key":"k","value":1e308},"anything":{"x":[null,{"y":2}]}})",
      R"({"run_id":"a","color":"BLUE","number":"9223372036854775807"})",
      R"({"run_id":"a","color":4,"number":9223372036854775808,"one_point":{},"onePoint":{}})",
      R"("{\"run_id\":\"inner\",\"words\":[]}")",
      R"([[[[[[[[[[]]]]]]]]]])",
      "",
      "null",
      "{",
      "\xEF\xBB\xBF{\"run_id\":\"bom\"}",
      R"({"run_id":"a","anything":"text","text":null})",
      R"({"run_id":"a","points":[{"value":-1.5e-3},{"value":"Infinity"},{"value":true}]})"};
}

void fuzz_one(std::string_view input) {
  try {
    const auto message = from_json<Everything>(input);
    const std::string written = to_json(message);
    if (to_json(from_json<Everything>(written)) != written) {
      throw std::logic_error("what was written reads otherwise: " + written);
    }
  } catch (const Error& refusal) {
    if (http_status(refusal.code()) >= 500) throw std::logic_error(refusal.message());
  }
}
