// What MLflow's model folders have in common, whatever the flavor (mlflow/models/model.py).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sandbox/base/python_json.h"

namespace trainers {

inline constexpr const char* mlflow_version = "3.17.2";  // whose form the folders have
inline constexpr const char* python_version = "3.11.2";

// How a model is known in the run that made it.
struct LoggedModel {
  std::string run_id;
  std::string artifact_path;  // the folder's name among the run's artifacts
  std::string uuid;           // 32 hex digits
  std::int64_t now_ms = 0;
};

// A text as YAML takes it anywhere: in double quotes, with JSON's escapes.
std::string yaml_quoted(const std::string& text);
// "2026-11-27 23:42:49.656725", without a zone, as MLflow writes it.
std::string created_text(std::int64_t ms);
// Of all files in a folder and below.
std::int64_t bytes_below(const std::filesystem::path& folder);

// requirements.txt, conda.yaml and python_env.yaml with these packages and mlflow. Throws what
// write_text throws.
void write_environment(const std::filesystem::path& folder,
                       const std::vector<std::string>& packages);

// The value of the tag mlflow.log-model.history: `python_function` with its loader module and data,
// and the flavor itself.
std::string model_history(const LoggedModel& model,
                          const std::string& data,
                          const std::string& flavor,
                          const sandbox::PythonJson& settings);

}  // namespace trainers
