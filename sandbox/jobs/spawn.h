// Starts the shim of an attempt.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace sandbox::jobs {

// In a session of its own, without any file of this process, so that it lives on without it. Throws
// Error(invalid_state) when it cannot be started.
pid_t spawn_shim(const std::vector<std::string>& command, const std::filesystem::path& directory);

}  // namespace sandbox::jobs
