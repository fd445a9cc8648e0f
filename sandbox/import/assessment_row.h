// An assessment as MLflow writes it, to YAML and over its API, as a row.
#pragma once

#include <string>

#include "sandbox/base/python_json.h"
#include "sandbox/db/database.h"

namespace sandbox::import {

// False for one that is neither feedback, expectation nor issue. `id` is for one that says none.
bool insert_assessment(db::Tx& tx,
                       const PythonJson& assessment,
                       const std::string& trace,
                       const std::string& id);

}  // namespace sandbox::import
