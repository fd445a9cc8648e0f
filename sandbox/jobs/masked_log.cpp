#include "sandbox/jobs/masked_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/error.h"

namespace sandbox::jobs {

MaskedLog::MaskedLog(const std::string& file,
                     std::vector<std::string> secrets,
                     std::int64_t bytes_max)
    : file_(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)),
      secrets_(std::move(secrets)),
      bytes_max_(bytes_max) {
  if (file_ < 0) {
    throw Error(Code::invalid_state,
                "The log " + file + " cannot be written: " + std::strerror(errno));
  }
  std::erase_if(secrets_, [](const std::string& secret) { return secret.empty(); });
  struct stat now {};
  if (fstat(file_, &now) == 0) bytes_ = now.st_size;
}

MaskedLog::~MaskedLog() {
  close(file_);
}

// From the left, at each place the longest secret. Where a longer one may yet come true, the rest
// waits, unless nothing more comes.
void MaskedLog::flush(bool is_last) {
  std::string masked;
  std::size_t at = 0;
  while (at < waiting_.size()) {
    const std::string_view rest = std::string_view(waiting_).substr(at);
    std::size_t found = 0;
    bool may_grow = false;
    for (const std::string& secret : secrets_) {
      if (rest.starts_with(secret)) {
        found = std::max(found, secret.size());
      } else if (!is_last && secret.size() > rest.size() && secret.starts_with(rest)) {
        may_grow = true;
      }
    }
    if (may_grow) break;
    masked += found > 0 ? std::string_view("***") : rest.substr(0, 1);
    at += std::max<std::size_t>(found, 1);
  }
  waiting_.erase(0, at);
  append(masked);
}

void MaskedLog::write(std::string_view bytes) {
  waiting_ += bytes;
  flush(false);
}

void MaskedLog::append(std::string_view bytes) {
  const auto room = static_cast<std::size_t>(std::max<std::int64_t>(bytes_max_ - bytes_, 0));
  if (bytes.size() > room) {
    is_cut_ = true;
    bytes = bytes.substr(0, room);
  }
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      is_cut_ = true;
      return;
    }
    bytes_ += count;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void MaskedLog::end() {
  flush(true);
  if (!is_cut_) return;
  const std::string_view note = "\n[the rest was left out: the log was full, or the disk]\n";
  if (::write(file_, note.data(), note.size()) < 0) return;  // the disk still is
}

}  // namespace sandbox::jobs
