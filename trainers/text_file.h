// Whole texts in files.
#pragma once

#include <filesystem>
#include <string_view>

namespace trainers {

// Replaces the file. Throws Error(resource_exhausted) naming it when it cannot be written.
void write_text(const std::filesystem::path& file, std::string_view text);

}  // namespace trainers
