#include "trainers/sweep/strategy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

namespace trainers {
namespace {

constexpr std::size_t first_trials = 10;  // before there is enough to learn from
constexpr std::size_t even_every = 5;     // luck may not have shown the best region yet
constexpr std::size_t candidates = 24;    // of which the best is tried
constexpr double good_share = 0.15;

// The library's distributions differ between its versions; these do not.
class Chance {
 public:
  Chance(std::uint64_t seed, std::size_t number)
      : bits_(seed * 0x9E3779B97F4A7C15ULL + number * 0xBF58476D1CE4E5B9ULL + 1) {}
  double uniform() { return static_cast<double>(bits_() >> 11) * 0x1.0p-53; }
  std::size_t below(std::size_t count) {
    return std::min(static_cast<std::size_t>(uniform() * static_cast<double>(count)), count - 1);
  }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::mt19937_64 bits_;
};

// How likely each place of one dimension is, from the places of some trials: a kernel around each,
// and an even share, as if of one trial more.
class Density {
 public:
  Density(const Dimension& dimension, std::vector<double> places)
      : choices_(dimension.choices()), places_(std::move(places)) {
    std::sort(places_.begin(), places_.end());
    // As wide as the gap to the farther neighbour, and the wider the fewer there are.
    const auto count = static_cast<double>(places_.size());
    const double least = 1 / std::min(100.0, 1 + count);
    for (std::size_t i = 0; i < places_.size(); ++i) {
      double gap = 0;
      if (i > 0) gap = places_[i] - places_[i - 1];
      if (i + 1 < places_.size()) gap = std::max(gap, places_[i + 1] - places_[i]);
      widths_.push_back(std::clamp(gap, least, 1.0));
    }
  }

  double draw(Chance& chance) const {
    const std::size_t which = chance.below(places_.size() + 1);
    if (which == places_.size()) return chance.uniform();
    if (choices_ > 0) return places_[which];
    for (int tries = 0; tries < 100; ++tries) {
      const double place = places_[which] + widths_[which] * chance.normal();
      if (place >= 0 && place <= 1) return place;
    }
    return places_[which];
  }

  [[nodiscard]] double at(double place) const {
    double sum = 1;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      sum += choices_ > 0 ? same_choice(place, places_[i]) : kernel(place, places_[i], widths_[i]);
    }
    return sum / static_cast<double>(places_.size() + 1);
  }

 private:
  [[nodiscard]] double same_choice(double left, double right) const {
    const auto count = static_cast<double>(choices_);
    return std::floor(left * count) == std::floor(right * count) ? count : 0;
  }
  static double kernel(double place, double middle, double width) {
    const double distance = (place - middle) / width;
    return std::exp(-distance * distance / 2) / (width * std::sqrt(2 * std::numbers::pi));
  }

  std::size_t choices_;
  std::vector<double> places_;
  std::vector<double> widths_;
};

std::vector<Density> densities(const Space& space, const std::vector<const Trial*>& trials) {
  std::vector<Density> out;
  for (std::size_t i = 0; i < space.size(); ++i) {
    std::vector<double> places;
    places.reserve(trials.size());
    for (const Trial* trial : trials) places.push_back(trial->point[i]);
    out.emplace_back(space[i], std::move(places));
  }
  return out;
}

}  // namespace

std::optional<Strategy> find_strategy(std::string_view word) {
  if (word == "grid") return Strategy::grid;
  if (word == "random") return Strategy::random;
  if (word == "tpe") return Strategy::tpe;
  return std::nullopt;
}

std::vector<Point> grid_points(const Space& space, std::size_t trials_max) {
  const auto size_with = [&](std::size_t most) {
    double size = 1;
    for (const Dimension& dimension : space) {
      size *= static_cast<double>(dimension.grid(most).size());
    }
    return size;
  };
  std::size_t most = 2;
  while (most < trials_max && size_with(most + 1) <= static_cast<double>(trials_max)) ++most;
  std::vector<Point> points{{}};
  for (const Dimension& dimension : space) {
    std::vector<Point> longer;
    for (const Point& point : points) {
      for (const double place : dimension.grid(most)) {
        longer.push_back(point);
        longer.back().push_back(place);
      }
    }
    points = std::move(longer);
  }
  if (points.size() > trials_max) points.resize(trials_max);
  return points;
}

Point random_point(const Space& space, std::uint64_t seed, std::size_t number) {
  Chance chance(seed, number);
  Point point;
  for (std::size_t i = 0; i < space.size(); ++i) point.push_back(chance.uniform());
  return point;
}

Point tpe_point(const Space& space,
                const std::vector<Trial>& history,
                std::uint64_t seed,
                std::size_t number) {
  std::vector<const Trial*> ended;
  for (const Trial& trial : history) {
    if (trial.score && std::isfinite(*trial.score)) ended.push_back(&trial);
  }
  if (ended.size() < first_trials || number % even_every == 0) {
    return random_point(space, seed, number);
  }
  std::stable_sort(ended.begin(), ended.end(), [](const Trial* left, const Trial* right) {
    return *left->score > *right->score;
  });
  const auto count = static_cast<std::size_t>(
      std::max(2.0, std::ceil(good_share * static_cast<double>(ended.size()))));
  const auto middle = ended.begin() + static_cast<std::ptrdiff_t>(count);
  const auto good = densities(space, {ended.begin(), middle});
  const auto bad = densities(space, {middle, ended.end()});
  Chance chance(seed, number);
  Point best;
  double best_ratio = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < candidates; ++i) {
    Point point;
    double ratio = 0;
    for (std::size_t d = 0; d < space.size(); ++d) {
      point.push_back(good[d].draw(chance));
      ratio += std::log(good[d].at(point[d])) - std::log(bad[d].at(point[d]));
    }
    if (ratio > best_ratio) {
      best_ratio = ratio;
      best = std::move(point);
    }
  }
  return best;
}

}  // namespace trainers
