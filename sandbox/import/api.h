// The endpoint of imports.
#pragma once

#include <string>

#include "sandbox/http/api.h"

namespace sandbox::import {

class Importer;

// POST sandbox/import: the body is an Order; the answer is one JSON Finding a line as the work goes
// on, the last one of kind "total" or "error". It reads what this process may read, whatever the
// caller may: only who shows `local_token` as a Bearer, the person who runs the lab on this
// machine, is answered; with an empty one nobody is. `importer` must outlive the Api.
void install_import(http::Api& api, Importer& importer, const std::string& local_token);

}  // namespace sandbox::import
