// The line that says how far a training is, for terminals.
#pragma once

#include <cstdint>
#include <string>

namespace trainers {

// "0:42", "12:05", "3:10:00".
std::string duration_text(double seconds);

struct ProgressLine {
  std::string what;       // "epoch 3/20"
  std::int64_t done = 0;  // of `of`
  std::int64_t of = 1;
  double per_second = 0;    // of `unit`
  std::string unit;         // "images"
  double seconds_left = 0;  // of everything
  std::string note;         // "loss 1.234"
};
// "epoch 3/20 ━━━━━━━───── 1234/5000  812 images/s  1:20 left  loss 1.234".
std::string progress_text(const ProgressLine& line);

}  // namespace trainers
