#include "sandbox/traces/otlp.h"

#include <random>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/otlp.pb.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::traces;  // NOLINT(google-build-using-namespace)

namespace {

std::string bytes(std::string_view digits) {
  const auto raw = unhex(digits);
  return {raw->begin(), raw->end()};
}

otlp::Span& add_span(otlp::ExportRequest& request) {
  otlp::Span& span = *request.add_resource_spans()->add_scope_spans()->add_spans();
  span.set_trace_id(bytes("0000000000000000000000000000002a"));
  span.set_span_id(bytes("00000000000000aa"));
  span.set_name("work");
  span.set_start_time_unix_nano(1'000'000'000);
  span.set_end_time_unix_nano(2'000'000'000);
  return span;
}

otlp::AnyValue& add_attribute(otlp::Span& span, const std::string& key) {
  otlp::KeyValue& pair = *span.add_attributes();
  pair.set_key(key);
  return *pair.mutable_value();
}

// What becomes of one attribute value.
std::string json_of(const std::function<void(otlp::AnyValue&)>& set) {
  otlp::ExportRequest request;
  set(add_attribute(add_span(request), "k"));
  return *read_otlp(request.SerializeAsString(), OtlpForm::protobuf).spans.at(0).attribute("k");
}

// A request with everything a request can have.
otlp::ExportRequest rich_request() {
  otlp::ExportRequest request;
  otlp::Span& span = add_span(request);
  span.set_parent_span_id(bytes("00000000000000bb"));
  add_attribute(span, "text").set_string_value("{\"a\": [1, 2.5, null]}");
  add_attribute(span, "int").set_int_value(-7);
  add_attribute(span, "bytes").set_bytes_value(bytes("00ff41"));
  otlp::AnyValue& list = add_attribute(span, "list");
  list.mutable_array_value()->add_values()->set_double_value(1e17);
  otlp::KeyValue& inner =
      *add_attribute(span, "map").mutable_kvlist_value()->mutable_values()->Add();
  inner.set_key("flag");
  inner.mutable_value()->set_bool_value(true);
  otlp::Event& event = *span.add_events();
  event.set_name("exception");
  event.set_time_unix_nano(5);
  otlp::KeyValue& message = *event.add_attributes();
  message.set_key("exception.message");
  message.mutable_value()->set_string_value("no \"luck\"");
  otlp::Link& link = *span.add_links();
  link.set_trace_id(bytes("0000000000000000000000000000002b"));
  link.set_span_id(bytes("00000000000000ab"));
  span.mutable_status()->set_code(2);
  span.mutable_status()->set_message("failed");
  otlp::KeyValue& service =
      *request.mutable_resource_spans(0)->mutable_resource()->add_attributes();
  service.set_key("service.name");
  service.mutable_value()->set_string_value("shop");
  return request;
}

constexpr const char* rich_json =
    R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":
    "shop"}}]},"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000002a","spanId":
    "00000000000000aa","parentSpanId":"00000000000000bb","name":"work","startTimeUnixNano":
    "1000000000","endTimeUnixNano":2000000000,"attributes":[{"key":"text","value":{"stringValue":
    "{\"a\": [1, 2.5, null]}"}},{"key":"int","value":{"intValue":"-7"}},{"key":"bytes","value":{
    "bytesValue":"AP9B"}},{"key":"list","value":{"arrayValue":{"values":[{"doubleValue":1e17}]}}},{
    "key":"map","value":{"kvlistValue":{"values":[{"key":"flag","value":{"boolValue":true}}]}}}],
    "events":[{"name":"exception","timeUnixNano":5,"attributes":[{"key":"exception.message","value":{
    "stringValue":"no \"luck\""}}]}],"links":[{"traceId":"0000000000000000000000000000002b","spanId":
    "00000000000000ab"}],"status":{"code":2,"message":"failed"},"unknown":[1]}]}]}]})";

std::string shown(const IncomingSpans& incoming) {
  std::string out;
  for (const IncomingSpan& span : incoming.spans) {
    out += span.trace_id + " " + span.span_id + " " + span.parent_id + " " + span.name + " " +
           std::to_string(span.start_ns) + " " + std::to_string(span.end_ns) + " " +
           std::to_string(static_cast<int>(span.status)) + " " + span.status_message + "\n";
    for (const SpanAttribute& one : span.attributes) out += one.key + "=" + one.json + "\n";
    out += span.events_json + "\n" + span.links_json + "\n";
    for (const auto& [key, text] : incoming.resources.at(span.resource)) out += key + "=" + text;
  }
  return out;
}

std::string refusal(std::string_view body, OtlpForm form = OtlpForm::protobuf) {
  try {
    read_otlp(body, form);
  } catch (const Error& failure) {
    return failure.message();
  }
  return "taken";
}

// Anything but an Error ends the test.
void feed(const std::string& body) {
  for (const OtlpForm form : {OtlpForm::protobuf, OtlpForm::json}) {
    try {
      read_otlp(body, form);
    } catch (const Error&) {  // what is no request is refused
    }
  }
}

std::string mutated(std::string body, std::mt19937& chance) {
  const auto pick = [&](std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end == 0 ? 0 : end - 1)(chance);
  };
  for (std::size_t change = 0; change <= pick(4); ++change) {
    const std::size_t at = pick(body.size());
    switch (pick(4)) {
      case 0:
        if (!body.empty()) body[at] = static_cast<char>(pick(256));
        break;
      case 1: body.erase(at, pick(9)); break;
      case 2: body.insert(at, body.substr(pick(body.size()), pick(20))); break;
      default: body.resize(pick(body.size() + 1));
    }
  }
  return body;
}

}  // namespace

TEST_CASE("attribute values become the JSON that Python writes", "[traces]") {
  CHECK(json_of([](otlp::AnyValue& v) { v.set_string_value("ü \"q\"\n"); }) ==
        "\"ü \\\"q\\\"\\n\"");
  CHECK(json_of([](otlp::AnyValue& v) { v.set_int_value(5); }) == "5");
  CHECK(json_of([](otlp::AnyValue& v) { v.set_double_value(100000); }) == "100000.0");
  CHECK(json_of([](otlp::AnyValue& v) { v.set_double_value(1e16); }) == "1e+16");
  CHECK(json_of([](otlp::AnyValue& v) { v.set_bool_value(true); }) == "true");
  CHECK(json_of([](otlp::AnyValue& v) { v.set_bytes_value("a'\x01"); }) == R"("b\"a'\\x01\"")");
  CHECK(json_of([](otlp::AnyValue& v) { v.mutable_array_value()->add_values(); }) == "[null]");
  CHECK(json_of([](otlp::AnyValue& /*v*/) {}) == "null");
}

TEST_CASE("a text that holds JSON of its own is not encoded again", "[traces]") {
  CHECK(json_of([](otlp::AnyValue& v) { v.set_string_value("{\"a\": 1}"); }) == "{\"a\": 1}");
  CHECK(json_of([](otlp::AnyValue& v) { v.set_string_value("\"LLM\""); }) == "\"LLM\"");
  CHECK(json_of([](otlp::AnyValue& v) { v.set_string_value("1"); }) == "\"1\"");
  CHECK(json_of([](otlp::AnyValue& v) { v.set_string_value("{broken"); }) == "\"{broken\"");
}

TEST_CASE("a span carries the id of its trace, whatever it says itself", "[traces]") {
  otlp::ExportRequest request;
  add_attribute(add_span(request), "mlflow.traceRequestId").set_string_value("tr-other");
  const IncomingSpan span = read_otlp(request.SerializeAsString(), OtlpForm::protobuf).spans.at(0);
  CHECK(span.trace_id == "tr-0000000000000000000000000000002a");
  CHECK(*span.attribute("mlflow.traceRequestId") == "\"tr-0000000000000000000000000000002a\"");
}

TEST_CASE("both forms of a request say the same", "[traces]") {
  const std::string from_protobuf =
      shown(read_otlp(rich_request().SerializeAsString(), OtlpForm::protobuf));
  CHECK(from_protobuf == shown(read_otlp(rich_json, OtlpForm::json)));
  CHECK(from_protobuf.find("map={\"flag\": true}") != std::string::npos);
  CHECK(from_protobuf.find("service.name=shop") != std::string::npos);
}

TEST_CASE("what is no export request is refused", "[traces]") {
  CHECK(refusal("") == "Invalid OpenTelemetry format - no spans found");
  CHECK(refusal("garbage") == "Invalid OpenTelemetry format");
  CHECK(refusal("{}", OtlpForm::json) == "Invalid OpenTelemetry format - no spans found");
  CHECK(refusal("[]", OtlpForm::json) == "Invalid OpenTelemetry format");
  CHECK(refusal("{\"resourceSpans\": 5}", OtlpForm::json) == "Invalid OpenTelemetry format");
  CHECK(refusal(R"({"resourceSpans": [{"resource": {"attributes": [
                     {"key": "k", "value": {"stringValue": "a", "intValue": 1}}]}}]})",
                OtlpForm::json) == "Invalid OpenTelemetry format");
  otlp::ExportRequest request;
  add_span(request).clear_span_id();
  CHECK(refusal(request.SerializeAsString()) == "Cannot convert OpenTelemetry span to MLflow span");
}

TEST_CASE("whatever the bytes are, nothing but a refusal comes of them", "[traces]") {
  const std::string protobuf = rich_request().SerializeAsString();
  std::mt19937 chance(4);  // NOLINT(cert-msc51-cpp): the same bytes every time
  for (int round = 0; round < 20'000; ++round) {
    feed(mutated(protobuf, chance));
    if (round % 4 == 0) feed(mutated(rich_json, chance));
  }
  feed(std::string(1000, '['));
  feed("{\"resourceSpans\":" + std::string(90, '[') + std::string(90, ']') + "}");
}
