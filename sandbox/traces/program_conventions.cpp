#include "sandbox/traces/program_conventions.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sandbox/base/arithmetic.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/analytics.h"
#include "sandbox/traces/ordered_json.h"
#include "sandbox/traces/python_json.h"
#include "sandbox/traces/span_rows.h"

namespace sandbox::traces {
namespace {

using Kind = OrderedJson::Kind;

constexpr std::string_view type_attribute = "mlflow.spanType";
constexpr std::string_view inputs_attribute = "mlflow.spanInputs";
constexpr std::string_view outputs_attribute = "mlflow.spanOutputs";
constexpr std::string_view usage_attribute = "mlflow.chat.tokenUsage";
constexpr std::string_view format_attribute = "mlflow.message.format";

std::string quoted(std::string_view text) {
  std::string json;
  PythonJson(json, true).string(text);
  return json;
}

std::string text_of(const IncomingSpan& span, std::string_view key) {
  const std::string* json = span.attribute(key);
  return json == nullptr ? "" : plain_text(*json);
}

void add(IncomingSpan& span, std::string_view key, std::optional<std::string> json) {
  if (json && span.attribute(key) == nullptr) span.set_attribute(key, std::move(*json));
}

void add_type(IncomingSpan& span, std::string_view type) {
  const std::string* known = span.attribute(type_attribute);
  if (known == nullptr || *known == "null" || *known == "\"UNKNOWN\"") {
    span.set_attribute(type_attribute, quoted(type));
  }
}

void write(PythonJson& writer, const OrderedJson& json) {
  switch (json.kind) {
    case Kind::null: return writer.null();
    case Kind::flag: return writer.flag(json.flag);
    case Kind::integer: return writer.integer(json.integer);
    case Kind::real: return writer.real(json.real);
    case Kind::text: return writer.string(json.text);
    case Kind::list:
      writer.begin_array();
      for (const OrderedJson& item : json.items) write(writer, item);
      return writer.end_array();
    case Kind::object:
      writer.begin_object();
      for (std::size_t i = 0; i < json.names.size(); ++i) {
        writer.member(json.names[i]);
        write(writer, json.items[i]);
      }
      return writer.end_object();
  }
}

// The first attribute of these with a text, list or object in it.
const std::string* filled(const IncomingSpan& span, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const std::string* json = span.attribute(key);
    if (json != nullptr && json->size() > 2 && *json != "null" && *json != "false") return json;
  }
  return nullptr;
}

// {"contents": [...]}, what Gemini's own library sends.
std::optional<std::string> gemini_input(const IncomingSpan& span) {
  const std::string* json = filled(span, {"gen_ai.input.messages", "gen_ai.tool.call.arguments"});
  if (json == nullptr) return std::nullopt;
  const auto value = parse_ordered(*json);
  if (!value || (value->kind != Kind::list && value->kind != Kind::text)) return *json;
  std::string out;
  PythonJson writer(out, true);
  writer.begin_object();
  writer.member("contents");
  write(writer, *value);
  writer.end_object();
  return out;
}

// The pieces of an answer as one candidate.
std::optional<std::string> gemini_output(const IncomingSpan& span) {
  const std::string* json = filled(span, {"gen_ai.output.messages", "gen_ai.tool.call.result"});
  if (json == nullptr) return std::nullopt;
  const auto value = parse_ordered(*json);
  if (!value || value->kind != Kind::list) return *json;
  OrderedJson parts;
  parts.kind = Kind::list;
  for (const OrderedJson& item : value->items) {
    const OrderedJson* some = item.member("parts");
    if (some != nullptr && some->kind == Kind::list) {
      parts.items.insert(parts.items.end(), some->items.begin(), some->items.end());
    }
  }
  if (parts.items.empty()) return *json;
  std::string out = R"({"candidates": [{"content": {"role": "model", "parts": )";
  PythonJson writer(out, true);
  write(writer, parts);
  return out + "}}]}";
}

void translate_gemini(IncomingSpan& span) {
  if (text_of(span, "gen_ai.agent.name") != "gemini-cli") return;
  const std::string operation = text_of(span, "gen_ai.operation.name");
  if (operation == "llm_call") add_type(span, "LLM");
  if (operation == "tool_call") add_type(span, "TOOL");
  if (operation == "agent_call") add_type(span, "AGENT");
  add(span, inputs_attribute, gemini_input(span));
  add(span, outputs_attribute, gemini_output(span));
  add(span, format_attribute, quoted("gemini"));
}

// What the user allowed to be sent.
const std::string* shown(const IncomingSpan& span, std::string_view key) {
  const std::string* json = filled(span, {key});
  return json == nullptr || *json == "\"<REDACTED>\"" ? nullptr : json;
}

std::optional<std::string> shown_copy(const IncomingSpan& span, std::string_view key) {
  const std::string* json = shown(span, key);
  return json == nullptr ? std::nullopt : std::optional(*json);
}

std::optional<std::string> claude_tool_input(const IncomingSpan& span) {
  if (auto input = shown_copy(span, "tool_input")) return input;
  std::string out;
  PythonJson writer(out, true);
  writer.begin_object();
  for (const char* key : {"full_command", "file_path", "skill_name", "subagent_type"}) {
    if (const std::string* json = shown(span, key)) {
      writer.member(key);
      writer.raw(to_python_json(*json, true));
    }
  }
  writer.end_object();
  return out == "{}" ? std::nullopt : std::optional(out);
}

std::optional<std::string> claude_tool_output(const IncomingSpan& span) {
  if (auto output = shown_copy(span, "new_context")) return output;
  if (span.events_json.find("tool.output") == std::string::npos) return std::nullopt;
  const OrderedJson events = parse_ordered(span.events_json).value_or(OrderedJson{});
  for (const OrderedJson& event : events.items) {
    const OrderedJson* name = event.member("name");
    const OrderedJson* attributes = event.member("attributes");
    if (name == nullptr || attributes == nullptr || name->text != "tool.output") continue;
    for (const char* key : {"output", "content", "diff"}) {
      const OrderedJson* value = attributes->member(key);
      if (value == nullptr || value->text.empty() || value->text == "<REDACTED>") continue;
      std::string out;
      PythonJson writer(out);
      write(writer, parse_ordered(value->text).value_or(*value));
      return out;
    }
  }
  return std::nullopt;
}

// Claude counts cached tokens apart; the sum holds them.
std::optional<std::string> claude_usage(const IncomingSpan& span) {
  const auto count = [&](std::string_view key) { return parse_int64(text_of(span, key)); };
  TokenCounts counts;
  counts[0] = count("input_tokens");
  counts[1] = count("output_tokens");
  counts[3] = count("cache_read_tokens");
  counts[4] = count("cache_creation_tokens");
  if (counts[0]) {
    const std::int64_t cached = saturating_add(counts[3].value_or(0), counts[4].value_or(0));
    counts[0] = saturating_add(*counts[0], cached);
  }
  if (!counts[0] && !counts[1]) return std::nullopt;
  if (counts[0] && counts[1]) counts[2] = saturating_add(*counts[0], *counts[1]);
  return to_json(counts);
}

void translate_claude(IncomingSpan& span) {
  constexpr std::string_view prefix = "claude_code.";
  std::string kind = text_of(span, "span.type");
  if (kind.starts_with(prefix)) kind.erase(0, prefix.size());
  if (kind == "interaction") {
    add_type(span, "AGENT");
    add(span, inputs_attribute, shown_copy(span, "user_prompt"));
    add(span, inputs_attribute, shown_copy(span, "new_context"));
  } else if (kind == "llm_request") {
    add_type(span, "LLM");
    add(span, inputs_attribute, shown_copy(span, "new_context"));
    add(span, outputs_attribute, shown_copy(span, "response.model_output"));
    add(span, usage_attribute, claude_usage(span));
  } else if (kind == "tool") {
    add_type(span, "TOOL");
    add(span, inputs_attribute, claude_tool_input(span));
    add(span, outputs_attribute, claude_tool_output(span));
  }
}

// JSON inside texts inside JSON, as deep as the SDK puts it.
std::string unwrapped(const std::string& json, int depth = 2) {
  const auto value = parse_ordered(json);
  if (!value) return quoted(json);
  if (value->kind != Kind::text) return to_python_json(json, true);
  return depth == 0 ? quoted(value->text) : unwrapped(value->text, depth - 1);
}

// The attributes below a prefix as one object.
std::optional<std::string> unpacked(const IncomingSpan& span, std::string_view prefix) {
  std::string out;
  PythonJson writer(out, true);
  writer.begin_object();
  for (const SpanAttribute& attribute : span.attributes) {
    if (!attribute.key.starts_with(prefix)) continue;
    const std::string_view name = std::string_view(attribute.key).substr(prefix.size());
    writer.member(name);
    const auto list = name == "tools" ? parse_ordered(attribute.json) : std::nullopt;
    if (!list || list->kind != Kind::list) {
      writer.raw(unwrapped(attribute.json));
      continue;
    }
    writer.begin_array();
    for (const OrderedJson& tool : list->items) {
      if (tool.kind == Kind::text) {
        writer.raw(unwrapped(tool.text));
      } else {
        write(writer, tool);
      }
    }
    writer.end_array();
  }
  writer.end_object();
  return out == "{}" ? std::nullopt : std::optional(out);
}

void translate_vercel(IncomingSpan& span) {
  const std::string operation = text_of(span, "ai.operationId");
  if (operation != "ai.generateText.doGenerate" && operation != "ai.streamText.doStream") return;
  if (span.attribute(inputs_attribute) == nullptr) {
    auto inputs = unpacked(span, "ai.prompt.");
    span.set_attribute(format_attribute, "vercel_ai");  // without quotes, as in the reference
    add(span, inputs_attribute, std::move(inputs));
  }
  add(span, outputs_attribute, unpacked(span, "ai.response."));
}

}  // namespace

void translate_programs(IncomingSpan& span) {
  translate_gemini(span);
  translate_claude(span);
  translate_vercel(span);
}

}  // namespace sandbox::traces
