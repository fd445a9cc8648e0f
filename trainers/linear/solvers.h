// Models of one layer, which have one best answer.
#pragma once

#include <functional>

#include "trainers/linear/model.h"

namespace trainers::linear {

// Least squares with an intercept, and `alpha` times the squared coefficients on top; the smallest
// of all answers where there are many.
Layer least_squares(const at::Tensor& rows, const at::Tensor& truth, double alpha);

struct Descent {
  Layer layer;
  double slope = 0;  // the greatest at the end
  std::int64_t steps = 0;
};

// Logistic regression by L-BFGS, of two classes with one output, of more with one each. The
// intercepts are not pulled. After each round of steps `go_on` gets their number and the loss, and
// says whether to go on.
Descent logistic(const at::Tensor& rows,
                 const at::Tensor& truth,  // indices of classes
                 std::int64_t outputs,
                 double c,
                 std::int64_t max_steps,
                 double tolerance,
                 const std::function<bool(std::int64_t, double)>& go_on);

// The mean loss of outputs before the link: of probabilities, or squared.
at::Tensor class_loss(const at::Tensor& outputs, const at::Tensor& truth);

}  // namespace trainers::linear
