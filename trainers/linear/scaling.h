// How columns are made alike before a model sees them. No Torch.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace trainers::linear {

// A value becomes (value - center) / scale; a missing one is `fill` first. One of each a column.
struct Scaling {
  std::vector<double> fill;
  std::vector<double> center;
  std::vector<double> scale;
  std::vector<double> deviation;  // of the filled column, whatever the scaling
};

// `kind` is standard, minmax or none; `values` are row after row, NaN where there is none. A column
// of one value is only centred. Throws Error(invalid_parameter_value) for a column without any.
Scaling fit_scaling(const std::string& kind,
                    std::span<const float> values,
                    const std::vector<std::string>& columns);

}  // namespace trainers::linear
