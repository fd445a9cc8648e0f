#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/inflate.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/api.h"
#include "sandbox/traces/spans.h"

namespace sandbox::traces {
namespace {

constexpr std::size_t body_bytes_max = std::size_t{64} << 20;
constexpr std::size_t inflated_bytes_max = std::size_t{128} << 20;

// {"detail": "…"}, the form of errors on this path alone.
http::Response detail(int status, const std::string& sentence) {
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  writer.name("detail");
  writer.value(sentence);
  writer.end_object();
  return http::Response::json(status, json);
}

http::Response missing_header() {
  return http::Response::json(
      422, R"({"detail":[{"type":"missing","loc":["header","x-mlflow-experiment-id"],)"
           R"("msg":"Field required","input":null}]})");
}

std::string read_body(http::Request& request) {
  std::string body = http::read_all(*request.body, body_bytes_max);
  const std::string encoding = lower(request.headers.get("content-encoding"));
  if (encoding.empty()) return body;
  if (encoding != "gzip" && encoding != "deflate") {
    throw Error(Code::bad_request, "Unsupported Content-Encoding: " + encoding);
  }
  return inflate(body, encoding == "gzip" ? Compression::gzip : Compression::deflate,
                 inflated_bytes_max);
}

// The spans of the request, or the answer that refuses it.
std::optional<http::Response> read_spans(http::Request& request, IncomingSpans& out) {
  const std::string_view type = request.headers.get("content-type");
  const std::string_view media_type = trim(type.substr(0, type.find(';')));
  const bool is_json = media_type == "application/json";
  if (!is_json && media_type != "application/x-protobuf") {
    const bool is_absent = !request.headers.find("content-type");
    return detail(400, "Invalid Content-Type: " + (is_absent ? "None" : std::string(type)) +
                           ". Expected: application/x-protobuf or application/json");
  }
  try {
    out = read_otlp(read_body(request), is_json ? OtlpForm::json : OtlpForm::protobuf);
  } catch (const Error& failure) {  // told in this path's own form
    const bool is_span = failure.message().starts_with("Cannot convert");
    return detail(is_span ? 422 : http_status(failure.code()), failure.message());
  }
  return std::nullopt;
}

}  // namespace

void install_otlp(http::Router& router, Spans& spans) {
  router.add("POST", "/v1/traces", [&](http::Request& request) {
    const auto experiment_id = request.headers.find("x-mlflow-experiment-id");
    if (!experiment_id) return missing_header();
    IncomingSpans incoming;
    if (auto refusal = read_spans(request, incoming)) return std::move(*refusal);
    spans.log(std::string(*experiment_id), std::string(request.headers.get("x-mlflow-run-id")),
              std::move(incoming));
    // An empty message: everything was taken.
    return http::Response::text(200, "", "application/x-protobuf");
  });
}

}  // namespace sandbox::traces
