#include "trainers/linear/solvers.h"

#include <algorithm>
#include <limits>

#include <ATen/ATen.h>
#include <torch/optim/lbfgs.h>

namespace trainers::linear {
namespace {

constexpr std::int64_t steps_of_round = 20;
constexpr std::int64_t evaluations_of_step = 25;  // as many as a search along a line may take

}  // namespace

Layer least_squares(const at::Tensor& rows, const at::Tensor& truth, double alpha) {
  const at::Tensor row_mean = rows.mean(0);
  const at::Tensor truth_mean = truth.mean();
  const at::Tensor x = rows - row_mean;
  const at::Tensor y = (truth - truth_mean).unsqueeze(1);
  at::Tensor weight;
  if (alpha > 0) {
    const at::Tensor square =
        at::mm(x.t(), x) + alpha * at::eye(x.size(1), at::TensorOptions(at::kDouble));
    weight = at::cholesky_solve(at::mm(x.t(), y), at::linalg_cholesky(square));
  } else {
    weight = std::get<0>(at::linalg_lstsq(x, y, c10::nullopt, "gelsd"));
  }
  return {weight.t().contiguous(), (truth_mean - at::mv(weight.t(), row_mean)).contiguous()};
}

at::Tensor class_loss(const at::Tensor& outputs, const at::Tensor& truth) {
  if (outputs.size(1) > 1) return at::cross_entropy_loss(outputs, truth);
  return at::binary_cross_entropy_with_logits(outputs.squeeze(1), truth.to(at::kDouble));
}

Descent logistic(const at::Tensor& rows,
                 const at::Tensor& truth,
                 std::int64_t outputs,
                 double c,
                 std::int64_t max_steps,
                 double tolerance,
                 const std::function<bool(std::int64_t, double)>& go_on) {
  const at::TensorOptions doubles(at::kDouble);
  Descent descent;
  descent.layer = {at::zeros({outputs, rows.size(1)}, doubles).requires_grad_(),
                   at::zeros({outputs}, doubles).requires_grad_()};
  const Layer& layer = descent.layer;
  const double pull = 1 / (2 * c * static_cast<double>(rows.size(0)));
  torch::optim::LBFGSOptions options(1);
  options.tolerance_grad(tolerance).tolerance_change(0).history_size(20).line_search_fn(
      "strong_wolfe");
  torch::optim::LBFGS optimizer({layer.weight, layer.bias}, options);
  const auto loss_here = [&] {
    optimizer.zero_grad();
    const at::Tensor loss = class_loss(at::linear(rows, layer.weight, layer.bias), truth) +
                            pull * layer.weight.square().sum();
    loss.backward();
    return loss;
  };
  double loss_before = std::numeric_limits<double>::infinity();
  while (descent.steps < max_steps) {
    const std::int64_t steps = std::min(steps_of_round, max_steps - descent.steps);
    static_cast<torch::optim::LBFGSOptions&>(optimizer.param_groups()[0].options())
        .max_iter(steps)
        .max_eval(steps * evaluations_of_step);
    optimizer.step(loss_here);
    descent.steps += steps;
    const double loss = loss_here().item<double>();
    descent.slope = std::max(layer.weight.grad().abs().max().item<double>(),
                             layer.bias.grad().abs().max().item<double>());
    // A loss that stays has come as far down as doubles tell apart.
    if (!go_on(descent.steps, loss) || descent.slope <= tolerance || !(loss < loss_before)) break;
    loss_before = loss;
  }
  descent.layer = {layer.weight.detach(), layer.bias.detach()};
  return descent;
}

}  // namespace trainers::linear
