#include <limits>

#include <catch2/catch.hpp>

#include "sandbox/traces/analytics.h"
#include "sandbox/traces/conventions.h"
#include "sandbox/traces/previews.h"
#include "sandbox/traces/python_json.h"
#include "sandbox/traces/span_json.h"
#include "sandbox/traces/span_tree.h"
#include "sandbox/traces/times.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::traces;  // NOLINT(google-build-using-namespace)

TEST_CASE("times are written and read as protobuf's JSON", "[traces]") {
  CHECK(timestamp_text(1'735'689'600'123) == "2025-01-01T00:00:00.123Z");
  CHECK(timestamp_text(0) == "1970-01-01T00:00:00Z");
  CHECK(parse_timestamp("2025-01-01T00:00:00.123456789+02:00") == 1'735'682'400'123);
  CHECK(parse_timestamp("2025-01-01T00:00:00Z") == 1'735'689'600'000);
  CHECK(!parse_timestamp("yesterday"));
  CHECK(!parse_timestamp("2025-01-01"));
  CHECK(duration_text(1500) == "1.500s");
  CHECK(duration_text(2000) == "2s");
  CHECK(duration_text(-5) == "-0.005s");
  CHECK(duration_text(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775.808s");
  CHECK(parse_duration("1.5s") == 1500);
  CHECK(parse_duration("0.0015s") == 1);
  CHECK(parse_duration("-2s") == -2000);
  CHECK(!parse_duration("1.5"));
  CHECK(!parse_duration("1.xs"));
}

TEST_CASE("numbers are written as Python's repr writes them", "[traces]") {
  CHECK(python_real(1) == "1.0");
  CHECK(python_real(0.1) == "0.1");
  CHECK(python_real(1e15) == "1000000000000000.0");
  CHECK(python_real(1e16) == "1e+16");
  CHECK(python_real(0.0001) == "0.0001");
  CHECK(python_real(0.00001) == "1e-05");
  CHECK(python_real(-1.5e-7) == "-1.5e-07");
}

TEST_CASE("JSON keeps its order and gets Python's spaces and escapes", "[traces]") {
  CHECK(to_python_json(R"({"b":[1,2.50],"a":"ü"})") == R"({"b": [1, 2.5], "a": "ü"})");
  CHECK(to_python_json(R"({"a":"ü😀"})", true) == R"({"a": "\u00fc\ud83d\ude00"})");
  CHECK(to_python_json("[1]", true, true) == "[1.0]");
  CHECK(to_python_json("no JSON") == "no JSON");
}

TEST_CASE("a preview shows the last message of its role", "[traces]") {
  const char* chat =
      R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},)"
      R"({"role":"assistant","content":"a"}]})";
  CHECK(preview_of(chat, "user") == "q");
  CHECK(preview_of(chat, "assistant") == "a");
  CHECK(preview_of(R"({"choices":[{"message":{"role":"x","content":"c"}}]})", "user") == "c");
  CHECK(preview_of(
            R"({"request":{"input":[{"role":"user","content":[{"type":"text","text":"t"}]}]}})",
            "user") == "t");
  CHECK(preview_of("{\"x\": 1}", "user") == "{\"x\": 1}");
  const std::string long_text(1500, 'x');
  CHECK(preview_of(long_text, "user") == std::string(997, 'x') + "...");
}

TEST_CASE("a span with a sum stands for everything below it", "[traces]") {
  const auto tokens = [](std::int64_t in, std::int64_t out) {
    TokenCounts counts;
    counts[0] = in;
    counts[1] = out;
    return std::optional(counts);
  };
  const std::vector<SpanNumbers> spans{
      {"root", "", std::nullopt, std::nullopt},   {"a", "root", tokens(3, 4), std::nullopt},
      {"b", "a", tokens(100, 100), std::nullopt},  // already in a
      {"c", "root", tokens(1, 1), std::nullopt},  {"d", "elsewhere", tokens(10, 0), std::nullopt},
  };
  const auto sum = sum_tokens(spans);
  REQUIRE(sum);
  CHECK(to_json(*sum) == R"({"input_tokens": 14, "output_tokens": 5, "total_tokens": 0})");
  CHECK(!sum_costs(spans));
}

TEST_CASE("sums of tokens stop at the ends of 64 bits", "[traces]") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const auto sum = sum_tokens({{"a", "", TokenCounts{most, -most}, std::nullopt},
                               {"b", "", TokenCounts{2, -2}, std::nullopt}});
  REQUIRE(sum);
  CHECK(to_json(*sum) == R"({"input_tokens": 9223372036854775807, "output_tokens": )"
                         R"(-9223372036854775808, "total_tokens": 0})");
}

TEST_CASE("a stored span is shown in OpenTelemetry's form", "[traces]") {
  std::string out;
  JsonWriter writer(out);
  write_span(writer,
             R"({"trace_id": "AAAA", "span_id": "BBBB", "parent_span_id": null, "name": "n",)"
             R"( "start_time_unix_nano": 5, "end_time_unix_nano": 0, "events": [], "status":)"
             R"( {"code": "STATUS_CODE_ERROR", "message": "m"}, "attributes": {"z": "{\"q\": [1,)"
             R"( true, null]}", "a": "\"t\"", "n": "null", "raw": "no json"}, "links": []})");
  CHECK(out ==
        R"({"trace_id":"AAAA","span_id":"BBBB","name":"n","start_time_unix_nano":5,"attributes":)"
        R"([{"key":"z","value":{"kvlist_value":{"values":[{"key":"q","value":{"array_value":)"
        R"({"values":[{"int_value":1},{"bool_value":true},{}]}}}]}}},{"key":"a","value":)"
        R"({"string_value":"t"}},{"key":"n"},{"key":"raw","value":{"string_value":"no json"}}],)"
        R"("status":{"message":"m","code":"STATUS_CODE_ERROR"}})");
}

namespace {

std::string translated(std::vector<SpanAttribute> attributes) {
  IncomingSpan span;
  span.attributes = std::move(attributes);
  translate(span);
  std::string out;
  for (const SpanAttribute& one : span.attributes) {
    if (one.key.starts_with("mlflow.")) out += one.key.substr(7) + "=" + one.json + " ";
  }
  return out;
}

}  // namespace

TEST_CASE("the words of other instrumentations become MLflow's", "[traces]") {
  CHECK(translated({{"gen_ai.operation.name", "\"chat\""},
                    {"gen_ai.usage.input_tokens", "2"},
                    {"gen_ai.usage.output_tokens", "\"3\""},
                    {"gen_ai.request.model", "\"m\""}}) ==
        "spanType=\"CHAT_MODEL\" chat.tokenUsage={\"input_tokens\": 2, \"output_tokens\": 3, "
        "\"total_tokens\": 5} llm.model=\"m\" ");
  CHECK(translated({{"gen_ai.usage.input_tokens", "9223372036854775807"},
                    {"gen_ai.usage.output_tokens", "1"}}) ==
        "chat.tokenUsage={\"input_tokens\": 9223372036854775807, \"output_tokens\": 1, "
        "\"total_tokens\": 9223372036854775807} ");
  CHECK(translated({{"openinference.span.kind", "\"TOOL\""}, {"input.value", "\"q\""}}) ==
        "spanType=\"TOOL\" spanInputs=\"q\" ");
  CHECK(translated({{"gen_ai.prompt.0.content", "\"p\""}, {"gen_ai.prompt.x.content", "\"n\""}}) ==
        "spanInputs=\"p\" ");
  CHECK(translated({{"mlflow.spanType", "\"LLM\""}, {"traceloop.span.kind", "\"task\""}}) ==
        "spanType=\"LLM\" ");
  CHECK(translated({{"span.type", "\"claude_code.tool\""},
                    {"full_command", "\"ls\""},
                    {"file_path", "\"<REDACTED>\""}}) ==
        "spanType=\"TOOL\" spanInputs={\"full_command\": \"ls\"} ");
  CHECK(translated({{"span.type", "\"claude_code.llm_request\""},
                    {"input_tokens", "1"},
                    {"output_tokens", "1"},
                    {"cache_read_tokens", "9223372036854775807"}}) ==
        "spanType=\"LLM\" chat.tokenUsage={\"input_tokens\": 9223372036854775807, "
        "\"output_tokens\": 1, \"total_tokens\": 9223372036854775807, "
        "\"cache_read_input_tokens\": 9223372036854775807} ");
  CHECK(translated({{"ai.operationId", "\"ai.streamText.doStream\""},
                    {"ai.prompt.messages", R"("[{\"role\":\"user\"}]")"}}) ==
        "message.format=vercel_ai spanInputs={\"messages\": [{\"role\": \"user\"}]} "
        "spanType=\"LLM\" ");
  CHECK(translated({{"mlflow.spanInputs", R"({"model": "m", "x": 1})"}}) ==
        "spanInputs={\"model\": \"m\", \"x\": 1} llm.model=\"m\" ");
}
