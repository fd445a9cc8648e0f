#include "sandbox/traces/conventions.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/base/arithmetic.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/ordered_json.h"
#include "sandbox/traces/program_conventions.h"
#include "sandbox/traces/python_json.h"
#include "sandbox/traces/span_rows.h"

namespace sandbox::traces {
namespace {

using Word = std::string_view;
using Words = std::vector<Word>;

// A '#' in a key stands for a number: gen_ai.prompt.#.content.
struct Convention {
  Words kind_keys;
  std::vector<std::pair<Word, Word>> kinds;  // their word, MLflow's span type
  Words inputs;
  Words outputs;
  Word input_tokens;
  Word output_tokens;
  Word total_tokens;
  Words cache_read;
  Words cache_creation;
  Words models;
  Word provider;
  Words tools;
  Word mark;    // a key, or with '.' at its end the start of keys, that tells this convention
  Word format;  // what MLflow's pages call its messages
};

// In the order in which they are asked; the first that knows something wins.
const std::vector<Convention>& conventions() {
  static const std::vector<Convention> rows{
      {// OpenInference
       {"openinference.span.kind"},
       {{"TOOL", "TOOL"},
        {"CHAIN", "CHAIN"},
        {"LLM", "LLM"},
        {"RETRIEVER", "RETRIEVER"},
        {"EMBEDDING", "EMBEDDING"},
        {"AGENT", "AGENT"},
        {"RERANKER", "RERANKER"},
        {"UNKNOWN", "UNKNOWN"},
        {"GUARDRAIL", "GUARDRAIL"},
        {"EVALUATOR", "EVALUATOR"}},
       {"input.value"},
       {"output.value"},
       "llm.token_count.prompt",
       "llm.token_count.completion",
       "llm.token_count.total",
       {"llm.token_count.prompt_details.cache_read"},
       {"llm.token_count.prompt_details.cache_write"},
       {"llm.response.model_name", "llm.model_name", "llm.request.model_name",
        "embedding.model_name"},
       "llm.provider",
       {},
       "",
       ""},
      {// OpenTelemetry's words for generative AI
       {"gen_ai.operation.name"},
       {{"chat", "CHAT_MODEL"},
        {"create_agent", "AGENT"},
        {"embeddings", "EMBEDDING"},
        {"execute_tool", "TOOL"},
        {"generate_content", "LLM"},
        {"invoke_agent", "AGENT"},
        {"text_completion", "LLM"},
        {"response", "LLM"}},
       {"gen_ai.input.messages", "gen_ai.tool.call.arguments"},
       {"gen_ai.output.messages", "gen_ai.tool.call.result"},
       "gen_ai.usage.input_tokens",
       "gen_ai.usage.output_tokens",
       "",
       {"gen_ai.usage.cache_read.input_tokens"},
       {"gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"},
       {"gen_ai.response.model", "gen_ai.request.model"},
       "gen_ai.provider.name",
       {"gen_ai.tool.definitions"},
       "",
       ""},
      {// Traceloop
       {"traceloop.span.kind"},
       {{"workflow", "WORKFLOW"},
        {"task", "TASK"},
        {"agent", "AGENT"},
        {"tool", "TOOL"},
        {"unknown", "UNKNOWN"}},
       {"traceloop.entity.input", "gen_ai.prompt.#.content",
        "gen_ai.completion.#.tool_calls.#.arguments"},
       {"traceloop.entity.output", "gen_ai.completion.#.content"},
       "gen_ai.usage.prompt_tokens",
       "gen_ai.usage.completion_tokens",
       "llm.usage.total_tokens",
       {},
       {},
       {},
       "gen_ai.system",
       {},
       "",
       ""},
      {// Google's agents
       {},
       {},
       {"gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args"},
       {"gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response"},
       "",
       "",
       "",
       {},
       {},
       {},
       "",
       {},
       "",
       ""},
      {// Vercel's AI SDK
       {"ai.operationId"},
       {{"ai.generateText", "LLM"},
        {"ai.generateText.doGenerate", "LLM"},
        {"ai.toolCall", "TOOL"},
        {"ai.streamText", "LLM"},
        {"ai.streamText.doStream", "LLM"},
        {"ai.generateObject", "LLM"},
        {"ai.generateObject.doGenerate", "LLM"},
        {"ai.streamObject", "LLM"},
        {"ai.streamObject.doStream", "LLM"},
        {"ai.embed", "EMBEDDING"},
        {"ai.embed.doEmbed", "EMBEDDING"},
        {"ai.embedMany", "EMBEDDING"}},
       {"ai.prompt", "ai.toolCall.args", "ai.value", "ai.values"},
       {"ai.response.text", "ai.toolCall.result", "ai.response.object", "ai.embedding",
        "ai.embeddings"},
       "",
       "",
       "",
       {},
       {},
       {},
       "",
       {},
       "",
       ""},
      {// VoltAgent
       {"span.type", "entity.type"},
       {{"agent", "AGENT"}, {"llm", "LLM"}, {"tool", "TOOL"}, {"memory", "MEMORY"}},
       {"agent.messages", "llm.messages", "input"},
       {"output"},
       "usage.prompt_tokens",
       "usage.completion_tokens",
       "usage.total_tokens",
       {},
       {},
       {},
       "",
       {},
       "voltagent.",
       "voltagent"},
      {// LiveKit
       {},
       {},
       {"lk.user_input", "lk.user_transcript", "lk.chat_ctx", "lk.input_text"},
       {"lk.response.text", "lk.response.function_calls"},
       "",
       "",
       "",
       {},
       {},
       {},
       "",
       {},
       "lk.",
       "livekit"},
      {// Laminar
       {"lmnr.span.type"},
       {{"LLM", "LLM"},
        {"TOOL", "TOOL"},
        {"DEFAULT", "CHAIN"},
        {"PIPELINE", "CHAIN"},
        {"EXECUTOR", "AGENT"},
        {"EVALUATOR", "EVALUATOR"},
        {"HUMAN_EVALUATOR", "EVALUATOR"},
        {"EVALUATION", "EVALUATOR"},
        {"CACHED", "LLM"}},
       {"lmnr.span.input"},
       {"lmnr.span.output"},
       "",
       "",
       "",
       {},
       {},
       {},
       "gen_ai.system",
       {},
       "lmnr.span.type",
       "openai"},
      {// Langfuse
       {"langfuse.observation.type"},
       {{"generation", "LLM"},
        {"embedding", "EMBEDDING"},
        {"tool", "TOOL"},
        {"retriever", "RETRIEVER"},
        {"agent", "AGENT"},
        {"chain", "CHAIN"},
        {"evaluator", "EVALUATOR"},
        {"guardrail", "GUARDRAIL"},
        {"span", "UNKNOWN"}},
       {"langfuse.observation.input"},
       {"langfuse.observation.output"},
       "",
       "",
       "",
       {},
       {},
       {},
       "",
       {},
       "",
       ""},
  };
  return rows;
}

// Nothing, zero and what is empty count as not said.
bool says_something(Word json) {
  constexpr std::array<Word, 8> nothing{"", "null", "\"\"", "0", "0.0", "false", "{}", "[]"};
  return std::find(nothing.begin(), nothing.end(), json) == nothing.end();
}

// "a.#.b" matches what starts with a.<number>.b.
bool matches(Word key, Word pattern) {
  std::size_t at = 0;
  for (const char c : pattern) {
    if (c != '#') {
      if (at >= key.size() || key[at] != c) return false;
      ++at;
      continue;
    }
    const std::size_t start = at;
    while (at < key.size() && std::isdigit(static_cast<unsigned char>(key[at])) != 0) ++at;
    if (at == start) return false;
  }
  return true;
}

const std::string* find(const IncomingSpan& span, Word key) {
  if (key.empty()) return nullptr;
  if (key.find('#') == Word::npos) {
    const std::string* json = span.attribute(key);
    return json != nullptr && says_something(*json) ? json : nullptr;
  }
  for (const SpanAttribute& attribute : span.attributes) {
    if (matches(attribute.key, key) && says_something(attribute.json)) return &attribute.json;
  }
  return nullptr;
}

const std::string* find_first(const IncomingSpan& span, const Words& keys) {
  for (const Word key : keys) {
    if (const std::string* json = find(span, key)) return json;
  }
  return nullptr;
}

// What the first convention that knows answers.
template <class Ask>
auto ask_all(Ask ask) -> decltype(ask(conventions().front())) {
  for (const Convention& convention : conventions()) {
    if (auto answer = ask(convention)) return answer;
  }
  return {};
}

// A number, also as text.
std::optional<std::int64_t> count_of(const IncomingSpan& span, Word key) {
  const std::string* json = key.empty() ? nullptr : span.attribute(key);
  return json == nullptr ? std::nullopt : parse_int64(plain_text(*json));
}

std::optional<std::int64_t> first_count(const IncomingSpan& span, const Words& keys) {
  for (const Word key : keys) {
    if (const auto count = count_of(span, key)) return count;
  }
  return std::nullopt;
}

std::optional<std::string> usage_of(const IncomingSpan& span) {
  return ask_all([&](const Convention& words) -> std::optional<std::string> {
    TokenCounts counts;
    counts[0] = count_of(span, words.input_tokens);
    counts[1] = count_of(span, words.output_tokens);
    counts[2] = count_of(span, words.total_tokens);
    if (!counts[2] && counts[0] && counts[1]) counts[2] = saturating_add(*counts[0], *counts[1]);
    if (!counts[0] && !counts[1] && !counts[2]) return std::nullopt;
    counts[3] = first_count(span, words.cache_read);
    counts[4] = first_count(span, words.cache_creation);
    return to_json(counts);
  });
}

// LiveKit names no kind; its attributes tell.
std::optional<std::string> livekit_type(const IncomingSpan& span) {
  if (span.attribute("gen_ai.request.model") != nullptr) return "LLM";
  for (const SpanAttribute& attribute : span.attributes) {
    const Word key = attribute.key;
    if (key == "lk.retry_count") return "LLM";
    if (key.starts_with("lk.function_tool")) return "TOOL";
    if (key == "lk.agent_name" || key == "lk.instructions" || key == "lk.generation_id") {
      return "AGENT";
    }
  }
  return std::nullopt;
}

std::optional<std::string> type_of(const IncomingSpan& span) {
  return ask_all([&](const Convention& words) -> std::optional<std::string> {
    if (words.format == "livekit") return livekit_type(span);
    for (const Word key : words.kind_keys) {
      const std::string* json = find(span, key);
      if (json == nullptr) continue;
      const std::string kind = plain_text(*json);
      for (const auto& [theirs, ours] : words.kinds) {
        if (theirs == kind) return std::string(ours);
      }
    }
    return std::nullopt;
  });
}

// Spring AI puts what was said into events.
std::optional<std::string> event_text(const IncomingSpan& span, Word event_name, Word key) {
  if (span.events_json.find(event_name) == std::string::npos) return std::nullopt;
  const auto events = parse_ordered(span.events_json);
  if (!events) return std::nullopt;
  for (const OrderedJson& event : events->items) {
    const OrderedJson* name = event.member("name");
    const OrderedJson* attributes = event.member("attributes");
    if (name == nullptr || attributes == nullptr || name->text != event_name) continue;
    const OrderedJson* value = attributes->member(key);
    if (value != nullptr && !value->text.empty()) return value->text;
  }
  return std::nullopt;
}

std::optional<std::string> format_of(const IncomingSpan& span) {
  return ask_all([&](const Convention& words) -> std::optional<std::string> {
    if (words.mark.empty()) return std::nullopt;
    const bool is_start = words.mark.ends_with('.');
    const bool has_mark = std::any_of(
        span.attributes.begin(), span.attributes.end(), [&](const SpanAttribute& attribute) {
          return is_start ? attribute.key.starts_with(words.mark) : attribute.key == words.mark;
        });
    return has_mark ? std::optional<std::string>(words.format) : std::nullopt;
  });
}

// The member "model" of what went in or came out.
std::optional<std::string> model_inside(const std::string* json) {
  if (json == nullptr || json->find("\"model\"") == std::string::npos) return std::nullopt;
  const auto object = parse_ordered(*json);
  const OrderedJson* model = object ? object->member("model") : nullptr;
  if (model == nullptr || model->kind != OrderedJson::Kind::text || model->text.empty()) {
    return std::nullopt;
  }
  return model->text;
}

constexpr Word type_attribute = "mlflow.spanType";
constexpr Word inputs_attribute = "mlflow.spanInputs";
constexpr Word outputs_attribute = "mlflow.spanOutputs";

std::optional<std::string> model_of(const IncomingSpan& span) {
  const std::string* json =
      ask_all([&](const Convention& words) { return find_first(span, words.models); });
  if (json != nullptr) return plain_text(*json);
  if (auto model = model_inside(span.attribute(inputs_attribute))) return model;
  return model_inside(span.attribute(outputs_attribute));
}

std::string quoted(const std::string& text) {
  std::string json;
  PythonJson(json).string(text);
  return json;
}

void translate_values(IncomingSpan& span) {
  if (span.attribute(inputs_attribute) == nullptr) {
    const std::string* json =
        ask_all([&](const Convention& words) { return find_first(span, words.inputs); });
    auto value = json != nullptr ? std::optional(*json)
                                 : event_text(span, "gen_ai.content.prompt", "gen_ai.prompt");
    if (value) span.set_attribute(inputs_attribute, std::move(*value));
  }
  if (span.attribute(outputs_attribute) == nullptr) {
    const std::string* json =
        ask_all([&](const Convention& words) { return find_first(span, words.outputs); });
    auto value = json != nullptr
                     ? std::optional(*json)
                     : event_text(span, "gen_ai.content.completion", "gen_ai.completion");
    if (value) span.set_attribute(outputs_attribute, std::move(*value));
  }
}

}  // namespace

void translate(IncomingSpan& span) {
  translate_programs(span);
  const std::string* type = span.attribute(type_attribute);
  if (type == nullptr || *type == "null" || *type == "\"UNKNOWN\"") {
    if (const auto found = type_of(span)) span.set_attribute(type_attribute, quoted(*found));
  }
  translate_values(span);
  const auto add = [&](Word key, const auto& find_value) {
    if (span.attribute(key) != nullptr) return;
    if (std::optional<std::string> value = find_value()) span.set_attribute(key, std::move(*value));
  };
  const auto as_json = [](const std::optional<std::string>& text) {
    return text ? std::optional(quoted(*text)) : std::nullopt;
  };
  add("mlflow.chat.tokenUsage", [&] { return usage_of(span); });
  add("mlflow.message.format", [&] { return as_json(format_of(span)); });
  add("mlflow.chat.tools", [&]() -> std::optional<std::string> {
    const std::string* json =
        ask_all([&](const Convention& words) { return find_first(span, words.tools); });
    return json == nullptr ? std::nullopt : std::optional(*json);
  });
  add("mlflow.llm.model", [&] { return as_json(model_of(span)); });
  add("mlflow.llm.provider", [&]() -> std::optional<std::string> {
    const std::string* json =
        ask_all([&](const Convention& words) { return find(span, words.provider); });
    return json == nullptr ? std::nullopt : std::optional(quoted(plain_text(*json)));
  });
}

}  // namespace sandbox::traces
