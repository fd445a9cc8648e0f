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
  // The longest first: a secret may begin with another one.
  std::sort(secrets_.begin(), secrets_.end(),
            [](const auto& left, const auto& right) { return left.size() > right.size(); });
  struct stat now {};
  if (fstat(file_, &now) == 0) bytes_ = now.st_size;
}

MaskedLog::~MaskedLog() {
  close(file_);
}

// How much of the end of `waiting_` may be the beginning of a secret.
std::size_t MaskedLog::held_back() const {
  std::size_t held = 0;
  for (const std::string& secret : secrets_) {
    for (std::size_t size = std::min(secret.size() - 1, waiting_.size()); size > held; --size) {
      if (std::string_view(waiting_).ends_with(std::string_view(secret).substr(0, size))) {
        held = size;
        break;
      }
    }
  }
  return held;
}

void MaskedLog::write(std::string_view bytes) {
  waiting_ += bytes;
  for (const std::string& secret : secrets_) {
    for (std::size_t at = waiting_.find(secret); at != std::string::npos;
         at = waiting_.find(secret, at)) {
      waiting_.replace(at, secret.size(), "***");
      at += 3;
    }
  }
  const std::size_t whole = waiting_.size() - held_back();
  append(std::string_view(waiting_).substr(0, whole));
  waiting_.erase(0, whole);
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
  append(waiting_);
  waiting_.clear();
  if (!is_cut_) return;
  const std::string_view note = "\n[the rest was left out: the log was full, or the disk]\n";
  if (::write(file_, note.data(), note.size()) < 0) return;  // the disk still is
}

}  // namespace sandbox::jobs
