#include "trainers/scores.h"

#include <numeric>

namespace trainers {

Confusion::Confusion(std::size_t classes) : classes_(classes), counts_(classes * classes) {}

void Confusion::add(std::size_t truth, std::size_t predicted) {
  ++counts_[truth * classes_ + predicted];
}

std::int64_t Confusion::count_of(std::size_t truth) const {
  std::int64_t sum = 0;
  for (std::size_t predicted = 0; predicted < classes_; ++predicted) sum += count(truth, predicted);
  return sum;
}

std::int64_t Confusion::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

double Confusion::accuracy() const {
  std::int64_t right = 0;
  for (std::size_t one = 0; one < classes_; ++one) right += count(one, one);
  const std::int64_t all = total();
  return all == 0 ? 0 : static_cast<double>(right) / static_cast<double>(all);
}

double Confusion::accuracy_of(std::size_t truth) const {
  const std::int64_t all = count_of(truth);
  return all == 0 ? 0 : static_cast<double>(count(truth, truth)) / static_cast<double>(all);
}

double Confusion::macro_f1() const {
  double sum = 0;
  int seen = 0;
  for (std::size_t one = 0; one < classes_; ++one) {
    std::int64_t predicted = 0;
    for (std::size_t truth = 0; truth < classes_; ++truth) predicted += count(truth, one);
    const std::int64_t either = count_of(one) + predicted;
    if (either == 0) continue;
    ++seen;
    sum += 2.0 * static_cast<double>(count(one, one)) / static_cast<double>(either);
  }
  return seen == 0 ? 0 : sum / seen;
}

}  // namespace trainers
