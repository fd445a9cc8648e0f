// The name of a lab among those that share a database: the jobs it was given are its own.
#pragma once

#include <filesystem>
#include <string>

#include "sandbox/base/env.h"

namespace sandbox::jobs {

// What <data-dir>/jobs/lab-id says; made when it is not there. "" for no directory.
std::string lab_id(Env& env, const std::filesystem::path& directory);

}  // namespace sandbox::jobs
