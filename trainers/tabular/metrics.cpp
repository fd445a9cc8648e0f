#include "trainers/tabular/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "trainers/scores.h"

namespace trainers::tabular {
namespace {

// What scikit-learn keeps probabilities away from 0 and 1 by, of floats.
constexpr double probability_min = std::numeric_limits<float>::epsilon();

double probability(std::span<const float> probabilities,
                   std::size_t row,
                   std::size_t truth,
                   std::size_t classes) {
  if (classes > 2) return static_cast<double>(probabilities[row * classes + truth]);
  const auto second = static_cast<double>(probabilities[row]);
  return truth == 1 ? second : 1 - second;
}

// Of the second of two classes.
double binary_f1(const Confusion& confusion) {
  const auto hits = static_cast<double>(confusion.count(1, 1));
  const auto wrong = static_cast<double>(confusion.count(0, 1) + confusion.count(1, 0));
  return hits == 0 ? 0 : 2 * hits / (2 * hits + wrong);
}

}  // namespace

double rmse(std::span<const double> truth, std::span<const float> predicted) {
  double sum = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double error = truth[i] - static_cast<double>(predicted[i]);
    sum += error * error;
  }
  return std::sqrt(sum / static_cast<double>(truth.size()));
}

Scores regression_scores(std::span<const double> truth, std::span<const float> predicted) {
  const auto count = static_cast<double>(truth.size());
  const double mean = std::accumulate(truth.begin(), truth.end(), 0.0) / count;
  double residual = 0;
  double total = 0;
  double absolute = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double error = truth[i] - static_cast<double>(predicted[i]);
    residual += error * error;
    absolute += std::abs(error);
    total += (truth[i] - mean) * (truth[i] - mean);
  }
  const double r2 = total > 0 ? 1 - residual / total : std::numeric_limits<double>::quiet_NaN();
  return {{"r2", r2}, {"rmse", std::sqrt(residual / count)}, {"mae", absolute / count}};
}

double log_loss(std::span<const double> truth,
                std::span<const float> probabilities,
                std::size_t classes) {
  double sum = 0;
  for (std::size_t row = 0; row < truth.size(); ++row) {
    const double said =
        probability(probabilities, row, static_cast<std::size_t>(truth[row]), classes);
    sum -= std::log(std::clamp(said, probability_min, 1 - probability_min));
  }
  return sum / static_cast<double>(truth.size());
}

double roc_auc(std::span<const double> truth, std::span<const float> probabilities) {
  std::vector<std::size_t> order(truth.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
    return probabilities[left] < probabilities[right];
  });
  double positives = 0;
  double rank_sum = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double inside = 0;
    while (end < order.size() && probabilities[order[end]] == probabilities[order[begin]]) {
      inside += truth[order[end++]];
    }
    // Equal probabilities share the mean of their ranks.
    rank_sum += inside * static_cast<double>(begin + 1 + end) / 2;
    positives += inside;
    begin = end;
  }
  const double negatives = static_cast<double>(truth.size()) - positives;
  return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

std::size_t predicted_class(std::span<const float> probabilities,
                            std::size_t row,
                            std::size_t classes) {
  if (classes == 2) return probabilities[row] > 0.5F ? 1 : 0;
  const auto begin = probabilities.begin() + static_cast<std::ptrdiff_t>(row * classes);
  return static_cast<std::size_t>(
      std::max_element(begin, begin + static_cast<std::ptrdiff_t>(classes)) - begin);
}

Scores classification_scores(std::span<const double> truth,
                             std::span<const float> probabilities,
                             std::size_t classes) {
  Confusion confusion(classes);
  for (std::size_t row = 0; row < truth.size(); ++row) {
    confusion.add(static_cast<std::size_t>(truth[row]),
                  predicted_class(probabilities, row, classes));
  }
  Scores scores{{"accuracy", confusion.accuracy()},
                {"log_loss", log_loss(truth, probabilities, classes)}};
  if (classes > 2) {
    scores["f1_macro"] = confusion.macro_f1();
    return scores;
  }
  scores["f1"] = binary_f1(confusion);
  if (confusion.count_of(0) > 0 && confusion.count_of(1) > 0) {
    scores["roc_auc"] = roc_auc(truth, probabilities);
  }
  return scores;
}

}  // namespace trainers::tabular
