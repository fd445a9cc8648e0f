#include "sandbox/traces/span_rows.h"

#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"

namespace sandbox::traces {
namespace {

constexpr std::string_view usage_attribute = "mlflow.chat.tokenUsage";
constexpr std::string_view cost_attribute = "mlflow.llm.cost";
constexpr std::string_view model_attribute = "mlflow.llm.model";
constexpr std::string_view provider_attribute = "mlflow.llm.provider";
constexpr std::size_t model_name_max = 500;  // characters

constexpr std::array<std::string_view, 3> status_codes{"STATUS_CODE_UNSET", "STATUS_CODE_OK",
                                                       "STATUS_CODE_ERROR"};

// Members and their order are MLflow's Span.to_dict.
std::string content_of(const IncomingSpan& span) {
  std::string out;
  PythonJsonWriter writer(out);
  const auto text = [&](std::string_view name, std::string_view value) {
    writer.member(name);
    writer.string(value);
  };
  writer.begin_object();
  text("trace_id", span.trace_id64);
  text("span_id", span.span_id64);
  writer.member("parent_span_id");
  if (span.parent_id.empty()) {
    writer.null();
  } else {
    writer.string(span.parent_id64);
  }
  text("name", span.name);
  writer.member("start_time_unix_nano");
  writer.integer(span.start_ns);
  writer.member("end_time_unix_nano");
  writer.integer(span.end_ns);
  writer.member("events");
  writer.raw(span.events_json);
  writer.member("status");
  writer.begin_object();
  text("code", status_codes.at(static_cast<std::size_t>(span.status)));
  text("message", span.status_message);
  writer.end_object();
  writer.member("attributes");
  writer.begin_object();
  for (const SpanAttribute& attribute : span.attributes) text(attribute.key, attribute.json);
  writer.end_object();
  writer.member("links");
  writer.raw(span.links_json);
  writer.end_object();
  return out;
}

bool is_object(std::string_view json) {
  return trim(json).starts_with('{');
}

std::optional<std::string> model_dimension(const std::string* json) {
  if (json == nullptr) return std::nullopt;
  const std::string text = plain_text(*json);
  return std::string(utf8_prefix(text, model_name_max));
}

}  // namespace

std::string plain_text(const std::string& json) {
  std::string text = json;
  try {
    if (json.starts_with('"')) JsonDocument(json).root().read(text);
  } catch (const Error&) {  // no JSON: the text is what it is
    return json;
  }
  return text;
}

SpanRow span_row(const IncomingSpan& span) {
  SpanRow row;
  row.span = &span;
  row.content = content_of(span);
  row.numbers = {span.span_id, span.parent_id, std::nullopt, std::nullopt};
  row.model_name = model_dimension(span.attribute(model_attribute));
  row.model_provider = model_dimension(span.attribute(provider_attribute));
  const std::string* usage = span.attribute(usage_attribute);
  if (usage != nullptr && is_object(*usage)) row.numbers.tokens = token_counts_of(*usage);
  const std::string* cost = span.attribute(cost_attribute);
  if (cost != nullptr && is_object(*cost)) {
    row.costs = costs_of(*cost);
    row.numbers.costs = row.costs;
  }
  return row;
}

SpanNumbers stored_numbers(std::string_view span_id,
                           std::string_view parent_id,
                           std::string_view content) {
  SpanNumbers numbers{std::string(span_id), std::string(parent_id), std::nullopt, std::nullopt};
  const bool has_numbers = content.find(usage_attribute) != std::string_view::npos ||
                           content.find(cost_attribute) != std::string_view::npos;
  if (!has_numbers) return numbers;
  try {
    const JsonDocument document(content);
    const auto attributes = document.root().member("attributes");
    if (!attributes) return numbers;
    std::string json;
    const auto read = [&](std::string_view key) {
      const auto value = attributes->member(key);
      if (!value) return false;
      if (!value->read(json)) json = value->dump();
      return is_object(json);
    };
    if (read(usage_attribute)) numbers.tokens = token_counts_of(json);
    if (read(cost_attribute)) numbers.costs = costs_of(json);
  } catch (const Error&) {  // a row somebody else wrote; it counts as a span without numbers
  }
  return numbers;
}

}  // namespace sandbox::traces
