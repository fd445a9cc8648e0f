// The process between the server and a job's command, one for each attempt: it starts the command,
// keeps its log, measures it, stops it at its limits with all its children, and writes down how it
// ended. It needs no server, so a server may end, be killed and come back meanwhile.
//
// Limits are kept by the kernel in a cgroup of the command's own, where the order names a place for
// one; else by looking, every quarter of a second at memory and the number of processes. A command
// that leaves its session stays a descendant, because orphans come to the shim.
#pragma once

#include <filesystem>

namespace sandbox::jobs {

// Runs the attempt in that directory, whose order.json says what to do; returns the shim's exit
// code. The caller has no other thread.
int run_shim(const std::filesystem::path& directory);

}  // namespace sandbox::jobs
