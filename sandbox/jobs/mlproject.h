// A folder that can be run: MLflow's MLproject file, read as `mlflow run` reads it. The command
// runs in the person's environment, as with `--env-manager local`. Source of the rules:
// mlflow/projects/_project_spec.py of 3.17.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sandbox/tracking/experiments.h"

namespace sandbox::jobs {

struct ProjectRun {
  std::string name;                        // the project's, or its folder's
  std::string entry_point;                 // "main", or a file of the folder
  std::vector<std::string> command;        // a shell with the whole text
  std::vector<tracking::KeyValue> params;  // all that the command was given, defaults too
};

// `params` replace the defaults of the entry point; those it does not declare are appended as
// `--key value`. Throws Error(invalid_parameter_value): a file that is no MLproject, an unknown
// entry point with the list of those there are, parameters that are missing, a `uri` that is none,
// a `path` that is not there.
ProjectRun project_run(const std::filesystem::path& folder,
                       const std::string& entry_point,
                       const std::vector<tracking::KeyValue>& params);

}  // namespace sandbox::jobs
