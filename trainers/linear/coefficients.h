// What one layer says about the columns, as JSON and picture. No Torch.
#pragma once

#include <string>
#include <vector>

#include "trainers/linear/scaling.h"
#include "trainers/tabular/rows.h"
#include "trainers/train_context.h"

namespace trainers::linear {

// One output's line: its value is the intercept and each column times its coefficient, both of the
// columns as they stand in the table.
struct Line {
  double intercept = 0;
  std::vector<double> coefficients;
};

// From the line of scaled columns.
Line unscaled(const Line& line, const Scaling& scaling);

// Logs coefficients.json and coefficients.png; of two classes there is one line, of more one each.
void log_coefficients(TrainContext& context,
                      const tabular::Rows& rows,
                      const Scaling& scaling,
                      const std::vector<Line>& lines);

}  // namespace trainers::linear
