#include "trainers/tabular/split.h"

#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <utility>

#include "sandbox/base/error.h"

namespace trainers::tabular {
namespace {

constexpr std::size_t part_rows_min = 2;

// Of the numbers below `end`, all alike likely. Written out, because the standard library's
// distributions differ from one to another.
std::size_t below(std::mt19937_64& chance, std::size_t end) {
  const std::uint64_t span = std::uint64_t{end};
  const std::uint64_t limit = std::mt19937_64::max() - std::mt19937_64::max() % span;
  std::uint64_t number = chance();
  while (number >= limit) number = chance();
  return number % span;
}

std::vector<std::size_t> take(std::vector<std::size_t>& from, std::size_t count) {
  const auto begin = from.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<std::size_t> taken(begin, from.end());
  from.erase(begin, from.end());
  return taken;
}

std::size_t part_of(std::size_t rows, double fraction, const char* what, const char* parameter) {
  const auto count = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(rows)));
  if (count < part_rows_min || rows - count < part_rows_min) {
    throw sandbox::Error(sandbox::Code::invalid_parameter_value,
                         "There are too few rows: of " + std::to_string(rows) + ", " + parameter +
                             " leaves " + std::to_string(count) + " for the " + what + " and " +
                             std::to_string(rows - count) + " to learn from; both want " +
                             std::to_string(part_rows_min) + " at least.");
  }
  return count;
}

}  // namespace

Split split_rows(std::size_t rows,
                 double test_fraction,
                 double validation_fraction,
                 std::int64_t seed) {
  const std::size_t test = part_of(rows, test_fraction, "test", "test_fraction");
  Split split;
  split.train.resize(rows);
  std::iota(split.train.begin(), split.train.end(), std::size_t{0});
  std::mt19937_64 chance(static_cast<std::uint64_t>(seed));
  for (std::size_t i = rows - 1; i > 0; --i)
    std::swap(split.train[i], split.train[below(chance, i + 1)]);
  split.test = take(split.train, test);
  if (validation_fraction > 0) {
    split.validation = take(split.train, part_of(split.train.size(), validation_fraction,
                                                 "validation", "validation_fraction"));
  }
  return split;
}

}  // namespace trainers::tabular
