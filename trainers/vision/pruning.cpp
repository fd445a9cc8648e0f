#include "trainers/vision/pruning.h"

#include <cmath>

#include <ATen/ATen.h>

namespace trainers::vision {
namespace {

// 0 at the `share` of the weights that are nearest to zero, 1 elsewhere.
at::Tensor kept_of(const at::Tensor& weight, double share) {
  const auto count = static_cast<std::int64_t>(
      std::nearbyint(share * static_cast<double>(weight.numel())));  // halves to even, as Python
  at::Tensor kept = at::ones({weight.numel()}, weight.options().requires_grad(false));
  if (count > 0) {
    const at::Tensor magnitudes = weight.abs().reshape({-1});
    kept.index_fill_(0, std::get<1>(magnitudes.topk(count, 0, false, false)), 0);
  }
  return kept.reshape(weight.sizes());
}

}  // namespace

Pruning::Pruning(const Network& network, double share) {
  const at::NoGradGuard no_grad;
  for (const auto& parameter : network.named_parameters()) {
    // Biases, and all that batch normalisation has, are of one dimension.
    if (parameter.value().dim() < 2) continue;
    weights_.push_back(parameter.value());
    kept_.push_back(kept_of(parameter.value(), share));
  }
  apply();
}

void Pruning::apply() const {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    at::Tensor weight = weights_[i];
    weight.mul_(kept_[i]);
  }
}

double Pruning::sparsity() const {
  std::int64_t zeros = 0;
  std::int64_t all = 0;
  for (const at::Tensor& weight : weights_) {
    zeros += weight.numel() - at::count_nonzero(weight).item<std::int64_t>();
    all += weight.numel();
  }
  return static_cast<double>(zeros) / static_cast<double>(all);
}

}  // namespace trainers::vision
