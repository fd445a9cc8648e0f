#include "sandbox/jobs/attempt.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::jobs {

std::optional<std::string> read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Attempt::Shim Attempt::look() const {
  const std::string lock = file("lock").string();
  std::error_code ignored;
  std::filesystem::create_directories(directory_, ignored);
  // Whoever makes this file decides: a shim that comes later finds it and leaves.
  const int made = open(lock.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made >= 0) {
    close(made);
    return Shim::never_started;
  }
  const int held = open(lock.c_str(), O_RDONLY | O_CLOEXEC);
  if (held < 0) {
    throw Error(Code::invalid_state, lock + " cannot be read: " + std::strerror(errno));
  }
  const bool is_alive = flock(held, LOCK_EX | LOCK_NB) != 0;
  struct stat now {};
  const bool is_ours = fstat(held, &now) == 0 && now.st_size == 0;  // a shim writes its number
  close(held);
  if (is_alive) return Shim::alive;
  return is_ours ? Shim::never_started : Shim::gone;
}

int Attempt::pid_in(const char* name) const {
  const auto text = read_file(file(name));
  if (!text) return 0;
  return static_cast<int>(parse_int64(trim(*text)).value_or(0));
}

std::optional<End> Attempt::end() const {
  const auto text = read_file(file("end.json"));
  return text ? std::optional(from_json<End>(*text)) : std::nullopt;
}

std::vector<std::string> Attempt::cgroup() const {
  const auto text = read_file(file("cgroup"));
  return text ? split(trim(*text), '\n') : std::vector<std::string>{};
}

int Attempt::claim() const {
  // Locked before it bears its name, so that nobody finds it there without the lock.
  const std::string mine = file("lock").string() + "." + std::to_string(getpid());
  const int made = open(mine.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0) return -1;
  const std::string pid = std::to_string(getpid()) + "\n";
  const bool is_claimed = flock(made, LOCK_EX | LOCK_NB) == 0 &&
                          write(made, pid.data(), pid.size()) == static_cast<ssize_t>(pid.size()) &&
                          link(mine.c_str(), file("lock").c_str()) == 0;
  unlink(mine.c_str());
  if (is_claimed) return made;
  close(made);
  return -1;
}

}  // namespace sandbox::jobs
