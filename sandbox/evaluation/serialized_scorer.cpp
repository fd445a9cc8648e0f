#include "sandbox/evaluation/serialized_scorer.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::evaluation {
namespace {

constexpr std::string_view judge_part = "instructions_judge_pydantic_data";
constexpr std::string_view builtin_part = "builtin_scorer_pydantic_data";
constexpr std::string_view memory_part = "memory_augmented_judge_data";
constexpr std::string_view third_party_part = "third_party_scorer_data";

constexpr const char* custom_refused =
    "Custom scorer registration (using @scorer decorator) is disabled by default outside of "
    "Databricks tracking environments due to security concerns. Custom scorers require arbitrary "
    "code execution during deserialization.\n\nTo use custom scorers:\n"
    "1. Keep your custom scorer code in a source code repository and import it directly, or\n"
    "2. On a server that you trust to run the scorer's code, set the "
    "MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS environment variable to true, or\n"
    "3. Use built-in scorers or make_judge() scorers instead.";

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

bool has_code(const PythonJson& value) {
  if (const PythonJson* source = value.find("call_source");
      source != nullptr && !source->is_null()) {
    return true;
  }
  return std::any_of(value.items.begin(), value.items.end(), has_code) ||
         std::any_of(value.members.begin(), value.members.end(),
                     [](const PythonJson::Member& member) { return has_code(member.value); });
}

using Names = std::set<std::string>;

// Options by which a client of language models is told where to send its requests.
void note_destination(const std::string& name, Names& found) {
  constexpr std::array<std::string_view, 5> destinations{"api_base", "base_url", "model_list",
                                                         "fallbacks", "custom_llm_provider"};
  if (std::find(destinations.begin(), destinations.end(), name) != destinations.end()) {
    found.insert(name);
  }
}

void find_destinations(const PythonJson& value, Names& found) {
  for (const auto& [name, nested] : value.members) {
    note_destination(name, found);
    find_destinations(nested, found);
  }
  for (const PythonJson& nested : value.items) {
    // A list of pairs is as good as an object to who reads it.
    if (nested.is_list() && nested.items.size() == 2 && nested.items[0].is_text()) {
      note_destination(nested.items[0].text, found);
    }
    find_destinations(nested, found);
  }
}

void check_options(const PythonJson& options) {
  if (!options.is_null() && !options.is_object()) {
    refuse("third_party_scorer_data.kwargs must be a JSON object, got " +
           std::string(options.type_name()) + ".");
  }
  Names found;
  find_destinations(options, found);
  if (found.empty()) return;
  std::vector<std::string> shown;
  for (const std::string& name : found) shown.push_back(python_repr(name));
  refuse("third_party_scorer_data.kwargs must not contain " + join(shown, ", ") +
         ": these options choose where the scorer's LLM client sends requests. Configure the judge "
         "endpoint on the server instead, for example through a gateway endpoint "
         "('gateway:/<name>') or the provider's environment variables.");
}

void check_third_parties(const PythonJson& value) {
  if (const PythonJson* data = value.find(third_party_part); data != nullptr && data->is_object()) {
    if (const PythonJson* options = data->find("kwargs")) check_options(*options);
  }
  for (const PythonJson::Member& member : value.members) check_third_parties(member.value);
  for (const PythonJson& item : value.items) check_third_parties(item);
}

// The member that holds the model, the first of these that is there and not empty.
std::optional<std::string_view> part_with_model(const PythonJson& scorer) {
  for (const std::string_view part : {judge_part, builtin_part, memory_part, third_party_part}) {
    const PythonJson* found = scorer.find(part);
    if (found != nullptr && found->is_true()) return part;
  }
  return std::nullopt;
}

// The model as it stands there; null when there is none.
PythonJson find_model(const PythonJson& scorer) {
  const auto part = part_with_model(scorer);
  if (!part) return {};
  const PythonJson& data = *scorer.find(*part);
  const PythonJson* found = data.find(*part == memory_part ? "base_judge" : "model");
  if (found == nullptr) return {};
  return *part == memory_part ? find_model(*found) : *found;
}

void check_model(const PythonJson& scorer) {
  if (const auto part = part_with_model(scorer); part && !scorer.find(*part)->is_object()) {
    refuse("The '" + std::string(*part) + "' of a serialized scorer must be a JSON object.");
  }
  const PythonJson model = find_model(scorer);
  if (model.is_null()) return;
  if (!model.is_text()) {
    refuse("Scorer model must be a string, got " + std::string(model.type_name()) + ".");
  }
  if (trim(model.text).empty()) {
    refuse("Scorer model cannot be empty or contain only whitespace.");
  }
}

}  // namespace

PythonJson parse_serialized_scorer(const std::string& text, bool allow_custom) {
  PythonJson scorer;
  try {
    scorer = PythonJson::parse(text);
  } catch (const Error&) {
    refuse("serialized_scorer must be valid JSON");
  }
  if (!allow_custom && has_code(scorer)) refuse(custom_refused);
  check_third_parties(scorer);
  if (!scorer.is_object()) {
    refuse("serialized_scorer must be a JSON object, got " + std::string(scorer.type_name()) + ".");
  }
  check_model(scorer);
  return scorer;
}

std::optional<std::string> model_of(const PythonJson& scorer) {
  const PythonJson model = find_model(scorer);
  return model.is_text() ? std::optional(model.text) : std::nullopt;
}

std::optional<std::string> gateway_endpoint_of(const PythonJson& scorer) {
  const std::string model = model_of(scorer).value_or("");
  constexpr std::string_view scheme = "gateway:/";
  if (!model.starts_with(scheme)) return std::nullopt;
  const std::size_t start = model.find_first_not_of('/', scheme.size());
  if (start == std::string::npos) return std::nullopt;
  return model.substr(start);
}

PythonJson with_model(const PythonJson& scorer, const std::optional<std::string>& model) {
  PythonJson changed = scorer;
  const auto part = part_with_model(scorer);
  if (!part) return changed;
  PythonJson data = *scorer.find(*part);
  if (*part == memory_part) {
    const PythonJson* judge = data.find("base_judge");
    data.set("base_judge", with_model(judge == nullptr ? PythonJson::object() : *judge, model));
  } else {
    data.set("model", model ? PythonJson::of(*model) : PythonJson{});
  }
  changed.set(*part, std::move(data));
  return changed;
}

std::string gateway_model(const std::string& endpoint) {
  return "gateway:/" + endpoint;
}

bool wants_expectations(const PythonJson& scorer) {
  const PythonJson* judge = scorer.find(judge_part);
  const PythonJson* instructions = judge == nullptr ? nullptr : judge->find("instructions");
  if (instructions == nullptr) return false;
  const std::string_view text = instructions->text;
  for (std::size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at)) {
    at += 2;
    const std::size_t end = text.find("}}", at);
    if (end == std::string_view::npos) return false;
    if (trim(text.substr(at, end - at)) == "expectations") return true;
  }
  return false;
}

}  // namespace sandbox::evaluation
