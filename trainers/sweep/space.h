// What a sweep varies: one dimension for each parameter, written as
//
//   learning_rate=log(1e-4,1e-1)   between the two, evenly in the logarithm
//   momentum=uniform(0.5,0.99)     between the two, evenly
//   max_depth=int(2,12)            a whole number, both ends among them
//   batch_size=choice(32,64,128)   one of these; without the word too: batch_size=32,64,128
//
// Inside, a value is a place between 0 and 1, whatever the dimension.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "trainers/parameters.h"

namespace trainers {

class Dimension {
 public:
  enum class Kind { log, uniform, integer, choice };

  // Throws Error(invalid_parameter_value) that quotes the text and says how it is written.
  static Dimension parse(std::string_view text);

  [[nodiscard]] const std::string& parameter() const { return parameter_; }
  [[nodiscard]] Kind kind() const { return kind_; }
  // Of a choice; 0 for the others.
  [[nodiscard]] std::size_t choices() const { return choices_.size(); }
  // The value at a place, as it would be typed.
  [[nodiscard]] std::string value_at(double place) const;
  // Where a value lies; the inverse of value_at, but for rounding. 0.5 for a text that is none.
  [[nodiscard]] double place_of(std::string_view value) const;
  // For a grid: all choices, all whole numbers when there are no more than `most`, else `most`
  // places evenly apart with both ends.
  [[nodiscard]] std::vector<double> grid(std::size_t most) const;

 private:
  std::string parameter_;
  Kind kind_ = Kind::uniform;
  double least_ = 0;
  double greatest_ = 1;
  std::vector<std::string> choices_;
};

using Space = std::vector<Dimension>;
// One place for each dimension.
using Point = std::vector<double>;

// Every dimension's two ends, or all its choices, are values its parameter may have; no parameter
// comes twice. Throws Error(invalid_parameter_value).
void check(const Space& space, const std::vector<ParameterRow>& rows);

Texts values_at(const Space& space, const Point& point);
Point point_of(const Space& space, const Texts& values);

}  // namespace trainers
