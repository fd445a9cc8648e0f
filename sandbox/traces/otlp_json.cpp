#include "sandbox/traces/otlp_json.h"

#include <algorithm>
#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/otlp.pb.h"

namespace sandbox::traces {
namespace {

constexpr int nesting_max = 64;

[[noreturn]] void refuse() {
  throw Error(Code::bad_request, "Invalid OpenTelemetry format");
}

// Both spellings are understood; null is absence.
std::optional<JsonView> member(const JsonView& object,
                               std::string_view camel,
                               std::string_view snake) {
  if (!object.is_object()) refuse();
  auto found = object.member(camel);
  if (!found) found = object.member(snake);
  if (found && found->is_null()) return std::nullopt;
  return found;
}

template <class Read>
void for_each_item(const JsonView& object,
                   std::string_view camel,
                   std::string_view snake,
                   Read read) {
  const auto list = member(object, camel, snake);
  if (!list) return;
  if (!list->is_array()) refuse();
  for (std::size_t i = 0; i < list->size(); ++i) read(list->at(i));
}

std::string text(const JsonView& object, std::string_view camel, std::string_view snake) {
  std::string out;
  const auto found = member(object, camel, snake);
  if (found && !found->read(out)) refuse();
  return out;
}

// Ids are hex in OpenTelemetry's JSON, unlike other bytes.
std::string id(const JsonView& object, std::string_view camel, std::string_view snake) {
  const auto bytes = unhex(text(object, camel, snake));
  if (!bytes) refuse();
  return {bytes->begin(), bytes->end()};
}

std::uint64_t time(const JsonView& object, std::string_view camel, std::string_view snake) {
  std::int64_t out = 0;
  const auto found = member(object, camel, snake);
  if (found && (found->is_bool() || !found->read(out) || out < 0)) refuse();
  return static_cast<std::uint64_t>(out);
}

void read_any(const JsonView& json, otlp::AnyValue& out, int depth);

template <class List>
void read_attributes(const JsonView& object, std::string_view name, List& out, int depth = 0) {
  for_each_item(object, name, name, [&](const JsonView& one) {
    otlp::KeyValue& pair = *out.Add();
    pair.set_key(text(one, "key", "key"));
    if (const auto value = member(one, "value", "value")) {
      read_any(*value, *pair.mutable_value(), depth);
    }
  });
}

// A value has one type; that none is named is an absent value.
void refuse_two_types(const JsonView& json) {
  constexpr std::array<std::array<std::string_view, 2>, 7> types{{
      {"stringValue", "string_value"},
      {"boolValue", "bool_value"},
      {"intValue", "int_value"},
      {"doubleValue", "double_value"},
      {"arrayValue", "array_value"},
      {"kvlistValue", "kvlist_value"},
      {"bytesValue", "bytes_value"},
  }};
  const auto count = std::count_if(types.begin(), types.end(), [&](const auto& names) {
    return member(json, names[0], names[1]).has_value();
  });
  if (count > 1) refuse();
}

void read_any(const JsonView& json, otlp::AnyValue& out, int depth) {
  if (depth > nesting_max) refuse();
  refuse_two_types(json);
  bool flag = false;
  std::int64_t integer = 0;
  double real = 0;
  if (member(json, "stringValue", "string_value")) {
    out.set_string_value(text(json, "stringValue", "string_value"));
  } else if (const auto found = member(json, "boolValue", "bool_value")) {
    if (!found->read(flag)) refuse();
    out.set_bool_value(flag);
  } else if (const auto whole = member(json, "intValue", "int_value")) {
    if (whole->is_bool() || !whole->read(integer)) refuse();
    out.set_int_value(integer);
  } else if (const auto number = member(json, "doubleValue", "double_value")) {
    if (number->is_bool() || !number->read(real)) refuse();
    out.set_double_value(real);
  } else if (const auto list = member(json, "arrayValue", "array_value")) {
    otlp::ArrayValue& values = *out.mutable_array_value();
    for_each_item(*list, "values", "values",
                  [&](const JsonView& one) { read_any(one, *values.add_values(), depth + 1); });
  } else if (const auto map = member(json, "kvlistValue", "kvlist_value")) {
    read_attributes(*map, "values", *out.mutable_kvlist_value()->mutable_values(), depth + 1);
  } else if (member(json, "bytesValue", "bytes_value")) {
    const auto bytes = unbase64(text(json, "bytesValue", "bytes_value"));
    if (!bytes) refuse();
    out.set_bytes_value(*bytes);
  }
}

void read_status(const JsonView& span, otlp::Status& out) {
  const auto status = member(span, "status", "status");
  if (!status) return;
  out.set_message(text(*status, "message", "message"));
  const auto code = member(*status, "code", "code");
  std::int64_t number = 0;
  std::string word;
  if (!code) return;
  if (code->is_string() && code->read(word)) {
    // An unknown word counts as no status.
    out.set_code(word == "STATUS_CODE_OK" ? 1 : word == "STATUS_CODE_ERROR" ? 2 : 0);
  } else if (code->is_number() && code->read(number)) {
    out.set_code(number == 1 || number == 2 ? static_cast<std::int32_t>(number) : 0);
  } else {
    refuse();
  }
}

void read_span(const JsonView& json, otlp::Span& out) {
  out.set_trace_id(id(json, "traceId", "trace_id"));
  out.set_span_id(id(json, "spanId", "span_id"));
  out.set_parent_span_id(id(json, "parentSpanId", "parent_span_id"));
  out.set_name(text(json, "name", "name"));
  out.set_start_time_unix_nano(time(json, "startTimeUnixNano", "start_time_unix_nano"));
  out.set_end_time_unix_nano(time(json, "endTimeUnixNano", "end_time_unix_nano"));
  read_attributes(json, "attributes", *out.mutable_attributes());
  for_each_item(json, "events", "events", [&](const JsonView& one) {
    otlp::Event& event = *out.add_events();
    event.set_time_unix_nano(time(one, "timeUnixNano", "time_unix_nano"));
    event.set_name(text(one, "name", "name"));
    read_attributes(one, "attributes", *event.mutable_attributes());
  });
  for_each_item(json, "links", "links", [&](const JsonView& one) {
    otlp::Link& link = *out.add_links();
    link.set_trace_id(id(one, "traceId", "trace_id"));
    link.set_span_id(id(one, "spanId", "span_id"));
    read_attributes(one, "attributes", *link.mutable_attributes());
  });
  read_status(json, *out.mutable_status());
}

JsonDocument parse(std::string_view body) {
  try {
    return JsonDocument(body);
  } catch (const Error&) {  // one sentence for all that is no such request
    refuse();
  }
}

}  // namespace

void read_otlp_json(std::string_view body, otlp::ExportRequest& out) {
  const JsonDocument document = parse(body);
  for_each_item(document.root(), "resourceSpans", "resource_spans", [&](const JsonView& one) {
    otlp::ResourceSpans& group = *out.add_resource_spans();
    if (const auto resource = member(one, "resource", "resource")) {
      read_attributes(*resource, "attributes", *group.mutable_resource()->mutable_attributes());
    }
    for_each_item(one, "scopeSpans", "scope_spans", [&](const JsonView& scope) {
      otlp::ScopeSpans& spans = *group.add_scope_spans();
      for_each_item(scope, "spans", "spans",
                    [&](const JsonView& span) { read_span(span, *spans.add_spans()); });
    });
  });
}

}  // namespace sandbox::traces
