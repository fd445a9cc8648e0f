// A job's log on its way to the disk: secrets become ***, and it does not grow without end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::jobs {

class MaskedLog {
 public:
  // Appends to `file`, of which at most `bytes_max` bytes are filled. Throws Error(invalid_state)
  // when it cannot be opened.
  MaskedLog(const std::string& file, std::vector<std::string> secrets, std::int64_t bytes_max);
  ~MaskedLog();
  MaskedLog(const MaskedLog&) = delete;
  MaskedLog& operator=(const MaskedLog&) = delete;

  // Bytes that may be the beginning of a secret wait for those that come next.
  void write(std::string_view bytes);
  // Writes what waits, and one last line when something was left out. A disk that is full loses
  // the bytes and not the job.
  void end();
  [[nodiscard]] bool is_cut() const { return is_cut_; }

 private:
  void flush(bool is_last);
  void append(std::string_view bytes);

  int file_ = -1;
  std::vector<std::string> secrets_;
  std::int64_t bytes_max_;
  std::int64_t bytes_ = 0;
  std::string waiting_;
  bool is_cut_ = false;
};

}  // namespace sandbox::jobs
