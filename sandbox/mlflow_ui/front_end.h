// Where MLflow's own web pages are on this machine: the Python package carries them as plain files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "sandbox/base/config.h"

namespace sandbox::mlflow_ui {

// The directory with index.html that `place` names: itself, a Python environment with MLflow, or
// the interpreter of one. nullopt when there is none.
std::optional<std::filesystem::path> front_end_of(const std::filesystem::path& place);

// The front end of the environment this program was started from: the active one ($VIRTUAL_ENV,
// $CONDA_PREFIX), then those of `python3`, `python` and `mlflow` on the PATH, then what pip
// installed for the user. No Python is run.
std::optional<std::filesystem::path> find_front_end(const Environment& environment);

}  // namespace sandbox::mlflow_ui
