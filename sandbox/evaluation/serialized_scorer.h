// A scorer as text: the JSON a client made of it. This server stores it and never runs it; the
// rules here keep out what a server that does run scorers must not find in the same database.
// Source of the rules: mlflow/genai/scorers/scorer_utils.py, mlflow/utils/validation.py.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sandbox/base/python_json.h"

namespace sandbox::evaluation {

// INVALID_PARAMETER_VALUE for text that is no JSON object, for code to be executed (a
// "call_source" anywhere) unless `allow_custom`, for options that say where requests go, and for a
// model that is no text.
PythonJson parse_serialized_scorer(const std::string& text, bool allow_custom);

// The model a scorer asks, e.g. "openai:/gpt-4.1"; nullopt when it asks none.
std::optional<std::string> model_of(const PythonJson& scorer);
// "name" of a model "gateway:/name"; nullopt for other models.
std::optional<std::string> gateway_endpoint_of(const PythonJson& scorer);
// The scorer with another model, or with none.
PythonJson with_model(const PythonJson& scorer, const std::optional<std::string>& model);
std::string gateway_model(const std::string& endpoint);

// Whether its instructions ask for {{ expectations }}.
bool wants_expectations(const PythonJson& scorer);

}  // namespace sandbox::evaluation
