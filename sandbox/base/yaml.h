// YAML as Python reads it (PyYAML): what MLflow keeps in its file store, and MLproject files.
#pragma once

#include <string_view>

#include "sandbox/base/python_json.h"

namespace sandbox {

// Maps are objects, quoted scalars texts, plain ones null, bools, numbers or texts by YAML 1.1's
// rules. Throws Error(invalid_parameter_value) saying where the text is no YAML, or is nested too
// deeply.
PythonJson read_yaml(std::string_view text);

}  // namespace sandbox
