// A file that bears its name only once it is whole. No Torch.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>

namespace trainers::vision {

// Torch's writers end the process when bytes are not taken from them, so all are taken, and what
// became of them is asked at the end.
class CarefulFile {
 public:
  // Makes the folder where there is none.
  explicit CarefulFile(const std::filesystem::path& file);

  // Takes bytes; good as long as this object.
  std::function<std::size_t(const void* bytes, std::size_t count)> sink();
  // Gives the file its name. Throws Error when something of it could not be written; then there is
  // none.
  void end();

 private:
  std::filesystem::path file_;
  std::filesystem::path part_;
  std::ofstream out_;
};

// Writes `from` compressed by gzip. Throws Error when either cannot be read or written.
void write_compressed(const std::filesystem::path& from, const std::filesystem::path& file);

}  // namespace trainers::vision
