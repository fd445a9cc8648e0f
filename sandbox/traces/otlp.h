// The one door to protobuf: OpenTelemetry's export requests as spans of ours. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox::traces {

enum class OtlpForm { protobuf, json };

// Values are JSON as MLflow keeps it: of a text that holds JSON itself, the inner one.
struct SpanAttribute {
  std::string key;
  std::string json;
};

enum class SpanStatus { unset, ok, error };

struct IncomingSpan {
  std::string trace_id;    // "tr-" and 32 hex digits
  std::string span_id;     // 16 hex digits
  std::string parent_id;   // "" for a root
  std::string trace_id64;  // the three again as base64 of their bytes, as they stand in the content
  std::string span_id64;
  std::string parent_id64;
  std::string name;
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;  // 0 while it runs
  SpanStatus status = SpanStatus::unset;
  std::string status_message;
  std::optional<std::string> type;        // the attribute mlflow.spanType as it was sent
  std::vector<SpanAttribute> attributes;  // each key once
  std::string events_json = "[]";         // finished parts of the content
  std::string links_json = "[]";
  std::size_t resource = 0;  // in IncomingSpans::resources

  [[nodiscard]] const std::string* attribute(std::string_view key) const;
  void set_attribute(std::string_view key, std::string json);
};

struct IncomingSpans {
  // What produced the spans, as the tags of a trace: key and text.
  std::vector<std::vector<std::pair<std::string, std::string>>> resources;
  std::vector<IncomingSpan> spans;
};

// Throws Error(bad_request) for what is no export request and for one without spans, and
// Error(invalid_parameter_value) for a span that cannot be one. Nothing else, whatever the bytes.
IncomingSpans read_otlp(std::string_view body, OtlpForm form);

}  // namespace sandbox::traces
