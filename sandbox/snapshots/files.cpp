#include "sandbox/snapshots/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"

namespace sandbox::snapshots {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = 1 << 20;

[[noreturn]] void fail(const std::string& path, const std::string& doing, int reason) {
  const std::string what = path + " cannot be " + doing + ": " + std::strerror(reason) + ".";
  if (reason == ENOSPC || reason == EDQUOT) {
    throw Error(Code::resource_exhausted, what + " Free some disk space and try again.");
  }
  throw Error(Code::invalid_state, what);
}

[[noreturn]] void fail(const std::string& path, const std::string& doing) {
  fail(path, doing, errno);
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags, const std::string& doing)
      : number_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (number_ < 0) fail(path, doing);
  }
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

void write_all(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "written");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

// Hands on the pieces of a file; returns what it holds.
template <class Take>
FileFacts read_through(const std::string& path, Take take) {
  const Descriptor file(path, O_RDONLY, "read");
  FileFacts facts;
  Digest digest(DigestKind::sha256);
  std::string piece(piece_bytes, '\0');
  while (true) {
    const ssize_t count = ::read(file.number(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "read");
    if (count == 0) break;
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(count));
    facts.bytes += count;
    digest.update(bytes);
    take(bytes);
  }
  facts.sha256 = hex(digest.finish());
  return facts;
}

}  // namespace

FileFacts facts_of(const std::string& file) {
  return read_through(file, [](std::string_view) {});
}

FileFacts copy_file(const std::string& from, const std::string& to) {
  const Descriptor copy(to, O_WRONLY | O_CREAT | O_EXCL, "made");
  const FileFacts facts =
      read_through(from, [&](std::string_view bytes) { write_all(copy.number(), bytes, to); });
  if (::fsync(copy.number()) != 0) fail(to, "written");
  return facts;
}

void link_file(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return;
  // EPERM: a file system without second names; EMLINK: too many of them.
  if (errno != EXDEV && errno != EPERM && errno != EMLINK) fail(to, "made");
  copy_file(from, to);
}

void write_file(const std::string& file, const std::string& text) {
  const std::string fresh = file + ".new";
  ::unlink(fresh.c_str());
  {
    const Descriptor out(fresh, O_WRONLY | O_CREAT | O_EXCL, "made");
    write_all(out.number(), text, fresh);
    if (::fsync(out.number()) != 0) fail(fresh, "written");
  }
  if (!move(fresh, file)) fail(file, "written", EXDEV);
}

void make_private(const std::string& file) {
  if (::chmod(file.c_str(), 0600) != 0) fail(file, "kept from others");
}

std::string read_file(const std::string& file) {
  std::string text;
  read_through(file, [&](std::string_view bytes) { text += bytes; });
  return text;
}

void make_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0) fail(directory, "made");
}

void sync_directory(const std::string& directory) {
  const Descriptor names(directory, O_RDONLY | O_DIRECTORY, "read");
  if (::fsync(names.number()) != 0) fail(directory, "written");
}

bool move(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    if (errno == EXDEV) return false;
    fail(to, "made");
  }
  sync_directory(fs::path(to).parent_path().string());
  return true;
}

void remove_all(const std::string& path) {
  std::error_code failure;
  fs::remove_all(path, failure);
  if (failure) fail(path, "removed", failure.value());
}

std::vector<std::string> files_below(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::recursive_directory_iterator entry(directory, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    if (entry->is_regular_file()) {
      names.push_back(entry->path().lexically_relative(directory).string());
    }
  }
  if (failure) fail(directory, "read", failure.value());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator entry(directory, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    names.push_back(entry->path().filename().string());
  }
  if (failure && failure.value() != ENOENT) fail(directory, "read", failure.value());
  std::sort(names.begin(), names.end());
  return names;
}

bool exists(const std::string& path) {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0;
}

std::int64_t own_bytes(const std::string& directory) {
  std::int64_t bytes = 0;
  for (const std::string& name : files_below(directory)) {
    struct stat facts {};
    const std::string path = directory + "/" + name;
    if (::lstat(path.c_str(), &facts) == 0 && facts.st_nlink == 1) bytes += facts.st_size;
  }
  return bytes;
}

WorkMark::WorkMark(const std::string& directory, bool wait)
    : directory_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (directory_ < 0) fail(directory, "read");
  is_ours_ = ::flock(directory_, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0;
}

WorkMark::~WorkMark() {
  ::close(directory_);
}

}  // namespace sandbox::snapshots
