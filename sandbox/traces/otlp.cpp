// Source of the rules: server/otel_api.py, entities/span.py and tracing/utils/otlp.py of MLflow
// 3.17.
#include "sandbox/traces/otlp.h"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>

#include <google/protobuf/stubs/logging.h>

#include "sandbox/base/error.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/otlp.pb.h"
#include "sandbox/traces/otlp_json.h"

namespace sandbox::traces {
namespace {

constexpr std::size_t trace_id_bytes = 16;
constexpr std::size_t span_id_bytes = 8;

[[noreturn]] void no_span() {
  throw Error(Code::invalid_parameter_value, "Cannot convert OpenTelemetry span to MLflow span");
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// The id with zeros in front up to its length; ids that are too long by zeros only are cut.
std::string padded(std::string_view id, std::size_t size) {
  while (id.size() > size && id.front() == '\0') id.remove_prefix(1);
  if (id.size() > size) no_span();
  return std::string(size - id.size(), '\0') + std::string(id);
}

// Bytes as Python shows them: b'\x00a'.
std::string python_bytes(std::string_view bytes) {
  const bool has_single = bytes.find('\'') != std::string_view::npos;
  const char quote = has_single && bytes.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out = std::string("b") + quote;
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == quote || c == '\\') {
      out += std::string("\\") + c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte >= 0x7F) {
      out += "\\x" + hex(std::array{byte});
    } else {
      out += c;
    }
  }
  return out + quote;
}

template <class List>
void write_members(PythonJsonWriter& writer, const List& pairs, bool bytes_as_base64);

void write_any(PythonJsonWriter& writer,
               const otlp::AnyValue& value,
               bool bytes_as_base64 = false) {
  switch (value.value_case()) {
    case otlp::AnyValue::kStringValue: return writer.string(value.string_value());
    case otlp::AnyValue::kBoolValue: return writer.flag(value.bool_value());
    case otlp::AnyValue::kIntValue: return writer.integer(value.int_value());
    case otlp::AnyValue::kDoubleValue: return writer.real(value.double_value());
    case otlp::AnyValue::kBytesValue:
      return writer.string(bytes_as_base64 ? base64(value.bytes_value())
                                           : python_bytes(value.bytes_value()));
    case otlp::AnyValue::kArrayValue:
      writer.begin_array();
      for (const otlp::AnyValue& one : value.array_value().values()) write_any(writer, one);
      return writer.end_array();
    case otlp::AnyValue::kKvlistValue:
      return write_members(writer, value.kvlist_value().values(), false);
    case otlp::AnyValue::VALUE_NOT_SET: return writer.null();
  }
}

// An object; of a key that comes twice, the last value in the first place, as in a Python dict.
template <class List>
void write_members(PythonJsonWriter& writer, const List& pairs, bool bytes_as_base64) {
  std::vector<const otlp::KeyValue*> kept;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const otlp::KeyValue& pair : pairs) {
    const auto [place, is_new] = places.emplace(pair.key(), kept.size());
    if (is_new) {
      kept.push_back(&pair);
    } else {
      kept[place->second] = &pair;
    }
  }
  writer.begin_object();
  for (const otlp::KeyValue* pair : kept) {
    writer.member(pair->key());
    write_any(writer, pair->value(), bytes_as_base64);
  }
  writer.end_object();
}

// Text that is a JSON text, list or object itself; clients that encode twice send such.
bool holds_json(std::string_view text) {
  const std::string_view start = trim(text);
  if (start.empty() || std::string_view("\"[{").find(start.front()) == std::string_view::npos) {
    return false;
  }
  struct Nothing final : JsonEvents {
    void null() override {}
    void flag(bool /*value*/) override {}
    void integer(std::int64_t /*value*/) override {}
    void real(double /*value*/) override {}
    void text(std::string& /*value*/) override {}
    void begin_object() override {}
    void name(std::string& /*text*/) override {}
    void end_object() override {}
    void begin_array() override {}
    void end_array() override {}
  } nothing;
  return walk_json(text, nothing);
}

std::string attribute_json(const otlp::AnyValue& value) {
  if (value.value_case() == otlp::AnyValue::kStringValue && holds_json(value.string_value())) {
    return value.string_value();
  }
  std::string json;
  PythonJsonWriter writer(json);
  write_any(writer, value);
  return json;
}

void read_attributes(const otlp::Span& in, IncomingSpan& out) {
  constexpr std::string_view type_attribute = "mlflow.spanType";
  constexpr std::string_view trace_attribute = "mlflow.traceRequestId";
  std::unordered_map<std::string_view, std::size_t> places;
  out.attributes.reserve(static_cast<std::size_t>(in.attributes_size()) + 1);
  for (const otlp::KeyValue& pair : in.attributes()) {
    std::string json = attribute_json(pair.value());
    if (pair.key() == type_attribute) {
      out.type.reset();
      if (pair.value().value_case() == otlp::AnyValue::kStringValue) {
        out.type = pair.value().string_value();
      }
    }
    const auto [place, is_new] = places.emplace(pair.key(), out.attributes.size());
    if (is_new) {
      out.attributes.push_back({pair.key(), std::move(json)});
    } else {
      out.attributes[place->second].json = std::move(json);
    }
  }
  // What the client says of it does not count.
  out.set_attribute(trace_attribute, '"' + out.trace_id + '"');
}

std::string events_json(const otlp::Span& in) {
  std::string json;
  PythonJsonWriter writer(json);
  writer.begin_array();
  for (const otlp::Event& event : in.events()) {
    writer.begin_object();
    writer.member("name");
    writer.string(event.name());
    writer.member("time_unix_nano");
    writer.raw(std::to_string(event.time_unix_nano()));
    writer.member("attributes");
    write_members(writer, event.attributes(), false);
    writer.end_object();
  }
  writer.end_array();
  return json;
}

std::string links_json(const otlp::Span& in) {
  std::string json;
  PythonJsonWriter writer(json);
  writer.begin_array();
  for (const otlp::Link& link : in.links()) {
    writer.begin_object();
    writer.member("trace_id");
    writer.string("tr-" + hex(bytes_of(padded(link.trace_id(), trace_id_bytes))));
    writer.member("span_id");
    writer.string(hex(bytes_of(padded(link.span_id(), span_id_bytes))));
    writer.member("attributes");
    if (link.attributes().empty()) {
      writer.null();
    } else {
      write_members(writer, link.attributes(), true);
    }
    writer.end_object();
  }
  writer.end_array();
  return json;
}

std::int64_t time_of(std::uint64_t nanoseconds) {
  if (nanoseconds > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) no_span();
  return static_cast<std::int64_t>(nanoseconds);
}

IncomingSpan span_of(const otlp::Span& in) {
  if (in.trace_id().empty() || in.span_id().empty()) no_span();
  IncomingSpan out;
  const std::string trace_id = padded(in.trace_id(), trace_id_bytes);
  const std::string span_id = padded(in.span_id(), span_id_bytes);
  const std::string parent_id = padded(in.parent_span_id(), span_id_bytes);
  out.trace_id = "tr-" + hex(bytes_of(trace_id));
  out.trace_id64 = base64(trace_id);
  out.span_id = hex(bytes_of(span_id));
  out.span_id64 = base64(span_id);
  if (parent_id.find_first_not_of('\0') != std::string::npos) {
    out.parent_id = hex(bytes_of(parent_id));
    out.parent_id64 = base64(parent_id);
  }
  out.name = in.name();
  out.start_ns = time_of(in.start_time_unix_nano());
  out.end_ns = time_of(in.end_time_unix_nano());
  if (in.status().code() == 1) out.status = SpanStatus::ok;
  if (in.status().code() == 2) {
    out.status = SpanStatus::error;
    out.status_message = in.status().message();  // without an error it says nothing
  }
  read_attributes(in, out);
  if (in.events_size() > 0) out.events_json = events_json(in);
  if (in.links_size() > 0) out.links_json = links_json(in);
  return out;
}

// The values OpenTelemetry's SDK keeps of a resource: texts, numbers, flags and lists of one kind.
bool is_resource_value(const otlp::AnyValue& value) {
  switch (value.value_case()) {
    case otlp::AnyValue::VALUE_NOT_SET: return false;
    case otlp::AnyValue::kArrayValue: {
      const auto& values = value.array_value().values();
      return std::all_of(values.begin(), values.end(), [&](const otlp::AnyValue& one) {
        return one.value_case() == values[0].value_case() && is_resource_value(one) &&
               one.value_case() != otlp::AnyValue::kArrayValue;
      });
    }
    default: return true;
  }
}

std::vector<std::pair<std::string, std::string>> resource_of(const otlp::Resource& in) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const otlp::KeyValue& pair : in.attributes()) {
    const otlp::AnyValue& value = pair.value();
    if (pair.key().empty() || !is_resource_value(value)) continue;
    std::string text;
    if (value.value_case() == otlp::AnyValue::kStringValue) {
      text = value.string_value();
    } else if (value.value_case() == otlp::AnyValue::kBytesValue) {
      if (!is_valid_utf8(value.bytes_value())) continue;
      text = value.bytes_value();
    } else {
      PythonJsonWriter writer(text, true);
      write_any(writer, value);
    }
    out.emplace_back(pair.key(), std::move(text));
  }
  return out;
}

// Programs whose name is shown on the root spans they send; other names are not trusted that far.
const std::string* known_service(const std::vector<std::pair<std::string, std::string>>& resource) {
  constexpr std::array<std::string_view, 5> known{"claude-code", "codex_cli_rs", "codex_vscode",
                                                  "gemini-cli", "qwen-code"};
  for (const auto& [key, text] : resource) {
    if (key != "service.name") continue;
    return std::find(known.begin(), known.end(), text) == known.end() ? nullptr : &text;
  }
  return nullptr;
}

}  // namespace

const std::string* IncomingSpan::attribute(std::string_view key) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const SpanAttribute& one) { return one.key == key; });
  return found == attributes.end() ? nullptr : &found->json;
}

void IncomingSpan::set_attribute(std::string_view key, std::string json) {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const SpanAttribute& one) { return one.key == key; });
  if (found == attributes.end()) {
    attributes.push_back({std::string(key), std::move(json)});
  } else {
    found->json = std::move(json);
  }
}

IncomingSpans read_otlp(std::string_view body, OtlpForm form) {
  // The library would tell the log of every broken request; its sender is told already.
  [[maybe_unused]] static const auto quiet = google::protobuf::SetLogHandler(nullptr);
  otlp::ExportRequest request;
  if (form == OtlpForm::json) {
    read_otlp_json(body, request);
  } else if (body.size() > std::numeric_limits<int>::max() ||
             !request.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    throw Error(Code::bad_request, "Invalid OpenTelemetry format");
  }
  if (request.resource_spans().empty()) {
    throw Error(Code::bad_request, "Invalid OpenTelemetry format - no spans found");
  }
  IncomingSpans out;
  for (const otlp::ResourceSpans& group : request.resource_spans()) {
    out.resources.push_back(resource_of(group.resource()));
    const std::string* service = known_service(out.resources.back());
    for (const otlp::ScopeSpans& scope : group.scope_spans()) {
      for (const otlp::Span& span : scope.spans()) {
        out.spans.push_back(span_of(span));
        out.spans.back().resource = out.resources.size() - 1;
        if (service != nullptr && out.spans.back().parent_id.empty()) {
          out.spans.back().set_attribute("service.name", '"' + *service + '"');
        }
      }
    }
  }
  return out;
}

}  // namespace sandbox::traces
