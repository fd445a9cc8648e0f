#include "sandbox/traces/correlation.h"

#include <algorithm>
#include <cmath>

namespace sandbox::traces {
namespace {

// What Jeffreys' prior adds to each case, so that few traces do not look certain.
constexpr double smoothing = 0.5;

// How many traces are found by both filters, by one of them, by none.
struct Cases {
  double both = 0;
  double first_only = 0;
  double second_only = 0;
  double none = 0;
};

std::optional<double> npmi(const Cases& cases, double added) {
  const double both = cases.both + added;
  const double first = both + cases.first_only + added;
  const double second = both + cases.second_only + added;
  const double total = first + cases.second_only + added + cases.none + added;
  if (first <= 0 || second <= 0 || both <= 0) return std::nullopt;
  // All traces are found by both: the formula would divide by zero.
  if (cases.first_only == 0 && cases.second_only == 0 && cases.none == 0) return 1.0;
  const double information =
      (std::log(both) + std::log(total)) - (std::log(first) + std::log(second));
  return std::clamp(information / -(std::log(both) - std::log(total)), -1.0, 1.0);
}

}  // namespace

void set_npmi(FilterCorrelation& correlation) {
  correlation.npmi.reset();
  correlation.npmi_smoothed.reset();
  if (correlation.filter1_count == 0 || correlation.filter2_count == 0) return;
  const auto joint = static_cast<double>(correlation.joint_count);
  const auto first = static_cast<double>(correlation.filter1_count);
  const auto second = static_cast<double>(correlation.filter2_count);
  const auto total = static_cast<double>(correlation.total_count);
  const Cases cases{joint, first - joint, second - joint, total - first - second + joint};
  // Filters that never meet exclude each other.
  correlation.npmi = joint == 0 ? -1.0 : npmi(cases, 0);
  correlation.npmi_smoothed = npmi(cases, smoothing);
}

}  // namespace sandbox::traces
