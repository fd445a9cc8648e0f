// Small files of the data directory that hold keys or say where a lab's things are.
#pragma once

#include <string>

namespace sandbox {

// Replaces a file in one step by one that only its owner may read; on disk when it returns. Throws
// Error(invalid_state) naming the file and the system's reason; the old one is then still there.
void write_private_file(const std::string& path, const std::string& text);

}  // namespace sandbox
