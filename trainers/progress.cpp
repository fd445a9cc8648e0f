#include "trainers/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace trainers {
namespace {

constexpr std::int64_t bar_cells = 24;

std::string rate_text(double per_second) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), per_second < 10 ? "%.1f" : "%.0f", per_second);
  return text.data();
}

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(std::llround(std::max(seconds, 0.0)));
  std::array<char, 32> text{};
  if (whole < 3600) {
    std::snprintf(text.data(), text.size(), "%lld:%02lld", whole / 60, whole % 60);
  } else {
    std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  }
  return text.data();
}

std::string progress_text(const ProgressLine& line) {
  const std::int64_t of = std::max<std::int64_t>(line.of, 1);
  const std::int64_t full = std::clamp<std::int64_t>(line.done * bar_cells / of, 0, bar_cells);
  std::string bar;
  for (std::int64_t i = 0; i < bar_cells; ++i) bar += i < full ? "━" : "─";
  std::string text = line.what + " " + bar + " " + std::to_string(line.done) + "/" +
                     std::to_string(of) + "  " + rate_text(line.per_second) + " " + line.unit +
                     "/s  " + duration_text(line.seconds_left) + " left";
  if (!line.note.empty()) text += "  " + line.note;
  return text;
}

}  // namespace trainers
