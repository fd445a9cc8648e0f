#include "trainers/text_file.h"

#include <fstream>

#include "sandbox/base/error.h"

namespace trainers {

void write_text(const std::filesystem::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (out) return;
  throw sandbox::Error(sandbox::Code::resource_exhausted,
                       file.string() + " cannot be written. Is the disk full?");
}

}  // namespace trainers
