// Steps made of gradients, over all parameters at once (Torch's foreach kernels). The arithmetic is
// that of torch.optim's SGD, Adam and AdamW with their defaults.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace trainers::vision {

struct OptimizerOptions {
  std::string kind = "adam";  // or sgd, adamw
  double momentum = 0.9;      // of sgd
  double weight_decay = 0;
};

class Optimizer {
 public:
  // `parameters` with their names; they are changed in place.
  Optimizer(std::vector<std::pair<std::string, at::Tensor>> parameters, OptimizerOptions options);

  // Changes every parameter by its gradient, and forgets the gradients.
  void step(double learning_rate);

  // What it remembers, by "<what>/<parameter>", for a checkpoint.
  [[nodiscard]] std::map<std::string, at::Tensor> state() const;
  // Throws Error when something is missing, as in a checkpoint of another optimizer.
  void load(const std::map<std::string, at::Tensor>& state);

 private:
  void step_sgd(const std::vector<at::Tensor>& gradients, double learning_rate);
  void step_adam(const std::vector<at::Tensor>& gradients, double learning_rate);

  OptimizerOptions options_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> parameters_;
  // Of sgd the first is the momentum; of adam the means of gradients and of their squares.
  std::vector<at::Tensor> first_;
  std::vector<at::Tensor> second_;
  std::int64_t steps_ = 0;
};

}  // namespace trainers::vision
