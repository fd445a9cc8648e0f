#include "trainers/linear/scaling.h"

#include <algorithm>
#include <cmath>

#include "sandbox/base/error.h"

namespace trainers::linear {
namespace {

std::vector<double> column_of(std::span<const float> values,
                              std::size_t column,
                              std::size_t width) {
  std::vector<double> present;
  for (std::size_t at = column; at < values.size(); at += width) {
    present.push_back(static_cast<double>(values[at]));
  }
  return present;
}

// Fills the gaps; answers the mean, which stays what it is.
double fill_gaps(std::vector<double>& column, const std::string& name) {
  double sum = 0;
  double count = 0;
  for (const double value : column) {
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  if (count == 0) {
    throw sandbox::Error(sandbox::Code::invalid_parameter_value,
                         "The column '" + name +
                             "' holds no value in the rows to learn from. Leave it out: --drop " +
                             name + ".");
  }
  for (double& value : column) {
    if (std::isnan(value)) value = sum / count;
  }
  return sum / count;
}

double deviation_of(const std::vector<double>& column, double mean) {
  double squares = 0;
  for (const double value : column) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(column.size()));
}

}  // namespace

Scaling fit_scaling(const std::string& kind,
                    std::span<const float> values,
                    const std::vector<std::string>& columns) {
  Scaling scaling;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::vector<double> column = column_of(values, i, columns.size());
    const double mean = fill_gaps(column, columns[i]);
    const auto [least, most] = std::minmax_element(column.begin(), column.end());
    // A sum of equal numbers is rounded, and the deviation then is not quite 0.
    const double deviation = *least == *most ? 0 : deviation_of(column, mean);
    const double width = kind == "standard" ? deviation : kind == "minmax" ? *most - *least : 1;
    scaling.fill.push_back(mean);
    scaling.center.push_back(kind == "standard" ? mean : kind == "minmax" ? *least : 0);
    scaling.scale.push_back(width > 0 ? width : 1);
    scaling.deviation.push_back(deviation);
  }
  return scaling;
}

}  // namespace trainers::linear
