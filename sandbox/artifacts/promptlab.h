// A prompt tried in the web UI's playground, kept as a run: the language model ran elsewhere, this
// stores what went in and came out. Source of the rules: MLflow 3.17's promptlab utilities.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/artifacts/artifacts.h"
#include "sandbox/base/env.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/tracking/runs.h"

namespace sandbox::artifacts {

// A parameter whose value may be text, a number or a bool; kept as Python would print it.
struct PromptParameter {
  std::string key;
  JsonText value;
  static constexpr auto fields() {
    return std::tuple{field("key", &PromptParameter::key), field("value", &PromptParameter::value)};
  }
  [[nodiscard]] std::string text() const;
};

struct PromptlabRun {
  std::string experiment_id;
  std::string run_name;
  std::vector<tracking::KeyValue> tags;
  std::string prompt_template;
  std::vector<PromptParameter> prompt_parameters;
  std::string model_route;
  std::vector<PromptParameter> model_parameters;
  std::string model_input;
  std::string model_output;
  std::vector<PromptParameter> model_output_parameters;
  std::string mlflow_version;
  std::string user_id = "unknown";
  std::optional<std::int64_t> start_time;  // now, when absent
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &PromptlabRun::experiment_id),
                      field("run_name", &PromptlabRun::run_name),
                      field("tags", &PromptlabRun::tags),
                      field("prompt_template", &PromptlabRun::prompt_template),
                      field("prompt_parameters", &PromptlabRun::prompt_parameters),
                      field("model_route", &PromptlabRun::model_route),
                      field("model_parameters", &PromptlabRun::model_parameters),
                      field("model_input", &PromptlabRun::model_input),
                      field("model_output", &PromptlabRun::model_output),
                      field("model_output_parameters", &PromptlabRun::model_output_parameters),
                      field("mlflow_version", &PromptlabRun::mlflow_version),
                      field("user_id", &PromptlabRun::user_id),
                      field("start_time", &PromptlabRun::start_time)};
  }
};

// The finished run, with its params, a table of the result and a model that asks the same route.
// Throws Error(invalid_parameter_value) for what is missing.
tracking::Run create_promptlab_run(Env& env,
                                   tracking::Runs& runs,
                                   Artifacts& artifacts,
                                   const PromptlabRun& in);

}  // namespace sandbox::artifacts
