#include "sandbox/base/private_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include "sandbox/base/error.h"

namespace sandbox {
namespace {

// So that the new name is on disk as well.
void sync_directory_of(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  const int file =
      open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  fsync(file);
  close(file);
}

}  // namespace

void write_private_file(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = file >= 0 &&
                       write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(file) == 0;
  const int failure = errno;
  if (file >= 0) close(file);
  if (!written || rename(fresh.c_str(), path.c_str()) != 0) {
    throw Error(Code::invalid_state,
                path + " cannot be written: " + std::strerror(written ? errno : failure));
  }
  sync_directory_of(path);
}

}  // namespace sandbox
