#include "sandbox/import/metric_points.h"

#include <cmath>
#include <limits>
#include <tuple>

#include "sandbox/base/hash.h"

namespace sandbox::import {

Point::Point(double given, std::int64_t at, std::int64_t of_step)
    : value(given), timestamp(at), step(of_step), is_nan(std::isnan(given)) {
  if (is_nan) value = 0;
  if (std::isinf(value)) value = std::copysign(std::numeric_limits<double>::max(), value);
}

bool Point::is_later_than(const Point& other) const {
  return std::tie(step, timestamp, value) > std::tie(other.step, other.timestamp, other.value);
}

bool insert_point(db::Tx& tx, const std::string& run, const std::string& key, const Point& point) {
  return tx.execute(
             "INSERT INTO metrics (\"key\", value, timestamp, run_uuid, step, is_nan) VALUES (?, "
             "?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
             key, point.value, point.timestamp, run, point.step, point.is_nan) == 1;
}

void insert_latest_point(db::Tx& tx,
                         const std::string& run,
                         const std::string& key,
                         const Point& point) {
  tx.execute(
      "INSERT INTO latest_metrics (\"key\", value, timestamp, step, is_nan, run_uuid) VALUES (?, "
      "?, "
      "?, ?, ?, ?) ON CONFLICT DO NOTHING",
      key, point.value, point.timestamp, point.step, point.is_nan, run);
}

std::string made_id(const std::string& text) {
  return sha256_hex(text).substr(0, 32);
}

}  // namespace sandbox::import
