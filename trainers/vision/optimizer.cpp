#include "trainers/vision/optimizer.h"

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "sandbox/base/error.h"

namespace trainers::vision {
namespace {

// torch.optim's defaults.
constexpr double beta1 = 0.9;
constexpr double beta2 = 0.999;
constexpr double epsilon = 1e-8;

const at::Tensor& find(const std::map<std::string, at::Tensor>& state, const std::string& name) {
  const auto found = state.find(name);
  if (found == state.end()) {
    throw sandbox::Error(
        sandbox::Code::invalid_state,
        "The checkpoint has no " + name + ": it was made with another optimizer or network.");
  }
  return found->second;
}

}  // namespace

Optimizer::Optimizer(std::vector<std::pair<std::string, at::Tensor>> parameters,
                     OptimizerOptions options)
    : options_(std::move(options)) {
  for (auto& [name, parameter] : parameters) {
    names_.push_back(std::move(name));
    first_.push_back(at::zeros_like(parameter));
    if (options_.kind != "sgd") second_.push_back(at::zeros_like(parameter));
    parameters_.push_back(std::move(parameter));
  }
}

void Optimizer::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  gradients.reserve(parameters_.size());
  for (const at::Tensor& parameter : parameters_) gradients.push_back(parameter.grad());
  ++steps_;
  if (options_.kind == "sgd") {
    step_sgd(gradients, learning_rate);
  } else {
    step_adam(gradients, learning_rate);
  }
  for (at::Tensor& parameter : parameters_) parameter.mutable_grad() = at::Tensor();
}

void Optimizer::step_sgd(const std::vector<at::Tensor>& gradients, double learning_rate) {
  if (options_.weight_decay > 0) {
    at::_foreach_add_(gradients, parameters_, options_.weight_decay);
  }
  if (options_.momentum > 0) {
    at::_foreach_mul_(first_, options_.momentum);
    at::_foreach_add_(first_, gradients);
  }
  at::_foreach_add_(parameters_, options_.momentum > 0 ? first_ : gradients, -learning_rate);
}

void Optimizer::step_adam(const std::vector<at::Tensor>& gradients, double learning_rate) {
  if (options_.weight_decay > 0 && options_.kind == "adamw") {
    at::_foreach_mul_(parameters_, 1 - learning_rate * options_.weight_decay);
  } else if (options_.weight_decay > 0) {
    at::_foreach_add_(gradients, parameters_, options_.weight_decay);
  }
  at::_foreach_mul_(first_, beta1);
  at::_foreach_add_(first_, gradients, 1 - beta1);
  at::_foreach_mul_(second_, beta2);
  at::_foreach_addcmul_(second_, gradients, gradients, 1 - beta2);
  const double correction1 = 1 - std::pow(beta1, steps_);
  const double correction2 = 1 - std::pow(beta2, steps_);
  std::vector<at::Tensor> divisors = at::_foreach_sqrt(second_);
  at::_foreach_mul_(divisors, 1 / std::sqrt(correction2));
  at::_foreach_add_(divisors, epsilon);
  at::_foreach_addcdiv_(parameters_, first_, divisors, -learning_rate / correction1);
}

std::map<std::string, at::Tensor> Optimizer::state() const {
  std::map<std::string, at::Tensor> state{{"steps", at::scalar_tensor(steps_, at::kLong)}};
  for (std::size_t i = 0; i < names_.size(); ++i) {
    state["first/" + names_[i]] = first_[i];
    if (!second_.empty()) state["second/" + names_[i]] = second_[i];
  }
  return state;
}

void Optimizer::load(const std::map<std::string, at::Tensor>& state) {
  const at::NoGradGuard no_grad;
  steps_ = find(state, "steps").item<std::int64_t>();
  for (std::size_t i = 0; i < names_.size(); ++i) {
    first_[i].copy_(find(state, "first/" + names_[i]));
    if (!second_.empty()) second_[i].copy_(find(state, "second/" + names_[i]));
  }
}

}  // namespace trainers::vision
