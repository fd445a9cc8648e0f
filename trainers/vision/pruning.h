// Weights that are nothing but zero.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "trainers/vision/models.h"

namespace trainers::vision {

// Which weights of a network are to stay zero. The network has to outlive it.
class Pruning {
 public:
  // Of each convolution's and each linear layer's weights the `share` that are nearest to zero
  // become zero, as torch.nn.utils.prune.l1_unstructured chooses them. Layer by layer: over all of
  // them together whole layers of small weights, such as a MobileNet's depthwise ones, would
  // vanish.
  Pruning(const Network& network, double share);

  // Makes them zero again, after a step of training.
  void apply() const;
  // The part of those weights that is zero.
  [[nodiscard]] double sparsity() const;

 private:
  std::vector<at::Tensor> weights_;
  std::vector<at::Tensor> kept_;  // 1 where a weight may be anything, 0 where it is pruned
};

}  // namespace trainers::vision
