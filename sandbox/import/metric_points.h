// Points of a metric as MLflow's database keeps them.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/db/database.h"

namespace sandbox::import {

struct Point {
  // NaN becomes a mark, an infinity the largest number.
  Point(double value, std::int64_t timestamp, std::int64_t step);
  // MLflow's order of points: by step, time and value.
  [[nodiscard]] bool is_later_than(const Point& other) const;

  double value;
  std::int64_t timestamp;
  std::int64_t step;
  bool is_nan;
};

// False when the very same point is there.
bool insert_point(db::Tx& tx, const std::string& run, const std::string& key, const Point& point);
void insert_latest_point(db::Tx& tx,
                         const std::string& run,
                         const std::string& key,
                         const Point& point);

// An id for what has none, the same every time.
std::string made_id(const std::string& text);

}  // namespace sandbox::import
