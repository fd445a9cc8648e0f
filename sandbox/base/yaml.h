// YAML as Python reads it (PyYAML): what MLflow keeps in its file store, and MLproject files. And
// YAML as people and clusters like to read it: the manifests of an export.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/base/python_json.h"

namespace sandbox {

// Maps are objects, quoted scalars texts, plain ones null, bools, numbers or texts by YAML 1.1's
// rules. Throws Error(invalid_parameter_value) saying where the text is no YAML, or is nested too
// deeply.
PythonJson read_yaml(std::string_view text);

// One document in block style, members in their order, two blanks a level, a line end at its end.
// Every text reads back as the same text by the rules of YAML 1.1 and 1.2: what would be a number, a
// date, a boolean or null is quoted; texts of several lines are literal blocks where that keeps every
// byte. Bytes that are not UTF-8 become U+FFFD.
std::string write_yaml(const PythonJson& tree);

}  // namespace sandbox
