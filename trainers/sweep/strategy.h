// Which point of a space a sweep tries next. Pure: the same seed and history give the same point.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "trainers/sweep/space.h"

namespace trainers {

// What a trial came to; the greater the better. Failed and running ones have none.
struct Trial {
  Point point;
  std::optional<double> score;
};

enum class Strategy { grid, random, tpe };
// nullopt for another word.
std::optional<Strategy> find_strategy(std::string_view word);

// All points of the grid in their order, at most `trials_max` of them: every dimension that is no
// choice gets so many places that they fit.
std::vector<Point> grid_points(const Space& space, std::size_t trials_max);

// The point for trial number `number` (from 0) drawn evenly.
Point random_point(const Space& space, std::uint64_t seed, std::size_t number);

// The same by the tree-structured Parzen estimator (Bergstra et al., NIPS 2011): of some candidates
// drawn where good trials lie, the one that is likelier there than where the bad ones lie. The
// first ten trials are random_point's, and every fifth: luck may not have shown the best region
// yet.
Point tpe_point(const Space& space,
                const std::vector<Trial>& history,
                std::uint64_t seed,
                std::size_t number);

}  // namespace trainers
