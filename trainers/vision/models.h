// The networks, layer by layer as torchvision's and with its names of their parts, so that a
// state_dict of one fits the other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <torch/nn/module.h>

namespace trainers::vision {

class Network : public torch::nn::Module {
 public:
  // A batch of images (batch, 3, height, width), any memory format, to (batch, classes).
  virtual torch::Tensor forward(const torch::Tensor& images) = 0;
  // The name before the dot of the parts that make classes of features.
  [[nodiscard]] virtual std::string head() const = 0;
};

// With the initial weights torchvision would draw, from Torch's generator as it is seeded.
// `model_name` is one of settings.h's.
std::shared_ptr<Network> make_network(const std::string& model_name, std::int64_t classes);

}  // namespace trainers::vision
